// Endpoint strings: what is read from them, and what is said about those that are none.
#define BOOST_TEST_MODULE endpoint_parser
#include "plait/reactor/endpoint_parser.hpp"

#include <boost/test/unit_test.hpp>

using namespace plait;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    Reactor reactor;
    EndpointParser parser{reactor};

    std::string refusal(std::string_view text, bool server = false) const {
        try {
            if (server) {
                parser.server(text);
            } else {
                parser.client(text);
            }
        } catch (const BadEndpointString& error) {
            return error.what();
        }
        return "no refusal";
    }
    std::size_t refused_at(std::string_view text) const {
        try {
            parser.client(text);
        } catch (const BadEndpointString& error) {
            return error.position();
        }
        return std::string::npos;
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(arguments_come_by_place_and_by_name) {
    EndpointArguments arguments("tcp:db.example:80:timeout=0.25:note=a=b");
    BOOST_TEST(arguments.prefix() == "tcp");
    BOOST_TEST(arguments.needed_host("host") == "db.example");
    BOOST_TEST(arguments.needed_number("port", 1, 65535) == 80);
    BOOST_TEST((arguments.seconds("timeout") == Duration(250ms)));
    BOOST_TEST(arguments.text("note").value() == "a=b");
    BOOST_TEST(!arguments.text("more"));
    arguments.finish();

    EndpointArguments swapped("tcp:port=80:db");
    BOOST_TEST(swapped.needed_host("host") == "db");
    BOOST_TEST(swapped.needed_number("port", 1, 65535) == 80);
}

BOOST_AUTO_TEST_CASE(a_backslash_takes_the_meaning_away) {
    EndpointArguments arguments(R"(unix:run/a\:b\=c\\d:mode=600)");
    BOOST_TEST(arguments.needed("path") == R"(run/a:b=c\d)");
    BOOST_TEST(arguments.octal("mode").value() == 0600);
    BOOST_TEST(EndpointArguments(R"(x:a\=b)").needed("path") == "a=b");
}

BOOST_AUTO_TEST_CASE(what_is_quoted_is_read_as_it_was) {
    for (const char* text : {"::1", "a=b", R"(c:\dir\)", "plain", R"(\:=)"}) {
        EndpointArguments arguments("x:" + quote_string_argument(text));
        BOOST_TEST(arguments.needed("it") == text);
        arguments.finish();
        EndpointArguments named("x:it=" + quote_string_argument(text));
        BOOST_TEST(named.text("it").value() == text);
    }
    BOOST_TEST(quote_string_argument("::1") == R"(\:\:1)");
}

BOOST_FIXTURE_TEST_CASE(good_strings_are_endpoints, Fixture) {
    for (const char* text : {"tcp:localhost:80", "tcp:host=localhost:port=80:timeout=5", "tcp4:localhost:1",
                             R"(tcp6:\:\:1:80:bind_address=\:\:1)", "tcp:10.0.0.1:65535:bind_address=10.0.0.2"})
        BOOST_TEST(parser.client(text) != nullptr);
    for (const char* text : {"tcp:0", "tcp:8080:interface=127.0.0.1:backlog=5:reuse_port=yes", "tcp6:port=8080"})
        BOOST_TEST(parser.server(text) != nullptr);
    BOOST_TEST(client_from_string(reactor, "tcp:localhost:80") != nullptr);
    BOOST_TEST(server_from_string(reactor, "tcp:0") != nullptr);
}

BOOST_FIXTURE_TEST_CASE(a_refusal_says_where_and_what_is_allowed, Fixture) {
    BOOST_TEST(refusal("tcp:localhost:http") ==
               "\"tcp:localhost:http\" is no endpoint: at position 14, the port must be a number from 1 to 65535, not "
               "\"http\"; write tcp:host:port[:timeout=SECONDS][:bind_address=IP]");
    BOOST_TEST(refusal("gopher:x").find("at position 0, there is no kind \"gopher\" here; it begins with one of") !=
               std::string::npos);
    BOOST_TEST(
        refusal("tcp6:80:interface=127.0.0.1", true).find("at position 8, the interface must be an IPv6 address") !=
        std::string::npos);
    BOOST_TEST(refusal("tcp:1:2:3", true).find("there is one argument too many, \"2\"") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(every_mistake_has_its_place, Fixture) {
    BOOST_TEST(refused_at("") == 0u);
    BOOST_TEST(refused_at("localhost:80") == 0u);
    BOOST_TEST(refused_at("TCP:localhost:80") == 0u);
    BOOST_TEST(refused_at("tcp") == 3u);
    BOOST_TEST(refused_at("tcp:") == 4u);
    BOOST_TEST(refused_at("tcp::80") == 4u);
    BOOST_TEST(refused_at("tcp:localhost") == 13u);
    BOOST_TEST(refused_at("tcp:localhost:") == 14u);
    BOOST_TEST(refused_at("tcp:localhost:0") == 14u);
    BOOST_TEST(refused_at("tcp:localhost:65536") == 14u);
    BOOST_TEST(refused_at("tcp:localhost:-1") == 14u);
    BOOST_TEST(refused_at("tcp:localhost:80x") == 14u);
    BOOST_TEST(refused_at("tcp:localhost:99999999999999999999") == 14u);
    BOOST_TEST(refused_at("tcp:local host:80") == 4u);
    BOOST_TEST(refused_at("tcp:http\\://x:80") == 4u);
    BOOST_TEST(refused_at("tcp:a:80:") == 9u);
    BOOST_TEST(refused_at("tcp:a:80:90") == 9u);
    BOOST_TEST(refused_at("tcp:a:80:timeot=5") == 9u);
    BOOST_TEST(refused_at("tcp:a:80:timeout=") == 9u);
    BOOST_TEST(refused_at("tcp:a:80:timeout=0") == 9u);
    BOOST_TEST(refused_at("tcp:a:80:timeout=-1") == 9u);
    BOOST_TEST(refused_at("tcp:a:80:timeout=nan") == 9u);
    BOOST_TEST(refused_at("tcp:a:80:timeout=inf") == 9u);
    BOOST_TEST(refused_at("tcp:a:80:timeout=1e9") == 9u);
    BOOST_TEST(refused_at("tcp:a:80:timeout=99999999999") == 9u);
    BOOST_TEST(refused_at("tcp:a:80:timeout=5:timeout=6") == 19u);
    BOOST_TEST(refused_at("tcp:a:80:bind_address=here") == 9u);
    BOOST_TEST(refused_at("tcp:a:80:=5") == 9u);
    BOOST_TEST(refused_at("tcp:a:80\\") == 8u);
    BOOST_TEST(refused_at(std::string_view("tcp:a\0b:80", 10)) == 5u);
    BOOST_TEST(refused_at("a=b:c") == 1u);
    BOOST_TEST(refused_at("tcp:" + std::string(5000, 'a')) == EndpointArguments::longest_text);
    BOOST_TEST(refused_at("tcp:::1:80") == 4u);
}

BOOST_FIXTURE_TEST_CASE(prefixes_can_be_added_and_replaced, Fixture) {
    EndpointParser mine = parser;
    int made = 0;
    mine.add_client("double", "double:host", [&](EndpointArguments& arguments) {
        ++made;
        return tcp_client_endpoint(reactor, {arguments.needed_host("host"), 7});
    });
    BOOST_TEST(mine.client("double:here") != nullptr);
    BOOST_TEST(made == 1);
    BOOST_CHECK_THROW(parser.client("double:here"), BadEndpointString);
    BOOST_CHECK_THROW(mine.client("double"), BadEndpointString);
    mine.add_client("double", "double:", [&](EndpointArguments&) -> std::shared_ptr<ClientEndpoint> {
        throw std::runtime_error("its own");
    });
    BOOST_CHECK_THROW(mine.client("double:"), std::runtime_error);
    BOOST_CHECK_THROW(EndpointParser().client("tcp:a:1"), BadEndpointString);
}

// Endpoints of every kind over real sockets, and what each says when it cannot be used.
#define BOOST_TEST_MODULE endpoint
#include "plait/reactor/endpoint.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>

#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/detail/systemd_sockets.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/testing/memory_network.hpp"
#include "plait/reactor/tls.hpp"
#include "plait/tests/reactor/ipv6_loopback.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "plait/tests/support/temporary_directory.hpp"
#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

struct Fixture : TcpFixture {
    std::shared_ptr<Factory> echoes = make_factory([](const Address&) {
        auto server = std::make_shared<Recorder>();
        echo(*server);
        return server;
    });
    std::shared_ptr<Recorder> client = std::make_shared<Recorder>();

    /// Connects, says hello and has it come back.
    void talk(ClientEndpoint& endpoint) {
        client = std::make_shared<Recorder>();
        reactor.run_until(connect_protocol(endpoint, client));
        client->transport().write("hello");
        wait([&] { return client->received == "hello"; });
        client->transport().lose_connection();
        wait_lost(*client);
    }
    std::unique_ptr<ListeningPort> serve(ServerEndpoint& endpoint) {
        return reactor.run_until(endpoint.listen(echoes));
    }
    std::unique_ptr<ListeningPort> serve(const std::string& text) { return serve(*server_from_string(reactor, text)); }
    std::shared_ptr<ClientEndpoint> client_of(const std::string& text) { return client_from_string(reactor, text); }

    template <typename E>
    std::string refusal(const std::string& text) {
        return failure_of<E>(server_from_string(reactor, text)->listen(echoes)).what();
    }
};

int duplicate(int fd) {
    return ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/// A listening socket that nobody owns yet.
int listening_socket(Address& where) {
    SilentPort port;
    if (::listen(port.fd.get(), 16) != 0) throw std::runtime_error("cannot listen");
    where = port.address;
    return duplicate(port.fd.get());
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(tcp_by_strings, Fixture) {
    const auto server = serve("tcp:0:interface=127.0.0.1");
    talk(*client_of("tcp:127.0.0.1:" + std::to_string(server->address().port)));
    talk(*client_of("tcp:localhost:" + std::to_string(server->address().port) + ":timeout=20"));
}

BOOST_FIXTURE_TEST_CASE(tcp6_by_strings, Fixture, *boost::unit_test::precondition(ipv6_loopback)) {
    const auto server = serve("tcp6:0");
    talk(*client_of("tcp6:\\:\\:1:" + std::to_string(server->address().port)));
    talk(*client_of("tcp6:localhost:" + std::to_string(server->address().port)));
}

BOOST_FIXTURE_TEST_CASE(unix_by_strings, Fixture) {
    const support::TemporaryDirectory directory;
    const std::string path = quote_string_argument((directory.path() / "a:b=c").string());
    {
        const auto server = serve("unix:" + path + ":mode=600");
        talk(*client_of("unix:" + path + ":timeout=5"));
        BOOST_TEST(refusal<CannotListen>("unix:" + path).find("a:b=c") != std::string::npos);
    }
    auto refused = client_of("unix:" + path)->connect(echoes);
    BOOST_CHECK_THROW(reactor.run_until(std::move(refused)), ConnectError);
}

BOOST_FIXTURE_TEST_CASE(tls_by_strings_and_files, Fixture) {
    const support::TemporaryDirectory directory;
    const auto file = [&](const char* name, const std::string& text) {
        const auto path = directory.path() / name;
        std::ofstream(path) << text;
        return quote_string_argument(path.string());
    };
    const Identity identity = test_ca().issue();
    const std::string certificate = file("certificate.pem", identity.certificate);
    const std::string key = file("key.pem", identity.key);
    const std::string ca = file("ca.pem", test_ca().pem());

    const auto server = serve("tls:0:interface=127.0.0.1:certificate=" + certificate + ":key=" + key);
    const std::string number = std::to_string(server->address().port);
    talk(*client_of("tls:localhost:" + number + ":ca=" + ca));
    talk(*client_of("tls:127.0.0.1:" + number + ":ca=" + ca + ":server_name=localhost"));
    talk(*client_of("tls:127.0.0.1:" + number + ":verify=no"));
    BOOST_CHECK_THROW(
        reactor.run_until(client_of("tls:127.0.0.1:" + number + ":ca=" + ca + ":server_name=other")->connect(echoes)),
        TlsError);

    const auto strict = serve("tls:0:interface=127.0.0.1:certificate=" + certificate + ":key=" + key + ":ca=" + ca);
    talk(*client_of("tls:localhost:" + std::to_string(strict->address().port) + ":ca=" + ca +
                    ":certificate=" + certificate + ":key=" + key));

    // a string is read without touching files; using it says what is wrong with them
    auto missing = client_of("tls:localhost:" + number + ":ca=" + file("empty.pem", ""));
    BOOST_CHECK_THROW(reactor.run_until(missing->connect(echoes)), Error);
    BOOST_TEST(refusal<Error>("tls:0:certificate=nowhere.pem").find("nowhere.pem") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_listening_descriptor_is_used_once, Fixture) {
    Address there;
    const std::string number = std::to_string(listening_socket(there));
    auto endpoint = server_from_string(reactor, "fd:" + number);
    {
        const auto server = serve(*endpoint);
        BOOST_TEST(server->address().str() == there.str());
        talk(*tcp_client_endpoint(reactor, {there.ip, there.port}));
        BOOST_TEST(says(failure_of<CannotListen>(endpoint->listen(echoes)), "taken over before"));
    }
    BOOST_CHECK_THROW(reactor.run_until(tcp_client_endpoint(reactor, {there.ip, there.port})->connect(echoes)),
                      ConnectionRefused);
    failure_of<CannotListen>(fd_server_endpoint(reactor, 1'000'000)->listen(echoes));
}

BOOST_FIXTURE_TEST_CASE(a_connected_descriptor_is_used_once, Fixture) {
    prepare = echo;
    const RawPeer peer(port->address());
    auto endpoint = fd_client_endpoint(reactor, duplicate(peer.fd()));
    talk(*endpoint);
    BOOST_TEST(says(failure_of<ConnectError>(endpoint->connect(echoes)), "taken over before"));
    BOOST_CHECK_THROW(reactor.run_until(fd_client_endpoint(reactor, 1'000'000)->connect(echoes)), ConnectError);
}

BOOST_AUTO_TEST_CASE(sockets_of_systemd_are_found_by_place_and_name) {
    using plait::detail::SystemdSockets;
    const SystemdSockets three("42", "3", "http:https", 42);
    BOOST_TEST(three.find(0) == 3);
    BOOST_TEST(three.find(2) == 5);
    BOOST_TEST(three.find("https") == 4);
    const auto refused = [](const SystemdSockets& sockets, const auto& wanted, std::string_view why) {
        BOOST_CHECK_EXCEPTION(sockets.find(wanted), CannotListen,
                              [why](const CannotListen& error) { return says(error, why); });
    };
    refused(three, std::size_t{3}, "no socket number 3; it gave 3: \"http\" \"https\" \"\"");
    refused(three, std::string("gopher"), "named \"gopher\"");
    refused(three, std::string(), "named");
    refused(SystemdSockets(nullptr, "1", nullptr, 42), std::size_t{0}, "not set");
    refused(SystemdSockets("42", nullptr, nullptr, 42), std::size_t{0}, "not set");
    refused(SystemdSockets("43", "1", nullptr, 42), std::size_t{0}, "another process");
    refused(SystemdSockets("42", "0", nullptr, 42), std::size_t{0}, "gives none");
    refused(SystemdSockets("42", "-5", nullptr, 42), std::size_t{0}, "gives none");
    refused(SystemdSockets("42", "999999999", nullptr, 42), std::size_t{0}, "gives none");
    refused(SystemdSockets("42", "many", nullptr, 42), std::size_t{0}, "not set");
}

BOOST_FIXTURE_TEST_CASE(systemd_endpoints_say_when_there_is_none, Fixture) {
    ::unsetenv("LISTEN_PID");
    for (const char* text : {"systemd:index=0", "systemd:name=http"}) {
        auto endpoint = server_from_string(reactor, text);
        for (const int again : {1, 2})
            BOOST_TEST(says(failure_of<CannotListen>(endpoint->listen(echoes)), "systemd gave this process no socket"),
                       again);
    }
    BOOST_CHECK_THROW(server_from_string(reactor, "systemd:"), std::invalid_argument);
    BOOST_CHECK_THROW(server_from_string(reactor, "systemd:index=0:name=x"), std::invalid_argument);
}

BOOST_FIXTURE_TEST_CASE(tls_goes_over_any_endpoint, Fixture) {
    const support::TemporaryDirectory directory;
    const std::string path = (directory.path() / "secure").string();
    const auto server_context = TlsContext::server(serving());
    const auto client_context = TlsContext::client(trusting());
    const auto below = unix_client_endpoint(reactor, path);
    const auto server = serve(*tls_server_endpoint(reactor, server_context, unix_server_endpoint(reactor, path)));
    BOOST_TEST(server->address().ip == path);
    talk(*tls_client_endpoint(reactor, client_context, below, "localhost"));
    BOOST_TEST(client->story() == "made data lost: done");

    // a large answer, and what the transport can say about itself
    client = std::make_shared<Recorder>();
    const auto endpoint = tls_client_endpoint(reactor, client_context, below, "localhost");
    reactor.run_until(connect_protocol(*endpoint, client));
    BOOST_TEST(info_of(*client).version == TlsVersion::tls_1_3);
    BOOST_TEST(client->transport().peer().ip == path);
    const std::string text = numbered(500'000);
    client->transport().write(text);
    wait([&] { return client->received.size() == text.size(); });
    BOOST_TEST((client->received == text));
    client->transport().abort_connection();
    wait_lost(*client);

    const auto fails = [&](const std::shared_ptr<ClientEndpoint>& bad) {
        return reactor.run_until(bad->connect(echoes).add_callbacks(
            [](const std::shared_ptr<Protocol>&) { return std::string("it connected"); },
            [](const Failure& why) { return (why.check<TlsError>() != nullptr ? "TlsError: " : "") + why.message(); }));
    };
    BOOST_TEST(fails(tls_client_endpoint(reactor, client_context, below, "other.example")).starts_with("TlsError: "));
    BOOST_TEST(fails(tls_client_endpoint(reactor, client_context, below, ""))
                   .starts_with("plait::ConnectError: cannot connect to " + path + " over TLS: "));
    BOOST_CHECK_THROW(
        reactor.run_until(tls_client_endpoint(reactor, client_context, unix_client_endpoint(reactor, path + "x"), "a")
                              ->connect(echoes)),
        ConnectError);
    const auto none = make_factory([](const Address&) { return nullptr; });
    BOOST_CHECK_THROW(reactor.run_until(endpoint->connect(none)), ConnectError);
    BOOST_CHECK_THROW(tls_client_endpoint(reactor, server_context, below, "localhost"), UsageError);
    BOOST_CHECK_THROW(tls_server_endpoint(reactor, client_context, unix_server_endpoint(reactor, path)), UsageError);
}

BOOST_FIXTURE_TEST_CASE(a_tls_endpoint_can_be_given_up_while_it_shakes_hands, Fixture) {
    // over a server that says nothing
    auto connecting =
        tls_client_endpoint(reactor, TlsContext::client(trusting()), tcp_client_endpoint(reactor, where()), "localhost")
            ->connect(echoes);
    wait([&] { return !served.empty(); });
    settle(reactor);
    connecting = {};
    wait_lost(*served.back());
    BOOST_TEST(client->story() == "");
}

BOOST_FIXTURE_TEST_CASE(stdio_is_read_as_an_endpoint, Fixture) {
    BOOST_TEST(client_of("stdio:") != nullptr);
    BOOST_TEST(client_of("stdio") != nullptr);
    BOOST_TEST(server_from_string(reactor, "stdio:") != nullptr);
    BOOST_CHECK_THROW(client_of("stdio:1"), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(what_a_factory_does_wrong_fails_every_kind_of_endpoint) {
    Reactor reactor;
    MemoryNetwork network;
    const auto none = make_factory([](const Address&) { return nullptr; });
    const auto throws = make_factory([](const Address&) -> std::shared_ptr<Protocol> { throw Error("no"); });
    for (const auto& endpoint :
         {connector_endpoint(network.connector(), {"db", 1}), unix_client_endpoint(reactor, "nowhere"),
          fd_client_endpoint(reactor, 1'000'000), stdio_client_endpoint(reactor)}) {
        failure_of<ConnectError>(endpoint->connect(none));
        failure_of<Error>(endpoint->connect(throws));
    }
}

BOOST_FIXTURE_TEST_CASE(an_endpoint_may_go_before_its_attempts, Fixture) {
    const auto server = serve("tcp:0:interface=127.0.0.1");
    auto endpoint = client_of("tcp:localhost:" + std::to_string(server->address().port));
    auto connecting = endpoint->connect(make_factory([&](const Address&) { return client; }));
    endpoint.reset();
    BOOST_TEST((reactor.run_until(std::move(connecting)) == client));
}

// What clients keep of a handshake to make the next one shorter: with whom, for how often, and when it is let go.
#define BOOST_TEST_MODULE tls_sessions
#include <boost/test/unit_test.hpp>

#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

struct Visits : TlsPair {
    /// Connects to `port` and closes again. Returns whether a session was taken up.
    bool visit(std::uint16_t port = 443) {
        where.port = port;
        client = std::make_shared<Recorder>();
        open();
        const bool resumed = info_of(*client).resumed;
        BOOST_TEST(info_of(server()).resumed == resumed);
        client->transport().lose_connection();
        settle();
        return resumed;
    }
};

/// A client's end and a server's, joined by hand.
struct Joined {
    std::shared_ptr<Recorder> client = std::make_shared<Recorder>();
    std::shared_ptr<Recorder> server = std::make_shared<Recorder>();
    MemoryTransport a;
    MemoryTransport b;

    Joined(ManualClock& clock, const std::shared_ptr<const TlsContext>& from, const TlsPeer& whom,
           const std::shared_ptr<const TlsContext>& to)
        : a(tls_client(clock, from, whom, client)), b(tls_server(clock, to, server)) {}
    void carry() {
        for (int i = 0; i < 6; ++i) {
            b.deliver(a.take_written());
            a.deliver(b.take_written());
        }
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_server_met_longest_ago_gives_way) {
    Visits pair;
    pair.client_options.most_sessions = 2;
    pair.client_options.maximum = TlsVersion::tls_1_2;  // whose sessions are used again and again
    for (const auto& [port, resumed] : {std::pair<std::uint16_t, bool>{1, false}, {2, false}, {1, true}, {3, false}})
        BOOST_TEST(pair.visit(port) == resumed);
    BOOST_TEST(pair.visit(1));
    BOOST_TEST(pair.visit(3));
    BOOST_TEST(!pair.visit(2));
    BOOST_TEST(pair.client_context->sessions() == 2U);
}

BOOST_AUTO_TEST_CASE(a_session_of_tls_1_3_is_tried_once) {
    ManualClock clock;
    for (const auto version : {TlsVersion::tls_1_2, TlsVersion::tls_1_3}) {
        TlsOptions options = trusting();
        options.maximum = version;
        const auto from = TlsContext::client(options);
        const auto to = TlsContext::server(serving());
        const TlsPeer whom{"localhost", 443};
        Joined first(clock, from, whom, to);
        first.carry();
        BOOST_TEST(from->sessions() == 1U);
        Joined second(clock, from, whom, to);  // both begin before either has a new one
        BOOST_TEST(from->sessions() == (version == TlsVersion::tls_1_2 ? 1U : 0U));
        Joined third(clock, from, whom, to);
        second.carry();
        third.carry();
        BOOST_TEST(info_of(*second.client).resumed);
        BOOST_TEST(info_of(*third.client).resumed == (version == TlsVersion::tls_1_2));
    }
}

BOOST_AUTO_TEST_CASE(a_session_made_without_looking_at_the_name_does_not_serve_where_it_counts) {
    ManualClock clock;
    for (const auto version : {TlsVersion::tls_1_2, TlsVersion::tls_1_3}) {
        TlsOptions options = trusting();
        options.maximum = version;
        const auto from = TlsContext::client(options);
        const auto to = TlsContext::server(serving());  // for localhost
        Joined careless(clock, from, {"www.example.com", 443, false}, to);
        careless.carry();
        BOOST_TEST(careless.client->connected());
        BOOST_TEST(from->sessions() == 1U);
        Joined careful(clock, from, {"www.example.com", 443}, to);
        careful.carry();
        BOOST_TEST(!careful.client->connected());
        BOOST_TEST(careful.client->story() == "");
    }
}

BOOST_AUTO_TEST_CASE(sessions_are_kept_for_a_server_not_for_an_address) {
    ManualClock clock;
    TlsOptions options = serving();
    options.by_name = {{"a.example", TlsContext::server(options_of(test_ca().issue("a.example")))},
                       {"b.example", TlsContext::server(options_of(test_ca().issue("b.example")))}};
    const auto from = TlsContext::client(trusting());
    const auto to = TlsContext::server(options);
    for (const char* host : {"a.example", "b.example", "a.example"}) {
        Joined joined(clock, from, {host, 443}, to);
        joined.carry();
        BOOST_REQUIRE(joined.client->connected());
        BOOST_TEST(tls_transport(joined.client->transport())->peer_certificate()->subject == std::string("CN=") + host);
    }
    BOOST_TEST(from->sessions() == 2U);
}

BOOST_AUTO_TEST_CASE(nobody_in_particular_is_not_remembered) {
    ManualClock clock;
    const auto from = TlsContext::client(trusting());
    Joined joined(clock, from, {"", 443, false}, TlsContext::server(serving()));
    joined.carry();
    BOOST_TEST(joined.client->connected());
    BOOST_TEST(from->sessions() == 0U);
}

BOOST_AUTO_TEST_CASE(a_server_that_has_forgotten_us_is_greeted_in_full) {
    for (const TlsVersion version : {TlsVersion::tls_1_2, TlsVersion::tls_1_3}) {
        Visits pair;
        pair.client_options.maximum = version;
        BOOST_TEST(!pair.visit());
        pair.server_context = TlsContext::server(pair.server_options);  // it was started anew
        BOOST_TEST(!pair.visit());
        BOOST_TEST(pair.visit());
    }
}

BOOST_AUTO_TEST_CASE(a_handshake_that_fails_lets_the_session_go) {
    Visits pair;
    pair.client_options.maximum = TlsVersion::tls_1_2;
    pair.visit();
    BOOST_TEST(pair.client_context->sessions() == 1U);
    pair.server_options = options_of(test_ca().issue("elsewhere"));
    pair.server_context = nullptr;
    pair.client = std::make_shared<Recorder>();
    pair.start();
    pair.settle();
    BOOST_TEST(is<TlsCertificateError>(pair.client_failed));
    BOOST_TEST(pair.client_context->sessions() == 0U);
}

BOOST_AUTO_TEST_CASE(none_are_kept_where_none_may_be) {
    Visits pair;
    pair.client_options.most_sessions = 0;
    pair.visit();
    BOOST_TEST(!pair.visit());
    BOOST_TEST(pair.client_context->sessions() == 0U);
}

BOOST_AUTO_TEST_CASE(each_context_by_name_decides_about_resumption) {
    for (const bool by_default : {true, false}) {
        for (const bool by_name : {true, false}) {
            ManualClock clock;
            TlsOptions named = options_of(test_ca().issue("a.example"));
            named.resumption = by_name;
            TlsOptions options = serving();
            options.resumption = by_default;
            options.by_name = {{"a.example", TlsContext::server(named)}};
            const auto from = TlsContext::client(trusting());
            const auto to = TlsContext::server(options);
            for (int time = 0; time < 2; ++time) {
                Joined joined(clock, from, {"a.example", 443}, to);
                joined.carry();
                BOOST_REQUIRE(joined.client->connected());
                BOOST_TEST(info_of(*joined.client).resumed == (time == 1 && by_name));
                BOOST_TEST(from->sessions() == (by_name ? 1U : 0U));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(each_context_by_name_has_its_own_least_version) {
    TlsPair pair;
    TlsOptions strict = options_of(test_ca().issue("strict.example"));
    strict.minimum = TlsVersion::tls_1_3;
    pair.server_options.by_name = {{"strict.example", TlsContext::server(strict)}};
    pair.client_options.maximum = TlsVersion::tls_1_2;
    pair.open();
    pair.where.host = "strict.example";
    pair.client = std::make_shared<Recorder>();
    pair.start();
    pair.settle();
    BOOST_TEST(is<TlsVersionError>(pair.client_failed));
    BOOST_TEST(is<TlsVersionError>(pair.server_failed));
}

// --- application protocols

BOOST_AUTO_TEST_CASE(the_servers_order_of_protocols_counts) {
    const std::vector<std::string> both = {"h2", "http/1.1"};
    const std::vector<std::string> other_way = {"http/1.1", "h2"};
    for (const bool h2_first : {true, false}) {
        TlsPair pair;
        pair.server_options.alpn = h2_first ? both : other_way;
        pair.client_options.alpn = h2_first ? other_way : both;
        BOOST_TEST(info_of(pair.open()).alpn == (h2_first ? "h2" : "http/1.1"));
        BOOST_TEST(info_of(*pair.client).alpn == (h2_first ? "h2" : "http/1.1"));
    }
}

BOOST_AUTO_TEST_CASE(a_protocol_is_not_taken_for_a_longer_one) {
    TlsPair pair;
    pair.server_options.alpn = {"h2"};
    pair.client_options.alpn = {"h", "h2c", "2"};
    pair.start();
    pair.settle();
    BOOST_TEST(is<TlsAlpnError>(pair.client_failed));
    BOOST_TEST(is<TlsAlpnError>(pair.server_failed));
    BOOST_TEST(
        text_of(pair.client_failed) ==
        "plait::TlsAlpnError: the TLS handshake with localhost:443 failed: no application protocol (ALPN) in common");
}

BOOST_AUTO_TEST_CASE(who_names_no_protocol_gets_none_from_whoever_has_some) {
    for (const bool server_has : {true, false}) {
        TlsPair pair;
        (server_has ? pair.server_options : pair.client_options).alpn = {"h2"};
        BOOST_TEST(info_of(pair.open()).alpn == "");
        BOOST_TEST(info_of(*pair.client).alpn == "");
    }
}

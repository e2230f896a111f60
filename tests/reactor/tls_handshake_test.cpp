// Handshakes that do not succeed: each has its type and its sentence, on both sides, and ends in time.
#define BOOST_TEST_MODULE tls_handshake
#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/reports.hpp"
#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

bool says(const std::optional<Failure>& failure, std::string_view text) {
    const bool found = text_of(failure).find(text) != std::string::npos;
    if (!found) BOOST_TEST_MESSAGE(text_of(failure));
    return found;
}

/// Starts a pair that will not come together.
void fail(TlsPair& pair) {
    pair.start();
    pair.settle();
    BOOST_TEST(!pair.connected);
    BOOST_TEST(pair.client_failed.has_value());
    BOOST_TEST(pair.client->story() == "");
    for (const auto& server : pair.served)
        if (!server->events.empty())
            BOOST_TEST(server->story() == "made lost: broken");  // TLS 1.3: the client's say is last
    BOOST_TEST(pair.network.open_connections() == 0U);
}

/// A server's end alone, fed by hand.
struct LoneServer {
    ManualClock clock;
    std::shared_ptr<Recorder> recorder = std::make_shared<Recorder>();
    std::optional<Failure> failed;
    std::shared_ptr<Protocol> tls =
        tls_factory(clock, TlsContext::server(serving()), make_factory([this](const Address&) { return recorder; }), {},
                    [this](const Address&, const Failure& why) { failed = why; })
            ->build_protocol({"10.0.0.9", 9});
    MemoryTransport transport{tls};
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_certificate_for_another_host_is_refused) {
    TlsPair pair;
    pair.where.host = "www.example.com";
    fail(pair);
    BOOST_TEST(is<TlsCertificateError>(pair.client_failed));
    BOOST_TEST(is<ConnectError>(pair.client_failed));
    BOOST_TEST(says(pair.client_failed, "www.example.com"));
    BOOST_TEST(says(pair.client_failed, "hostname mismatch"));
    BOOST_TEST(says(pair.client_failed, "the certificate is for localhost, 127.0.0.1"));
    BOOST_TEST(is<TlsAlertReceived>(pair.server_failed));
}

BOOST_AUTO_TEST_CASE(a_certificate_for_another_address_is_refused) {
    TlsPair pair;
    pair.where.host = "127.0.0.2";
    fail(pair);
    BOOST_TEST(says(pair.client_failed, "IP address mismatch"));
}

BOOST_AUTO_TEST_CASE(addresses_are_checked_as_addresses) {
    TlsPair pair;
    pair.where.host = "127.0.0.1";
    BOOST_TEST(info_of(pair.open()).server_name == "");
}

BOOST_AUTO_TEST_CASE(an_expired_certificate_is_refused) {
    TlsPair pair;
    CertificateWishes old;
    old.begins = -48h;
    old.ends = -24h;
    pair.server_options = options_of(test_ca().issue(old));
    fail(pair);
    BOOST_TEST(is<TlsCertificateError>(pair.client_failed));
    BOOST_TEST(pair.client_failed->check<TlsCertificateError>()->code() == 10);
    BOOST_TEST(says(pair.client_failed, "certificate has expired"));
    BOOST_TEST(says(pair.client_failed, "expired on "));
    const auto* alert = pair.server_failed->check<TlsAlertReceived>();
    BOOST_REQUIRE(alert != nullptr);
    BOOST_TEST(alert->name() == "certificate expired");
    BOOST_TEST(alert->alert() == 45);
}

BOOST_AUTO_TEST_CASE(a_certificate_of_tomorrow_is_refused) {
    TlsPair pair;
    CertificateWishes early;
    early.begins = 24h;
    early.ends = 48h;
    pair.server_options = options_of(test_ca().issue(early));
    fail(pair);
    BOOST_TEST(says(pair.client_failed, "not yet valid"));
    BOOST_TEST(says(pair.client_failed, "valid from "));
}

BOOST_AUTO_TEST_CASE(a_self_signed_certificate_is_refused) {
    TlsPair pair;
    pair.server_options = options_of(TestCa::self_signed());
    fail(pair);
    BOOST_TEST(is<TlsCertificateError>(pair.client_failed));
    BOOST_TEST(says(pair.client_failed, "self-signed certificate"));
    BOOST_TEST(says(pair.client_failed, "TlsOptions::ca"));
}

BOOST_AUTO_TEST_CASE(a_self_signed_certificate_that_is_trusted_is_accepted) {
    TlsPair pair;
    const Identity own = TestCa::self_signed();
    pair.server_options = options_of(own);
    pair.client_options.ca = TlsPem::from_text(own.certificate);
    pair.open();
}

BOOST_AUTO_TEST_CASE(an_unknown_ca_is_refused) {
    TlsPair pair;
    const TestCa other("Other CA");
    pair.server_options = options_of(other.issue());
    fail(pair);
    BOOST_TEST(is<TlsCertificateError>(pair.client_failed));
    BOOST_TEST(says(pair.client_failed, "unable to get local issuer certificate"));
    BOOST_TEST(says(pair.client_failed, "Other CA"));
}

BOOST_AUTO_TEST_CASE(the_system_does_not_trust_our_test_ca) {
    TlsPair pair;
    pair.client_options = {};
    fail(pair);
    BOOST_TEST(is<TlsCertificateError>(pair.client_failed));
}

BOOST_AUTO_TEST_CASE(who_does_not_check_accepts_anybody) {
    TlsPair pair;
    pair.server_options = options_of(TestCa::self_signed());
    pair.client_options = {};
    pair.client_options.verify_peer = false;
    pair.where.host = "anybody";
    pair.open();
}

BOOST_AUTO_TEST_CASE(a_client_without_the_certificate_asked_for_is_refused) {
    for (const TlsVersion version : {TlsVersion::tls_1_2, TlsVersion::tls_1_3}) {
        TlsPair pair;
        pair.client_options.maximum = version;
        pair.server_options.client_certificates = TlsClientCertificates::required;
        pair.server_options.ca = TlsPem::from_text(test_ca().pem());
        pair.start();
        pair.settle();
        BOOST_TEST(is<TlsCertificateError>(pair.server_failed));
        BOOST_TEST(says(pair.server_failed, "sent no certificate"));
        if (version == TlsVersion::tls_1_2) {
            BOOST_TEST(is<TlsAlertReceived>(pair.client_failed));
        } else {  // its handshake was done when the server looked at its certificate
            BOOST_TEST(pair.client->story() == "made lost: broken");
            BOOST_TEST(is<TlsConnectionLost>(pair.client->reason));
            BOOST_TEST(says(pair.client->reason, "certificate required"));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_clients_certificate_of_an_unknown_ca_is_refused) {
    TlsPair pair;
    const Identity mine = TestCa("Nobody").issue("me");
    pair.client_options.certificate = TlsPem::from_text(mine.certificate);
    pair.client_options.key = TlsPem::from_text(mine.key);
    pair.server_options.client_certificates = TlsClientCertificates::optional;
    pair.server_options.ca = TlsPem::from_text(test_ca().pem());
    pair.start();
    pair.settle();
    BOOST_TEST(is<TlsCertificateError>(pair.server_failed));
    BOOST_TEST(says(pair.server_failed, "unable to get local issuer"));
}

BOOST_AUTO_TEST_CASE(no_application_protocol_in_common_is_a_failure) {
    TlsPair pair;
    pair.server_options.alpn = {"h2"};
    pair.client_options.alpn = {"http/1.1"};
    fail(pair);
    BOOST_TEST(is<TlsAlpnError>(pair.client_failed));
    BOOST_TEST(is<TlsAlpnError>(pair.server_failed));
}

BOOST_AUTO_TEST_CASE(no_version_in_common_is_a_failure) {
    TlsPair pair;
    pair.server_options.minimum = TlsVersion::tls_1_3;
    pair.client_options.maximum = TlsVersion::tls_1_2;
    fail(pair);
    BOOST_TEST(is<TlsVersionError>(pair.client_failed));
    BOOST_TEST(is<TlsVersionError>(pair.server_failed));
    BOOST_TEST(says(pair.server_failed, "TlsOptions::minimum"));
}

BOOST_AUTO_TEST_CASE(no_cipher_in_common_is_a_failure) {
    TlsPair pair;
    pair.server_options.ciphersuites = "TLS_AES_256_GCM_SHA384";
    pair.client_options.ciphersuites = "TLS_AES_128_GCM_SHA256";
    pair.client_options.minimum = TlsVersion::tls_1_3;
    fail(pair);
    BOOST_TEST(is<TlsError>(pair.server_failed));
    BOOST_TEST(says(pair.server_failed, "no shared cipher"));
    BOOST_TEST(is<TlsAlertReceived>(pair.client_failed));
    BOOST_TEST(says(pair.client_failed, "handshake failure"));
}

BOOST_AUTO_TEST_CASE(plain_http_is_recognised) {
    LoneServer server;
    server.transport.deliver("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    BOOST_TEST(server.transport.disconnecting());
    server.transport.lose_cleanly();
    BOOST_TEST(is<TlsNotSpoken>(server.failed));
    BOOST_TEST(says(server.failed, "the peer sent a plain HTTP request"));
    BOOST_TEST(server.recorder->story() == "");

    ManualClock clock;
    std::optional<Failure> failed;
    MemoryNetwork network;
    auto clear = std::make_shared<Recorder>();
    clear->when_data = [](Recorder& r, const Bytes&) { r.transport().write("HTTP/1.1 400 Bad Request\r\n\r\n"); };
    network.listen({"localhost", 80}, make_factory([&](const Address&) { return clear; }));
    make_tls_connector(clock, TlsContext::client(), network.connector())
        ->connect({"localhost", 80}, std::make_shared<Recorder>())
        .detach([&](const Failure& why) { failed = why; });
    network.flush();
    BOOST_TEST(is<TlsNotSpoken>(failed));
    BOOST_TEST(says(failed, "localhost:80 failed: the peer answered in plain HTTP"));
}

BOOST_AUTO_TEST_CASE(garbage_is_refused_at_once_and_said) {
    for (const std::string& garbage : {std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string(100'000, '\0'),
                                       std::string("\xff\xfe\xfd", 3) + std::string(50, 'x')}) {
        LoneServer server;
        server.transport.deliver(garbage);
        BOOST_TEST(server.transport.disconnecting());
        server.transport.lose_cleanly();
        BOOST_TEST(is<TlsNotSpoken>(server.failed));
        BOOST_TEST(says(server.failed, "does not speak TLS: what it sent begins with "));
    }
    LoneServer nearly;  // a record, of nonsense
    nearly.transport.deliver(std::string("\x16\x03\x01\x00\x05hello", 10));
    BOOST_TEST(nearly.transport.disconnecting());
    nearly.transport.lose_cleanly();
    BOOST_TEST(is<TlsError>(nearly.failed));
}

BOOST_AUTO_TEST_CASE(any_byte_changed_in_the_handshake_ends_it) {
    // The server's first flight, with each of some bytes changed in turn; none may lead to a connection.
    for (std::size_t at = 0; at < 1500; at += 37) {
        TlsPair pair;
        pair.make_contexts();
        auto client = std::make_shared<Recorder>();
        auto server = std::make_shared<Recorder>();
        MemoryTransport a(tls_client(pair.clock, pair.client_context, {"localhost"}, client));
        MemoryTransport b(tls_server(pair.clock, pair.server_context, server));
        b.deliver(a.take_written());
        std::string flight = b.take_written();
        if (at >= flight.size()) break;
        flight[at] = static_cast<char>(flight[at] ^ 0x55);
        a.deliver(flight);
        pair.clock.advance(10s);  // where a length was changed the client waits for more
        BOOST_TEST(client->story() == "");
        BOOST_TEST(a.disconnecting());
    }
}

BOOST_AUTO_TEST_CASE(a_peer_that_says_nothing_is_given_up) {
    LoneServer server;
    server.clock.advance(9999ms);
    BOOST_TEST(!server.transport.disconnecting());
    server.transport.deliver("\x16");  // says little
    server.clock.advance(1ms);
    BOOST_TEST(server.transport.disconnecting());
    server.transport.lose_cleanly();
    BOOST_TEST(is<TlsTimeout>(server.failed));
    BOOST_TEST(says(server.failed, "192.168.1.1:54321 was not done within 10 s"));

    TlsPair pair;
    pair.times.handshake = 2s;
    pair.make_contexts();
    auto silent = std::make_shared<Recorder>();
    pair.network.listen(pair.where, make_factory([&](const Address&) { return silent; }));
    pair.connect();
    pair.settle();
    pair.clock.advance(2s);
    pair.settle();
    BOOST_TEST(is<TlsTimeout>(pair.client_failed));
    BOOST_TEST(silent->story() == "made data end lost: done");
}

BOOST_AUTO_TEST_CASE(a_refused_peer_that_does_not_let_go_is_thrown_out) {
    LoneServer server;
    server.transport.deliver("nonsense");
    BOOST_TEST(server.transport.disconnecting());
    BOOST_TEST(!server.transport.aborted());
    server.clock.advance(5s);
    BOOST_TEST(server.transport.aborted());
    server.transport.lose_broken();
    BOOST_TEST(is<TlsNotSpoken>(server.failed));
}

BOOST_AUTO_TEST_CASE(a_peer_that_leaves_in_the_handshake_is_a_failure) {
    LoneServer gone;
    gone.transport.deliver_end();
    BOOST_TEST(gone.transport.disconnecting());
    gone.transport.lose_cleanly();
    BOOST_TEST(is<TlsError>(gone.failed));
    BOOST_TEST(says(gone.failed, "the peer closed the connection"));

    LoneServer broken;
    broken.transport.lose_broken();
    BOOST_TEST(is<TlsError>(broken.failed));
    BOOST_TEST(says(broken.failed, "reset by peer"));
    BOOST_TEST(broken.recorder->story() == "");
}

BOOST_AUTO_TEST_CASE(a_refused_tcp_connection_stays_what_it_is) {
    TlsPair pair;
    pair.make_contexts();
    pair.connect();
    pair.settle();
    BOOST_TEST(is<ConnectionRefused>(pair.client_failed));
}

BOOST_AUTO_TEST_CASE(dropping_the_connect_in_the_handshake_closes_the_connection) {
    for (const int steps : {0, 1, 2, 3}) {
        TlsPair pair;
        pair.start();
        for (int i = 0; i < steps; ++i)
            pair.network.pump();
        pair.connecting = {};
        pair.settle();
        BOOST_TEST(pair.network.open_connections() == (pair.connected ? 1U : 0U));
        BOOST_TEST(pair.client->story() == (pair.connected ? "made" : ""));
    }
}

BOOST_AUTO_TEST_CASE(cancelling_the_connect_in_the_handshake_says_so_once) {
    TlsPair pair;
    pair.start();
    pair.network.pump();
    pair.connecting.cancel();
    pair.settle();
    BOOST_TEST(is<Cancelled>(pair.client_failed));
    BOOST_TEST(pair.client->story() == "");
    BOOST_TEST(pair.network.open_connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_network_that_goes_in_the_handshake_is_a_failure) {
    TlsPair pair;
    pair.start();
    pair.network.pump();
    pair.network.break_connections(pair.where);
    pair.settle();
    BOOST_TEST(is<TlsError>(pair.client_failed));
    BOOST_TEST(is<TlsError>(pair.server_failed));
}

BOOST_AUTO_TEST_CASE(what_connection_made_throws_ends_the_connection) {
    TlsPair pair;
    pair.client->when_made = [](Recorder&) { throw std::runtime_error("not in the mood"); };
    pair.start();
    pair.settle();
    BOOST_TEST(!pair.connected);
    BOOST_TEST(says(pair.client_failed, "not in the mood"));
    BOOST_TEST(pair.client->story() == "made lost: other");
    BOOST_TEST(pair.network.open_connections() == 0U);
}

BOOST_AUTO_TEST_CASE(nobody_is_connected_to_nobody) {
    ManualClock clock;
    const auto context = TlsContext::client();
    auto recorder = std::make_shared<Recorder>();
    BOOST_CHECK_THROW(tls_client(clock, context, {}, recorder), UsageError);
    BOOST_CHECK_THROW(tls_client(clock, nullptr, {"localhost"}, recorder), UsageError);
    BOOST_CHECK_THROW(tls_server(clock, context, recorder), UsageError);
    BOOST_CHECK_THROW(tls_client(clock, TlsContext::server(serving()), {"localhost"}, recorder), UsageError);
    BOOST_CHECK_NO_THROW(tls_client(clock, context, {"", 0, false}, recorder));
    // A connector never throws for what a user typed.
    MemoryNetwork network;
    std::optional<Failure> failed;
    make_tls_connector(clock, context, network.connector())
        ->connect({std::string(300, 'x'), 443}, recorder)
        .detach([&](const Failure& why) { failed = why; });
    BOOST_TEST(is<ConnectError>(failed));
    BOOST_TEST(network.attempts() == 0U);
}

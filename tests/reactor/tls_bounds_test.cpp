// What a peer that means ill can make us hold or do: played by OpenSSL itself, used in ways that no Transport would.
#define BOOST_TEST_MODULE tls_bounds
#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/reports.hpp"
#include "tls_fixture.hpp"
#include "tls_raw_peer.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

struct Attacked {
    ManualClock clock;
    std::shared_ptr<Recorder> recorder = std::make_shared<Recorder>();
    std::optional<Failure> failed;
    MemoryTransport transport;
    RawTlsPeer client;

    explicit Attacked(const TlsOptions& options = serving())
        : transport(tls_factory(clock, TlsContext::server(options),
                                make_factory([this](const Address&) { return recorder; }), {},
                                [this](const Address&, const Failure& why) { failed = why; })
                        ->build_protocol({"10.0.0.9", 9})) {}

    void shake_hands() {
        for (int i = 0; i < 5; ++i) {
            SSL_do_handshake(client.ssl());
            transport.deliver(client.output());
            client.input(transport.take_written());
        }
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_peer_that_asks_for_new_keys_for_ever_and_reads_nothing_is_thrown_out) {
    Attacked server;
    server.shake_hands();
    BOOST_REQUIRE(server.recorder->connected());
    int asked = 0;
    while (!server.transport.disconnecting() && asked < 50'000) {
        SSL_key_update(server.client.ssl(), SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(server.client.ssl());
        server.transport.deliver(server.client.output());
        ++asked;
        BOOST_REQUIRE(server.transport.written().size() < 400'000U);
    }
    BOOST_TEST(server.transport.disconnecting());
    server.transport.lose_cleanly();
    BOOST_TEST(is<TlsConnectionLost>(server.recorder->reason));
    BOOST_TEST_MESSAGE(text_of(server.recorder->reason));
}

BOOST_AUTO_TEST_CASE(a_peer_that_asks_for_new_keys_now_and_then_is_served) {
    Attacked server;
    server.shake_hands();
    for (int i = 0; i < 20'000; ++i) {
        SSL_key_update(server.client.ssl(), SSL_KEY_UPDATE_REQUESTED);
        SSL_write(server.client.ssl(), "x", 1);
        server.transport.deliver(server.client.output());
        server.client.input(server.transport.take_written());
        char room[16];
        SSL_read(server.client.ssl(), room, sizeof room);
    }
    BOOST_TEST(server.recorder->received.size() == 20'000U);
    BOOST_TEST(!server.transport.disconnecting());
}

BOOST_AUTO_TEST_CASE(a_certificate_chain_without_end_is_refused) {
    TlsOptions options = serving();
    options.client_certificates = TlsClientCertificates::optional;
    options.ca = TlsPem::from_text(test_ca().pem());
    TlsPair pair;
    pair.server_options = options;
    const Identity mine = test_ca().issue("me");
    std::string chain;
    for (int i = 0; i < 300; ++i)
        chain += mine.certificate;
    pair.client_options.certificate = TlsPem::from_text(chain);
    pair.client_options.key = TlsPem::from_text(mine.key);
    pair.start();
    pair.settle();
    BOOST_TEST(is<TlsError>(pair.server_failed));
    BOOST_TEST(text_of(pair.server_failed).find("excessive message size") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_hello_that_promises_megabytes_is_refused) {
    Attacked server;
    std::string record("\x16\x03\x01\x40\x00\x01\xff\xff\xff\x03\x03", 11);
    record.resize(5 + 0x4000, 'x');
    for (int i = 0; i < 20 && !server.transport.disconnecting(); ++i)
        server.transport.deliver(record);
    BOOST_TEST(server.transport.disconnecting());
    server.transport.lose_cleanly();
    BOOST_TEST(is<TlsError>(server.failed));
}

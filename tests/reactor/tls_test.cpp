// TLS between two protocols in memory: handshake, bytes in any cuts, what both sides learn, sessions.
#define BOOST_TEST_MODULE tls
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

std::string numbered(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i)
        text += std::to_string(i) + ' ';
    text.resize(size);
    return text;
}

const TlsVersion versions[] = {TlsVersion::tls_1_2, TlsVersion::tls_1_3};

}  // namespace

BOOST_DATA_TEST_CASE(a_plain_protocol_runs_over_tls_without_knowing_it, boost::unit_test::data::make({12, 13}), minor) {
    const TlsVersion version = versions[minor - 12];
    TlsPair pair;
    pair.client_options.minimum = pair.client_options.maximum = version;
    pair.prepare = TlsPair::echo;
    pair.client->when_made = [](Recorder& r) { r.transport().write("hello"); };
    Recorder& server = pair.open();
    BOOST_TEST(server.received == "hello");
    BOOST_TEST(pair.client->received == "hello");
    BOOST_TEST(pair.client->story() == "made data");
    BOOST_TEST(info_of(*pair.client).version == version);
    BOOST_TEST(info_of(server).version == version);
    BOOST_TEST(info_of(server).server_name == "localhost");

    pair.client->transport().lose_connection();
    pair.settle();
    BOOST_TEST(pair.client->story() == "made data lost: done");
    BOOST_TEST(server.story() == "made data end lost: done");
    BOOST_TEST(pair.network.open_connections() == 0U);
}

BOOST_DATA_TEST_CASE(bytes_arrive_whole_in_any_cuts, boost::unit_test::data::make({1, 2, 3, 7, 100, 1000, 0}), step) {
    for (const TlsVersion version : versions) {
        TlsPair pair;
        pair.client_options.maximum = version;
        pair.network.set_bytes_per_step(static_cast<std::size_t>(step));
        pair.prepare = TlsPair::echo;
        const std::string text = numbered(step == 0 ? 1'000'000 : step > 10 ? 100'000 : 3'000);
        pair.client->when_made = [&](Recorder& r) { r.transport().write(text); };
        pair.open();
        for (int i = 0; i < 100 && pair.client->received.size() < text.size(); ++i)
            pair.settle();
        BOOST_TEST((pair.client->received == text));
        pair.client->transport().lose_connection();
        pair.settle();
        BOOST_TEST(pair.client->story() == "made data lost: done");
        BOOST_TEST(pair.server().story() == "made data end lost: done");
    }
}

BOOST_AUTO_TEST_CASE(what_is_written_in_one_turn_is_one_record_and_one_write) {
    TlsPair pair;
    pair.make_contexts();
    auto client = std::make_shared<Recorder>();
    auto server = std::make_shared<Recorder>();
    MemoryTransport client_end(tls_client(pair.clock, pair.client_context, {"localhost"}, client));
    MemoryTransport server_end(tls_server(pair.clock, pair.server_context, server));
    for (int i = 0; i < 4; ++i) {
        server_end.deliver(client_end.take_written());
        client_end.deliver(server_end.take_written());
    }
    for (int i = 0; i < 100; ++i)
        client->transport().write("0123456789");
    BOOST_TEST(client_end.written().empty());
    BOOST_TEST(client->transport().write_buffered() == 1000U);
    pair.clock.advance({});
    const std::size_t overhead = 5 + 1 + 16;  // header, inner type, tag
    BOOST_TEST(client_end.written().size() == 1000U + overhead);
    server_end.deliver(client_end.take_written());
    BOOST_TEST(server->received.size() == 1000U);

    // Full records where there is more; small pieces are put together.
    for (int i = 0; i < 5; ++i)
        client->transport().write(Bytes::copy(numbered(10'000)));
    pair.clock.advance({});
    BOOST_TEST(client_end.written().size() == 50'000U + 4 * overhead);
    BOOST_TEST(client->transport().bytes_sent() == 51'000U);
    server_end.deliver(client_end.take_written());
    BOOST_TEST(server->transport().bytes_received() == 51'000U);
}

BOOST_AUTO_TEST_CASE(both_sides_know_what_was_agreed_on) {
    TlsPair pair;
    pair.server_options.alpn = {"h2", "http/1.1"};
    pair.client_options.alpn = {"http/1.1", "spdy"};
    pair.server_options.ciphersuites = "TLS_CHACHA20_POLY1305_SHA256";
    Recorder& server = pair.open();
    const TlsInfo info = info_of(*pair.client);
    BOOST_TEST(info.alpn == "http/1.1");
    BOOST_TEST(info.cipher == "TLS_CHACHA20_POLY1305_SHA256");
    BOOST_TEST(!info.resumed);
    BOOST_TEST(info_of(server).alpn == "http/1.1");

    const auto certificate = tls_transport(pair.client->transport())->peer_certificate();
    BOOST_REQUIRE(certificate.has_value());
    BOOST_TEST(certificate->subject == "CN=localhost");
    BOOST_TEST(certificate->issuer == "CN=Test CA");
    BOOST_TEST(certificate->names == (std::vector<std::string>{"localhost", "127.0.0.1"}),
               boost::test_tools::per_element());
    BOOST_TEST(certificate->sha256.size() == 64U);
    BOOST_TEST(certificate->pem == *pair.server_options.certificate.text);
    BOOST_TEST(!tls_transport(server.transport())->peer_certificate().has_value());
}

BOOST_AUTO_TEST_CASE(a_server_that_is_met_again_is_greeted_in_short) {
    for (const TlsVersion version : versions) {
        TlsPair pair;
        pair.client_options.maximum = version;
        pair.prepare = TlsPair::echo;
        for (int time = 0; time < 3; ++time) {
            pair.client = std::make_shared<Recorder>();
            pair.client->when_made = [](Recorder& r) { r.transport().write("hello"); };
            pair.open();
            BOOST_TEST(pair.client->received == "hello");
            BOOST_TEST(info_of(*pair.client).resumed == (time != 0));
            BOOST_TEST(info_of(pair.server()).resumed == (time != 0));
            // Also where the connection before ended badly.
            if (time == 0) pair.client->transport().lose_connection();
            if (time == 1) pair.client->transport().abort_connection();
            pair.settle();
        }
        BOOST_TEST(pair.client_context->sessions() == 1U);
        pair.client_context->forget_sessions();
        pair.client = std::make_shared<Recorder>();
        pair.open();
        BOOST_TEST(!info_of(*pair.client).resumed);
    }
}

BOOST_AUTO_TEST_CASE(sessions_kept_are_bounded_and_told_apart) {
    TlsPair pair;
    pair.client_options.most_sessions = 2;
    for (const std::uint16_t port : {1, 2, 3, 2}) {
        pair.where.port = port;
        pair.client = std::make_shared<Recorder>();
        pair.open();
        BOOST_TEST(info_of(*pair.client).resumed == (pair.served.size() == 4));
        BOOST_TEST(pair.client_context->sessions() <= 2U);
        pair.client->transport().lose_connection();
        pair.settle();
    }
}

BOOST_AUTO_TEST_CASE(resumption_can_be_refused_by_either_side) {
    for (const bool by_server : {true, false}) {
        TlsPair pair;
        (by_server ? pair.server_options : pair.client_options).resumption = false;
        for (int time = 0; time < 2; ++time) {
            pair.client = std::make_shared<Recorder>();
            pair.open();
            BOOST_TEST(!info_of(*pair.client).resumed);
            BOOST_TEST(pair.client_context->sessions() == 0U);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_server_shows_each_name_its_own_certificate) {
    TlsPair pair;
    pair.server_options.by_name = {{"a.example", TlsContext::server(options_of(test_ca().issue("a.example")))},
                                   {"*.b.example", TlsContext::server(options_of(test_ca().issue("*.b.example")))}};
    pair.make_contexts();
    for (const auto& [host, subject] : {std::pair{"a.example", "CN=a.example"},
                                        {"A.Example", "CN=a.example"},
                                        {"x.b.example", "CN=*.b.example"},
                                        {"localhost", "CN=localhost"},
                                        {"127.0.0.1", "CN=localhost"}}) {
        pair.where.host = host;
        pair.client = std::make_shared<Recorder>();
        pair.open();
        BOOST_TEST(tls_transport(pair.client->transport())->peer_certificate()->subject == subject);
    }
    // One label only, and not none.
    for (const char* host : {"b.example", "x.y.b.example"}) {
        pair.where.host = host;
        pair.client = std::make_shared<Recorder>();
        pair.client_failed.reset();
        pair.start();
        pair.settle();
        BOOST_TEST(is<TlsCertificateError>(pair.client_failed));
    }
}

BOOST_AUTO_TEST_CASE(a_context_chosen_by_name_has_its_own_rules) {
    TlsPair pair;
    TlsOptions strict = options_of(test_ca().issue("strict.example"));
    strict.client_certificates = TlsClientCertificates::required;
    strict.ca = TlsPem::from_text(test_ca().pem());
    strict.maximum = TlsVersion::tls_1_2;
    strict.alpn = {"strict"};
    pair.client_options.alpn = {"strict", "other"};
    pair.server_options.by_name = {{"strict.example", TlsContext::server(strict)}};
    pair.open();
    BOOST_TEST(info_of(*pair.client).alpn == "");

    pair.where.host = "strict.example";
    pair.client = std::make_shared<Recorder>();
    pair.start();
    pair.settle();
    BOOST_TEST(is<TlsCertificateError>(pair.server_failed));

    const Identity mine = test_ca().issue("me");
    pair.client_options.certificate = TlsPem::from_text(mine.certificate);
    pair.client_options.key = TlsPem::from_text(mine.key);
    pair.client_context = nullptr;
    pair.client = std::make_shared<Recorder>();
    pair.open();
    BOOST_TEST(info_of(*pair.client).version == TlsVersion::tls_1_2);
    BOOST_TEST(info_of(*pair.client).alpn == "strict");
}

BOOST_AUTO_TEST_CASE(a_ticket_of_one_name_does_not_open_another) {
    TlsPair pair;
    TlsOptions strict = options_of(test_ca().issue("localhost"));
    strict.client_certificates = TlsClientCertificates::required;
    strict.ca = TlsPem::from_text(test_ca().pem());
    const auto lax = TlsContext::server(options_of(test_ca().issue("localhost")));
    pair.server_context = lax;
    pair.open();
    BOOST_TEST(pair.client_context->sessions() == 1U);
    pair.server_context = TlsContext::server(strict);
    pair.client = std::make_shared<Recorder>();
    pair.start();
    pair.settle();
    BOOST_TEST(is<TlsCertificateError>(pair.server_failed));
}

BOOST_AUTO_TEST_CASE(a_server_may_ask_for_certificates) {
    for (const auto wish : {TlsClientCertificates::optional, TlsClientCertificates::required}) {
        for (const TlsVersion version : versions) {
            TlsPair pair;
            pair.client_options.maximum = version;
            pair.server_options.client_certificates = wish;
            pair.server_options.ca = TlsPem::from_text(test_ca().pem());
            const Identity mine = test_ca().issue("me");
            pair.client_options.certificate = TlsPem::from_text(mine.certificate + mine.key);  // both in one
            Recorder& server = pair.open();
            BOOST_TEST(tls_transport(server.transport())->peer_certificate()->subject == "CN=me");
        }
    }
    TlsPair pair;
    pair.server_options.client_certificates = TlsClientCertificates::optional;
    pair.server_options.ca = TlsPem::from_text(test_ca().pem());
    BOOST_TEST(!tls_transport(pair.open().transport())->peer_certificate().has_value());
}

BOOST_AUTO_TEST_CASE(tls_runs_inside_tls) {
    TlsPair pair;
    pair.make_contexts();
    auto inner = std::make_shared<Recorder>();
    inner->when_made = [](Recorder& r) { r.transport().write("deep"); };
    auto server = std::make_shared<Recorder>();
    TlsPair::echo(*server);
    const TlsPeer whom{"localhost"};
    MemoryTransport a(
        tls_client(pair.clock, pair.client_context, whom, tls_client(pair.clock, pair.client_context, whom, inner)));
    MemoryTransport b(tls_server(pair.clock, pair.server_context, tls_server(pair.clock, pair.server_context, server)));
    for (int i = 0; i < 20; ++i) {
        b.deliver(a.take_written());
        a.deliver(b.take_written());
        pair.clock.advance({});
    }
    BOOST_TEST(inner->received == "deep");
    inner->transport().lose_connection();
    for (int i = 0; i < 20; ++i) {
        pair.clock.advance({});
        b.deliver(a.take_written());
        a.deliver(b.take_written());
    }
    BOOST_TEST(a.disconnecting());
    BOOST_TEST(b.disconnecting());
    a.lose_cleanly();
    b.lose_cleanly();
    BOOST_TEST(inner->story() == "made data lost: done");
    BOOST_TEST(server->story() == "made data end lost: done");
}

BOOST_AUTO_TEST_CASE(a_protocol_that_wants_to_know_is_told_of_the_handshake) {
    struct Aware : TlsProtocol {
        std::string story;
        void connection_made() override { story += "made "; }
        void handshake_completed(TlsTransport& transport) override { story += transport.tls().alpn + "shaken "; }
        void handshake_failed(const Failure&) override { story += "failed "; }
        void data_received(const Bytes&) override {}
        void connection_lost(const Failure&) override { story += "lost "; }
    };
    TlsPair pair;
    pair.listen();
    auto good = std::make_shared<Aware>();
    auto bad = std::make_shared<Aware>();
    auto connector = make_tls_connector(pair.clock, pair.client_context, pair.network.connector());
    std::optional<Failure> why;
    connector->connect(pair.where, good).detach([](const Failure& failure) { BOOST_ERROR(failure.message()); });
    pair.network.listen({"other", 443}, tls_factory(pair.clock, pair.server_context, make_factory([](const Address&) {
                                                        return std::make_shared<Recorder>();
                                                    })));
    connector->connect({"other", 443}, bad).detach([&](const Failure& failure) { why = failure; });
    pair.settle();
    BOOST_TEST(good->story == "made shaken ");
    BOOST_TEST(bad->story == "failed ");
    BOOST_TEST(is<TlsCertificateError>(why));
    good->transport().abort_connection();
    pair.settle();
    BOOST_TEST(good->story == "made shaken lost ");
}

BOOST_AUTO_TEST_CASE(a_server_starts_and_stops_with_the_factory_it_wraps) {
    struct Counting : Factory {
        std::string story;
        std::shared_ptr<Protocol> build_protocol(const Address&) override { return nullptr; }
        void start_factory() override { story += "start "; }
        void stop_factory() override { story += "stop "; }
    };
    TlsPair pair;
    pair.make_contexts();
    auto counting = std::make_shared<Counting>();
    auto factory = tls_factory(pair.clock, pair.server_context, counting);
    factory->begin_use();
    BOOST_TEST((factory->build_protocol({"10.0.0.1", 1}) == nullptr));
    factory->end_use();
    BOOST_TEST(counting->story == "start stop ");
}

// Peers that keep to TLS in ways that few do: messages in pieces, endless talk, tickets where they do not belong.
#define BOOST_TEST_MODULE tls_odd_peers
#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/reports.hpp"
#include "tls_fixture.hpp"
#include "tls_raw_peer.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// Our client, and a server of bare OpenSSL whose tickets do not fit into one record.
struct AtServer {
    ManualClock clock;
    std::shared_ptr<Recorder> client = std::make_shared<Recorder>();
    MemoryTransport transport{tls_client(clock, context(), {"localhost", 443}, client)};
    RawTlsPeer server{test_ca().issue()};

    static std::shared_ptr<const TlsContext> context() {
        TlsOptions options = trusting();
        CertificateWishes wishes{"me", {}};  // of a size that a ticket has it, too
        for (int i = 0; i < 50; ++i)
            wishes.names.push_back("DNS:host" + std::to_string(i) + ".example.com");
        const Identity mine = test_ca().issue(wishes);
        options.certificate = TlsPem::from_text(mine.certificate);
        options.key = TlsPem::from_text(mine.key);
        return TlsContext::client(options);
    }

    AtServer() {
        SSL_set_max_send_fragment(server.ssl(), 512);
        server.input(transport.take_written());
        server.shake_hands();
        transport.deliver(server.output());
        BOOST_REQUIRE(client->connected());
        server.input(transport.take_written());
        server.shake_hands();
        tickets = server.output();
        BOOST_REQUIRE(tickets.size() > 1200U);
    }

    void carry() {
        for (int i = 0; i < 5; ++i) {
            clock.advance({});
            server.input(transport.take_written());
            heard += server.read();
            transport.deliver(server.output());
        }
    }

    std::string tickets;
    std::string heard;
};

/// What a record of 512 bytes takes.
constexpr std::size_t one_record = 512 + 5 + 1 + 16;

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_written_while_a_message_of_tls_itself_is_half_here_waits_for_the_rest_of_it) {
    AtServer at;
    at.transport.deliver(at.tickets.substr(0, one_record + 20));
    at.client->transport().write("hello");
    Deferred<> drained = at.client->transport().drained();
    for (int i = 0; i < 10; ++i)
        at.clock.advance(1ms);
    BOOST_TEST(at.client->story() == "made");
    BOOST_TEST(!at.transport.disconnecting());
    BOOST_TEST(at.client->transport().write_buffered() == 5U);
    at.transport.deliver(at.tickets.substr(one_record + 20));
    at.carry();
    BOOST_TEST(at.heard == "hello");
    BOOST_TEST(drained.ready());
    at.server.write("and back");
    at.transport.deliver(at.server.output());
    BOOST_TEST(at.client->received == "and back");
}

BOOST_AUTO_TEST_CASE(so_do_much_and_the_close_notify) {
    for (const bool half : {true, false}) {
        AtServer at;
        const std::string text(300'000, 'x');
        NotedProducer producer;
        at.transport.deliver(at.tickets.substr(0, one_record));
        at.client->transport().register_producer(producer);
        at.client->transport().write(text);
        BOOST_TEST(producer.told == "pause ");
        at.client->transport().unregister_producer();
        half ? at.client->transport().lose_write_connection() : at.client->transport().lose_connection();
        at.clock.advance(1ms);
        BOOST_TEST(at.transport.written() == "");
        at.transport.deliver(at.tickets.substr(one_record));
        at.carry();
        BOOST_TEST(at.heard.size() == text.size() + 5);
        BOOST_TEST(at.heard.ends_with("x(end)"));
        BOOST_TEST(!at.transport.aborted());
    }
}

BOOST_AUTO_TEST_CASE(a_peer_that_never_completes_its_message_cannot_hold_a_connection_that_closes) {
    for (const bool with_text : {true, false}) {
        AtServer at;
        at.transport.deliver(at.tickets.substr(0, one_record));
        if (with_text) at.client->transport().write("hello");
        at.client->transport().lose_connection();
        at.clock.advance(4999ms);
        BOOST_TEST(!at.transport.disconnecting());
        at.clock.advance(1ms);
        BOOST_TEST(at.transport.disconnecting());
        at.transport.lose(make_failure(ConnectionAborted("aborted")));
        BOOST_TEST(at.client->reason.has_value());
        BOOST_TEST(at.client->story().starts_with("made lost: "));
    }
}

BOOST_AUTO_TEST_CASE(a_pause_does_not_keep_the_rest_of_a_message_out) {
    AtServer at;
    at.transport.deliver(at.tickets.substr(0, one_record));
    at.client->transport().pause_producing();
    at.client->transport().write("hello");
    at.clock.advance(1ms);
    BOOST_TEST(!at.transport.reading_paused());
    at.server.write("not now");
    at.transport.deliver(at.tickets.substr(one_record) + at.server.output());
    BOOST_TEST(at.transport.reading_paused());
    BOOST_TEST(at.client->received == "");
    at.carry();
    BOOST_TEST(at.heard == "hello");
    at.client->transport().resume_producing();
    at.clock.advance({});
    BOOST_TEST(at.client->received == "not now");
    BOOST_TEST(!at.transport.reading_paused());
}

BOOST_AUTO_TEST_CASE(a_peer_that_goes_in_mid_message_while_we_close_has_gone) {
    AtServer at;
    at.transport.deliver(at.tickets.substr(0, one_record));
    at.client->transport().lose_connection();
    at.clock.advance({});
    at.transport.deliver_end();
    BOOST_TEST(at.transport.disconnecting());
    BOOST_TEST(!at.transport.aborted());
    at.transport.lose_cleanly();
    BOOST_TEST(is<ConnectionDone>(at.client->reason));
}

BOOST_AUTO_TEST_CASE(an_abort_needs_nothing_from_the_peer) {
    AtServer at;
    at.transport.deliver(at.tickets.substr(0, one_record));
    at.client->transport().write("hello");
    at.clock.advance(1ms);
    at.client->transport().abort_connection();
    BOOST_TEST(at.transport.aborted());
}

BOOST_AUTO_TEST_CASE(a_peer_that_talks_for_ever_while_we_close_is_not_listened_to_for_ever) {
    AtServer at;
    at.transport.deliver(at.tickets);
    at.client->transport().lose_connection();
    at.clock.advance({});
    BOOST_TEST(!at.transport.take_written().empty());  // our close-notify
    for (int i = 0; i < 50; ++i) {
        BOOST_TEST(!at.transport.disconnecting());
        at.server.write(std::string(10'000, 'x'));
        at.transport.deliver(at.server.output());
        at.clock.advance(100ms);
    }
    BOOST_TEST(at.transport.disconnecting());
    BOOST_TEST(at.client->received == "");
    BOOST_TEST(at.client->transport().bytes_received() == 0U);
    at.transport.lose_cleanly();
    BOOST_TEST(is<ConnectionDone>(at.client->reason));
}

BOOST_AUTO_TEST_CASE(empty_records_and_warnings_have_an_end) {
    AtServer at;
    at.transport.deliver(at.tickets);
    // A record that says nothing, a thousand times: its content is the type of what it would hold alone.
    std::string said;
    for (int i = 0; i < 1000 && !at.transport.disconnecting(); ++i) {
        SSL_write(at.server.ssl(), "", 0);
        SSL_key_update(at.server.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
        SSL_do_handshake(at.server.ssl());
        at.transport.deliver(at.server.output());
    }
    BOOST_TEST(at.client->received == "");
    BOOST_TEST(at.transport.written() == "");
}

BOOST_AUTO_TEST_CASE(a_ticket_for_one_name_opens_no_other_that_asks_for_certificates) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        ManualClock clock;
        TlsOptions strict = options_of(test_ca().issue("strict.example"));
        strict.client_certificates = TlsClientCertificates::required;
        strict.ca = TlsPem::from_text(test_ca().pem());
        TlsOptions options = serving();
        options.by_name = {{"strict.example", TlsContext::server(strict)},
                           {"lax.example", TlsContext::server(options_of(test_ca().issue("lax.example")))}};
        const auto context = TlsContext::server(options);
        SSL_SESSION* session = nullptr;
        for (const char* name : {"lax.example", "lax.example", "strict.example"}) {
            auto recorder = std::make_shared<Recorder>();
            std::optional<Failure> failed;
            MemoryTransport transport(tls_factory(clock, context,
                                                  make_factory([&](const Address&) { return recorder; }), {},
                                                  [&](const Address&, const Failure& why) { failed = why; })
                                          ->build_protocol({"10.0.0.9", 9}));
            const RawTlsPeer client;
            SSL_set_max_proto_version(client.ssl(), version);
            SSL_ctrl(client.ssl(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(name));
            if (session != nullptr) SSL_set_session(client.ssl(), session);
            for (int i = 0; i < 5; ++i) {
                client.shake_hands();
                client.read();
                transport.deliver(client.output());
                client.input(transport.take_written());
            }
            transport.lose_cleanly();
            if (std::string_view(name) == "strict.example") {
                BOOST_TEST(is<TlsCertificateError>(failed));
                BOOST_TEST(recorder->story() == "");
                continue;
            }
            BOOST_TEST(recorder->story() == "made lost: broken");
            BOOST_TEST(SSL_session_reused(client.ssl()) == (session != nullptr ? 1 : 0));
            SSL_SESSION_free(session);
            session = SSL_get1_session(client.ssl());
        }
        SSL_SESSION_free(session);
    }
}

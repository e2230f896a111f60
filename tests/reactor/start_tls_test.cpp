// Switching to TLS in mid-stream: what was written in clear goes first, the producer stays, failures end the
// connection.
#define BOOST_TEST_MODULE start_tls
#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/reports.hpp"
#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

struct Upgrading : TlsProtocol {
    std::string received;
    std::string story;
    std::optional<Failure> reason;
    std::function<void(Upgrading&)> when_data = [](Upgrading&) {};

    void connection_made() override { story += "made "; }
    void handshake_completed(TlsTransport& transport) override {
        story += std::string(to_string(transport.tls().version)) + " ";
    }
    void handshake_failed(const Failure&) override { story += "never"; }
    void data_received(const Bytes& data) override {
        received += data.view();
        when_data(*this);
    }
    void connection_lost(const Failure& why) override {
        story += "lost ";
        reason = why;
    }
};

struct Clear {
    ManualClock clock;
    std::shared_ptr<const TlsContext> client_context = TlsContext::client(trusting());
    std::shared_ptr<const TlsContext> server_context = TlsContext::server(serving());
    std::shared_ptr<Upgrading> client = std::make_shared<Upgrading>();
    std::shared_ptr<Upgrading> server = std::make_shared<Upgrading>();
    std::unique_ptr<MemoryTransport> a = std::make_unique<MemoryTransport>(client);
    std::unique_ptr<MemoryTransport> b = std::make_unique<MemoryTransport>(server);

    void carry() {
        for (int i = 0; i < 20; ++i) {
            clock.advance({});
            b->deliver(a->take_written());
            a->deliver(b->take_written());
        }
    }
    void agree() {
        server->when_data = [this](Upgrading& self) {
            if (self.received != "STARTTLS\r\n") return;
            self.received.clear();
            self.transport().write("GO\r\n");
            start_tls(clock, self.transport(), server_context);
            self.transport().write("hidden");
        };
        client->when_data = [this](Upgrading& self) {
            if (self.received != "GO\r\n") return;
            self.received.clear();
            start_tls(clock, self.transport(), client_context, {"localhost"});
            self.transport().write("secret");
        };
        client->transport().write("STARTTLS\r\n");
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(both_sides_switch_and_what_follows_is_held_until_the_handshake_is_done) {
    Clear clear;
    clear.agree();
    BOOST_TEST(clear.a->written() == "STARTTLS\r\n");
    clear.b->deliver(clear.a->take_written());
    BOOST_TEST(clear.b->written() == "GO\r\n");  // and not what was to be hidden
    BOOST_TEST(tls_transport(clear.server->transport()) != nullptr);
    BOOST_CHECK_THROW(tls_transport(clear.server->transport())->tls(), InvalidState);
    BOOST_TEST(clear.server->transport().write_buffered() == 10U);
    clear.carry();
    BOOST_TEST(clear.client->received == "hidden");
    BOOST_TEST(clear.server->received == "secret");
    BOOST_TEST(clear.client->story == "made TLS 1.3 ");
    BOOST_TEST(clear.server->story == "made TLS 1.3 ");

    clear.client->transport().lose_connection();
    clear.carry();
    BOOST_TEST(clear.a->disconnecting());
    clear.a->lose_cleanly();
    clear.b->lose_cleanly();
    BOOST_TEST(clear.client->story == "made TLS 1.3 lost ");
    BOOST_TEST(is<ConnectionDone>(clear.client->reason));
    BOOST_TEST(is<ConnectionDone>(clear.server->reason));
}

BOOST_AUTO_TEST_CASE(a_producer_is_kept) {
    Clear clear;
    NotedProducer producer;
    clear.client->transport().register_producer(producer);
    clear.client->transport().write(std::string(100'000, 'c'));
    BOOST_TEST(producer.told == "pause ");
    start_tls(clear.clock, clear.client->transport(), clear.client_context, {"localhost"});
    BOOST_TEST(!clear.a->has_producer());
    BOOST_CHECK_THROW(clear.client->transport().register_producer(producer), InvalidState);
    BOOST_TEST(producer.told == "pause ");
    const std::string sent = clear.a->take_written();
    BOOST_TEST(sent.substr(0, 100'000) == std::string(100'000, 'c'));
    start_tls(clear.clock, clear.server->transport(), clear.server_context);
    clear.b->deliver(std::string_view(sent).substr(100'000));
    clear.carry();
    BOOST_TEST(producer.told == "pause resume ");
    clear.client->transport().lose_connection();
    clear.carry();
    BOOST_TEST(!clear.a->disconnecting());  // it is waited for
    clear.client->transport().unregister_producer();
    clear.carry();
    BOOST_TEST(clear.a->disconnecting());
}

BOOST_AUTO_TEST_CASE(what_a_producer_writes_meanwhile_pauses_it) {
    Clear clear;
    NotedProducer producer;
    clear.client->transport().register_producer(producer);
    start_tls(clear.clock, clear.client->transport(), clear.client_context, {"localhost"});
    clear.client->transport().write(std::string(70'000, 's'));
    BOOST_TEST(producer.told == "pause ");
    start_tls(clear.clock, clear.server->transport(), clear.server_context);
    clear.carry();
    BOOST_TEST(producer.told == "pause resume ");
    BOOST_TEST(clear.server->received.size() == 70'000U);
    clear.client->transport().unregister_producer();
}

BOOST_AUTO_TEST_CASE(bytes_that_came_early_are_used) {
    Clear clear;
    start_tls(clear.clock, clear.client->transport(), clear.client_context, {"localhost"});
    start_tls(clear.clock, clear.server->transport(), clear.server_context, {}, Bytes::copy(clear.a->take_written()));
    BOOST_TEST(clear.b->written().empty());  // nothing happens inside the call
    clear.carry();
    BOOST_TEST(clear.server->story == "made TLS 1.3 ");
}

BOOST_AUTO_TEST_CASE(a_failed_switch_is_the_reason_of_the_loss) {
    Clear clear;
    start_tls(clear.clock, clear.client->transport(), clear.client_context, {"other.example"});
    start_tls(clear.clock, clear.server->transport(), clear.server_context);
    clear.carry();
    clear.a->lose_cleanly();
    clear.b->lose_cleanly();
    BOOST_TEST(is<TlsCertificateError>(clear.client->reason));
    BOOST_TEST(is<TlsAlertReceived>(clear.server->reason));
    BOOST_TEST(clear.client->story == "made lost ");
}

BOOST_AUTO_TEST_CASE(a_switch_that_is_never_answered_ends_in_time) {
    Clear clear;
    start_tls(clear.clock, clear.client->transport(), clear.client_context, {"localhost"}, {}, {2s, 1s});
    clear.client->transport().write("never sent");
    clear.client->transport().lose_connection();
    clear.clock.advance(2s);
    BOOST_TEST(clear.a->disconnecting());
    clear.clock.advance(1s);
    BOOST_TEST(clear.a->aborted());
    clear.a->lose_broken();
    BOOST_TEST(is<TlsTimeout>(clear.client->reason));
}

BOOST_AUTO_TEST_CASE(abort_and_loss_in_the_handshake_keep_their_reasons) {
    for (const bool abort : {true, false}) {
        Clear clear;
        start_tls(clear.clock, clear.client->transport(), clear.client_context, {"localhost"});
        if (abort) {
            clear.client->transport().abort_connection();
            BOOST_TEST(clear.a->aborted());
        }
        clear.a.reset();
        BOOST_TEST(is<ConnectionAborted>(clear.client->reason));
        BOOST_TEST(clear.client->story == "made lost ");
    }
}

BOOST_AUTO_TEST_CASE(a_pause_in_the_handshake_begins_after_it) {
    Clear clear;
    start_tls(clear.clock, clear.client->transport(), clear.client_context, {"localhost"});
    start_tls(clear.clock, clear.server->transport(), clear.server_context);
    clear.server->transport().pause_producing();
    clear.client->transport().write("wait for it");
    clear.carry();
    BOOST_TEST(clear.server->story == "made TLS 1.3 ");
    BOOST_TEST(clear.server->received == "");
    clear.server->transport().resume_producing();
    clear.carry();
    BOOST_TEST(clear.server->received == "wait for it");
}

BOOST_AUTO_TEST_CASE(a_pause_from_before_does_not_hold_the_handshake) {
    Clear clear;
    clear.client->transport().pause_producing();
    start_tls(clear.clock, clear.client->transport(), clear.client_context, {"localhost"});
    BOOST_TEST(!clear.a->reading_paused());
    start_tls(clear.clock, clear.server->transport(), clear.server_context);
    clear.carry();
    BOOST_TEST(clear.client->story == "made TLS 1.3 ");
}

BOOST_AUTO_TEST_CASE(a_connection_can_be_switched_inside_tls) {
    Clear clear;
    start_tls(clear.clock, clear.client->transport(), clear.client_context, {"localhost"});
    start_tls(clear.clock, clear.server->transport(), clear.server_context);
    clear.carry();
    start_tls(clear.clock, clear.client->transport(), clear.client_context, {"localhost"});
    start_tls(clear.clock, clear.server->transport(), clear.server_context);
    clear.client->transport().write("deep");
    clear.carry();
    BOOST_TEST(clear.server->received == "deep");
    BOOST_TEST(clear.server->story == "made TLS 1.3 TLS 1.3 ");
}

BOOST_AUTO_TEST_CASE(what_cannot_switch_says_so) {
    Clear clear;
    Recorder unconnected;
    BOOST_CHECK_THROW(start_tls(clear.clock, unconnected.transport(), clear.client_context, {"localhost"}), UsageError);
    BOOST_CHECK_THROW(start_tls(clear.clock, clear.client->transport(), clear.client_context), UsageError);
    clear.a->lose_cleanly();
    BOOST_CHECK_THROW(start_tls(clear.clock, *clear.a, clear.client_context, {"localhost"}), UsageError);
    BOOST_TEST(clear.client->story == "made lost ");
}

BOOST_AUTO_TEST_CASE(an_exception_in_the_callback_that_switched_is_the_reason) {
    Clear clear;
    clear.server->when_data = [&](Upgrading& self) {
        start_tls(clear.clock, self.transport(), clear.server_context);
        clear.server.reset();  // the connection keeps it
        throw std::runtime_error("changed my mind");
    };
    const std::weak_ptr<Upgrading> server = clear.server;
    clear.b->deliver("x");
    BOOST_TEST(server.expired());
    BOOST_TEST(clear.b->lost());
}

// The reactor's acceptance cases (Twisted's test names) that concern connections, over TLS on real sockets.
#define BOOST_TEST_MODULE acceptance_tls
#include <boost/test/unit_test.hpp>

#include "plait/reactor/reactor.hpp"
#include "plait/tests/reactor/reports.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// A connection over TLS, both ends ours.
struct Connection {
    Reactor reactor;
    std::shared_ptr<Recorder> client = std::make_shared<Recorder>();
    std::shared_ptr<Recorder> server = std::make_shared<Recorder>();
    std::unique_ptr<ListeningPort> port;

    void open() {
        port = listen_tls(reactor, {"127.0.0.1", 0}, TlsContext::server(serving()),
                          make_factory([this](const Address&) { return server; }));
        Deferred<std::shared_ptr<Protocol>> connecting =
            connect_tls(reactor, {"127.0.0.1", port->address().port}, TlsContext::client(trusting()), client);
        connecting =
            std::move(connecting).add_errback([this](const Failure&) { return std::shared_ptr<Protocol>(client); });
        reactor.run_until(std::move(connecting));
        wait([this] { return !server->events.empty() || client->reason; });
    }
    void wait(const std::function<bool()>& condition) { run_until(reactor, condition); }
    void wait_for_the_end() {
        wait([this] { return client->reason && server->reason; });
        settle(reactor);
        for (const Recorder* one : {client.get(), server.get()}) {
            int losses = 0;
            for (const std::string& event : one->events)
                losses += event.starts_with("lost");
            BOOST_TEST(losses == 1);
        }
    }
};

/// Aborts, and notes that connection_lost did not come from inside the call.
void abort_it(Recorder& recorder) {
    recorder.transport().abort_connection();
    BOOST_TEST(!recorder.reason.has_value());
}

}  // namespace

BOOST_AUTO_TEST_CASE(abort_before_any_data) {
    Connection c;
    c.client->when_made = abort_it;
    c.open();
    c.wait([&] { return c.client->reason.has_value(); });
    settle(c.reactor);
    BOOST_TEST(c.client->story() == "made lost: aborted");
    BOOST_TEST(c.server->story() == "");  // our last words in the handshake went with the rest
}

BOOST_AUTO_TEST_CASE(abort_in_data_received) {
    Connection c;
    c.server->when_data = [](Recorder& r, const Bytes&) { abort_it(r); };
    c.open();
    c.client->transport().write(std::string(1'000'000, 'x'));
    c.wait_for_the_end();
    BOOST_TEST(c.server->story() == "made data lost: aborted");
    BOOST_TEST(c.client->story() == "made lost: broken");
}

BOOST_AUTO_TEST_CASE(abort_after_data_and_with_much_queued) {
    Connection c;
    c.open();
    c.client->transport().write(std::string(50'000'000, 'x'));
    c.wait([&] { return !c.server->received.empty(); });
    abort_it(*c.client);
    c.wait_for_the_end();
    BOOST_TEST(c.client->story() == "made lost: aborted");
    BOOST_TEST(c.server->received.size() < 50'000'000U);
}

BOOST_AUTO_TEST_CASE(abort_in_resume_producing) {
    struct Aborting final : Producer {
        Recorder* recorder = nullptr;
        std::string told;
        void pause_producing() override { told += "pause "; }
        void resume_producing() override {
            told += "resume ";
            abort_it(*recorder);
        }
        void stop_producing() override { told += "stop "; }
    } producer;
    Connection c;
    producer.recorder = c.client.get();
    c.open();
    c.client->transport().register_producer(producer);
    c.client->transport().write(std::string(1'000'000, 'x'));
    c.wait_for_the_end();
    BOOST_TEST(producer.told == "pause resume stop ");
    BOOST_TEST(c.client->story() == "made lost: aborted");
}

BOOST_AUTO_TEST_CASE(abort_twice_is_abort_once) {
    Connection c;
    c.open();
    abort_it(*c.client);
    abort_it(*c.client);
    c.wait_for_the_end();
    BOOST_TEST(c.client->story() == "made lost: aborted");
}

BOOST_AUTO_TEST_CASE(abort_in_connection_lost_and_after_it_does_nothing) {
    Connection c;
    c.client->when_lost = [](Recorder& r) { r.transport().abort_connection(); };
    c.open();
    c.client->transport().lose_connection();
    c.wait_for_the_end();
    c.client->transport().abort_connection();
    BOOST_TEST(c.client->story() == "made lost: done");
}

BOOST_AUTO_TEST_CASE(abort_after_lose_connection_does_not_wait_for_the_peer) {
    Connection c;
    c.server->close_at_end = false;
    c.open();
    c.client->transport().lose_connection();
    c.wait([&] { return c.server->events.back() == "end"; });
    BOOST_TEST(!c.client->reason.has_value());
    abort_it(*c.client);
    c.wait_for_the_end();
    BOOST_TEST(c.client->story() == "made lost: aborted");
}

BOOST_AUTO_TEST_CASE(writes_after_abort_never_arrive) {
    Connection c;
    c.open();
    c.client->transport().write("before ");
    c.wait([&] { return c.server->received == "before "; });
    abort_it(*c.client);
    c.client->transport().write("after");
    c.wait_for_the_end();
    BOOST_TEST(c.server->received == "before ");
}

BOOST_AUTO_TEST_CASE(resume_producing_after_abort_delivers_nothing) {
    Connection c;
    c.open();
    c.server->transport().pause_producing();
    c.client->transport().write("hello");
    settle(c.reactor);
    c.server->transport().abort_connection();
    c.server->transport().resume_producing();
    c.wait_for_the_end();
    BOOST_TEST(c.server->story() == "made lost: aborted");
}

BOOST_AUTO_TEST_CASE(the_applications_exception_wins_over_abort) {
    Connection c;
    c.server->when_data = [](Recorder& r, const Bytes&) {
        abort_it(r);
        throw std::runtime_error("mine");
    };
    c.open();
    c.client->transport().write("x");
    c.wait_for_the_end();
    BOOST_TEST(text_of(c.server->reason).find("mine") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(full_abort_while_the_peer_does_not_read) {
    Connection c;
    c.open();
    c.server->transport().pause_producing();
    c.client->transport().write(std::string(50'000'000, 'x'));
    settle(c.reactor);
    abort_it(*c.client);
    c.wait([&] { return c.client->reason.has_value(); });
    c.server->transport().resume_producing();
    c.wait_for_the_end();
    BOOST_TEST(c.client->story() == "made lost: aborted");
}

BOOST_AUTO_TEST_CASE(doubleHalfClose) {
    Connection c;
    c.server->close_at_end = false;
    c.server->when_ended = [](Recorder& r) {
        r.transport().lose_write_connection();
        r.transport().lose_connection();
    };
    c.open();
    c.client->transport().lose_write_connection();
    c.wait_for_the_end();
    BOOST_TEST(c.server->story() == "made end lost: done");
}

BOOST_AUTO_TEST_CASE(connectionLostAfterPausedTransport) {
    Connection c;
    c.open();
    c.server->transport().pause_producing();
    c.client->transport().write("last");
    c.client->transport().lose_connection();
    settle(c.reactor);
    BOOST_TEST(!c.server->reason.has_value());
    c.server->transport().resume_producing();
    c.wait_for_the_end();
    BOOST_TEST(c.server->story() == "made data end lost: done");
}

BOOST_AUTO_TEST_CASE(a_buggy_half_close_protocol_is_told_its_own_error) {
    Connection c;
    c.server->when_ended = [](Recorder&) { throw std::runtime_error("buggy"); };
    c.open();
    c.client->transport().lose_write_connection();
    c.wait_for_the_end();
    BOOST_TEST(text_of(c.server->reason).find("buggy") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(pausingProducer_then_resuming_then_stopping) {
    Connection c;
    NotedProducer producer;
    c.open();
    c.client->transport().register_producer(producer);
    c.client->transport().write(std::string(1'000'000, 'x'));
    BOOST_TEST(producer.told == "pause ");
    c.wait([&] { return producer.told == "pause resume "; });
    c.client->transport().abort_connection();
    c.wait_for_the_end();
    BOOST_TEST(producer.told == "pause resume stop ");
}

BOOST_AUTO_TEST_CASE(registerProducer_on_a_lost_connection_stops_it) {
    Connection c;
    NotedProducer producer;
    c.client->when_lost = [&](Recorder& r) { r.transport().register_producer(producer); };
    c.open();
    c.client->transport().lose_connection();
    c.wait_for_the_end();
    BOOST_TEST(producer.told == "stop ");
}

BOOST_AUTO_TEST_CASE(loseConnection_waits_for_unregister) {
    Connection c;
    NotedProducer producer;
    c.open();
    c.client->transport().register_producer(producer);
    c.client->transport().lose_connection();
    settle(c.reactor);
    BOOST_TEST(!c.client->reason.has_value());
    c.client->transport().write("still");
    c.client->transport().unregister_producer();
    c.wait_for_the_end();
    BOOST_TEST(c.server->received == "still");
    BOOST_TEST(c.client->story() == "made lost: done");
}

BOOST_AUTO_TEST_CASE(writeAfterDisconnect_is_ignored) {
    Connection c;
    c.open();
    c.client->transport().lose_connection();
    c.wait_for_the_end();
    c.client->transport().write("nobody");
    BOOST_TEST(c.server->received == "");
}

BOOST_AUTO_TEST_CASE(protocolGarbageAfterLostConnection) {
    Connection c;
    c.open();
    const std::weak_ptr<Recorder> client = c.client;
    c.client->transport().lose_connection();
    c.wait_for_the_end();
    c.client.reset();
    settle(c.reactor);
    BOOST_TEST(client.expired());
}

BOOST_AUTO_TEST_CASE(buildProtocolReturnsNone) {
    Reactor reactor;
    const auto port = listen_tls(reactor, {"127.0.0.1", 0}, TlsContext::server(serving()),
                                 make_factory([](const Address&) { return std::shared_ptr<Protocol>(); }));
    std::optional<Failure> failed;
    reactor.run_until(
        connect_tls(reactor, {"127.0.0.1", port->address().port}, TlsContext::client(trusting()),
                    std::make_shared<Recorder>())
            .add_callbacks([](const std::shared_ptr<Protocol>&) {}, [&](const Failure& why) { failed = why; }));
    BOOST_TEST(is<TlsError>(failed));
}

BOOST_AUTO_TEST_CASE(connectionLostOnShutdown) {
    auto connection = std::make_unique<Connection>();
    connection->open();
    const auto client = connection->client;
    const auto server = connection->server;
    connection.reset();
    BOOST_TEST(client->story() == "made lost: aborted");
    BOOST_TEST(server->story() == "made lost: aborted");
}

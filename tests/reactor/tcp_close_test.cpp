// Every way a TCP connection ends, and what may be destroyed meanwhile.
#define BOOST_TEST_MODULE tcp_close
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/tcp_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

// --- closing

BOOST_FIXTURE_TEST_CASE(lose_connection_sends_what_is_queued_and_ends_both_sides, TcpFixture) {
    auto client = connect_and_accept();
    const std::string text = numbered(5'000'000);
    client->transport().write(text);
    client->transport().lose_connection();
    BOOST_TEST(client->transport().disconnecting());
    BOOST_TEST(client->story() == "made");
    client->transport().write("dropped");
    wait_lost(*served[0]);
    wait_lost(*client);
    BOOST_TEST((served[0]->received == text));
    BOOST_TEST(served[0]->story() == "made data end lost: done");
    BOOST_TEST(client->story() == "made lost: done");
    BOOST_TEST(!client->connected());
}

BOOST_FIXTURE_TEST_CASE(nothing_is_delivered_after_lose_connection, TcpFixture) {
    prepare = [](Recorder& r) {
        r.when_data = [](Recorder& self, const Bytes&) { self.transport().lose_connection(); };
    };
    RawPeer peer(port->address());
    peer.send("first");
    Recorder& server = accept(peer);
    wait_lost(server);
    peer.send("second");
    settle(reactor);
    BOOST_TEST(server.received == "first");
    BOOST_TEST(server.story() == "made data lost: done");
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_never_closes_does_not_keep_a_connection_we_closed, TcpFixture) {
    RawPeer peer(port->address());
    Recorder& server = accept(peer);
    server.transport().write("bye");
    server.transport().lose_connection();
    wait_lost(server);
    BOOST_TEST(server.story() == "made lost: done");
    BOOST_TEST(peer.take() == "bye");
    BOOST_TEST(peer.ended());
}

BOOST_FIXTURE_TEST_CASE(last_words_arrive_although_the_peers_own_were_not_read, TcpFixture) {
    RawPeer peer(port->address());
    Recorder& server = accept(peer);
    server.transport().pause_producing();
    peer.send("a request that nobody reads");
    settle(reactor);
    server.transport().write("too large");
    server.transport().lose_connection();
    wait_lost(server);
    BOOST_TEST(peer.take() == "too large");
    BOOST_TEST(peer.ended());
    BOOST_TEST(!peer.failed());
    BOOST_TEST(peer.pending_error() == 0);
}

BOOST_FIXTURE_TEST_CASE(the_peers_end_closes_in_good_order_by_default, TcpFixture) {
    RawPeer peer(port->address());
    peer.send("question");
    peer.end_writing();
    prepare = [](Recorder& r) { r.when_data = [](Recorder& self, const Bytes&) { self.transport().write("answer"); }; };
    Recorder& server = accept(peer);
    wait_lost(server);
    BOOST_TEST(server.story() == "made data end lost: done");
    BOOST_TEST(peer.take() == "answer");
}

BOOST_FIXTURE_TEST_CASE(half_closing_leaves_the_other_direction_open, TcpFixture) {
    prepare = [](Recorder& r) {
        r.close_at_end = false;
        r.when_ended = [](Recorder& self) {
            self.transport().write(numbered(300'000));
            self.transport().lose_write_connection();
        };
    };
    auto client = connect_and_accept();
    client->close_at_end = false;
    client->transport().write("question");
    client->transport().lose_write_connection();
    client->transport().write("dropped");
    BOOST_TEST(!client->transport().disconnecting());
    wait_lost(*client);
    wait_lost(*served[0]);
    BOOST_TEST(served[0]->received == "question");
    BOOST_TEST(served[0]->story() == "made data end lost: done");
    BOOST_TEST((client->received == numbered(300'000)));
    BOOST_TEST(client->story() == "made data end lost: done");
}

BOOST_FIXTURE_TEST_CASE(a_half_closed_peer_costs_no_turns, TcpFixture) {
    prepare = [](Recorder& r) { r.close_at_end = false; };
    RawPeer peer(port->address());
    Recorder& server = accept(peer);
    peer.end_writing();
    wait([&] { return server.events.back() == "end"; });
    rusage before{};
    rusage after{};
    ::getrusage(RUSAGE_SELF, &before);
    reactor.run_until(reactor.sleep(100ms));
    ::getrusage(RUSAGE_SELF, &after);
    const auto used = [](const rusage& r) { return r.ru_utime.tv_sec * 1'000'000 + r.ru_utime.tv_usec; };
    BOOST_TEST(used(after) - used(before) < 50'000);
    BOOST_TEST(server.story() == "made end");
    server.transport().lose_connection();
    wait_lost(server);
}

BOOST_FIXTURE_TEST_CASE(abort_resets_the_peer_and_drops_what_is_queued, TcpFixture) {
    auto client = connect_and_accept();
    client->transport().write(numbered(4'000'000));
    client->transport().abort_connection();
    client->transport().abort_connection();
    BOOST_TEST(client->story() == "made");
    wait_lost(*client);
    wait_lost(*served[0]);
    BOOST_TEST(client->story() == "made lost: aborted");
    BOOST_TEST(served[0]->events.back() == "lost: broken");
    BOOST_TEST(served[0]->received.size() < 4'000'000U);
}

BOOST_FIXTURE_TEST_CASE(abort_works_while_closing_waits_for_a_peer_that_does_not_read, TcpFixture) {
    RawPeer peer(port->address(), 4096);
    Recorder& server = accept(peer);
    server.transport().write(std::string(20'000'000, 'x'));
    server.transport().lose_connection();
    settle(reactor);
    BOOST_TEST(server.story() == "made");
    server.transport().abort_connection();
    wait_lost(server);
    BOOST_TEST(server.story() == "made lost: aborted");
}

BOOST_FIXTURE_TEST_CASE(a_reset_by_the_peer_names_it_and_the_cause, TcpFixture) {
    RawPeer peer(port->address());
    Recorder& server = accept(peer);
    const std::string address = server.transport().peer().str();
    peer.reset();
    wait_lost(server);
    BOOST_TEST(server.story() == "made lost: broken");
    BOOST_TEST(says(*server.reason->exception(), address));
    BOOST_TEST(says(*server.reason->exception(), "reset by peer"));
}

BOOST_FIXTURE_TEST_CASE(a_reset_is_noticed_while_writing_to_a_paused_connection, TcpFixture) {
    RawPeer peer(port->address(), 4096);
    Recorder& server = accept(peer);
    server.transport().pause_producing();
    server.transport().write(std::string(20'000'000, 'x'));
    settle(reactor);
    peer.reset();
    wait_lost(server);
    BOOST_TEST(server.story() == "made lost: broken");
}

BOOST_FIXTURE_TEST_CASE(an_end_behind_a_pause_is_seen_after_it, TcpFixture) {
    RawPeer peer(port->address());
    Recorder& server = accept(peer);
    server.transport().pause_producing();
    peer.send("last");
    peer.close();
    settle(reactor);
    BOOST_TEST(server.story() == "made");
    server.transport().resume_producing();
    BOOST_TEST(server.story() == "made");
    wait_lost(server);
    BOOST_TEST(server.story() == "made data end lost: done");
}

// --- exceptions and destruction

BOOST_FIXTURE_TEST_CASE(an_exception_from_any_callback_is_the_reason_of_the_loss, TcpFixture) {
    const auto broken = [](auto&&...) { throw std::runtime_error("not my day"); };
    int which = 0;
    prepare = [&](Recorder& r) {
        r.close_at_end = false;
        if (which == 0) r.when_made = broken;
        if (which == 1) r.when_data = broken;
        if (which == 2) r.when_ended = broken;
    };
    for (; which < 3; ++which) {
        RawPeer peer(port->address());
        peer.send("x");
        peer.end_writing();
        Recorder& server = accept(peer);
        wait_lost(server);
        BOOST_TEST(server.events.back() == "lost: other");
        BOOST_TEST(says(*server.reason->exception(), "not my day"));
    }
    prepare = echo;
    auto client = connect();
    client->transport().write("still here");
    wait([&] { return client->received == "still here"; });
}

BOOST_FIXTURE_TEST_CASE(what_is_queued_when_a_callback_throws_is_not_sent, TcpFixture) {
    prepare = [](Recorder& r) {
        r.when_data = [](Recorder& self, const Bytes&) {
            self.transport().write("never");
            throw std::runtime_error("not my day");
        };
    };
    RawPeer peer(port->address());
    peer.send("x");
    wait_lost(accept(peer));
    std::string got;
    wait([&] {
        got += peer.take();
        return peer.ended() || peer.failed();
    });
    BOOST_TEST(got == "");
}

BOOST_FIXTURE_TEST_CASE(an_exception_wins_over_an_abort_in_the_same_callback, TcpFixture) {
    prepare = [](Recorder& r) {
        r.when_data = [](Recorder& self, const Bytes&) {
            self.transport().abort_connection();
            throw std::runtime_error("first cause");
        };
    };
    RawPeer peer(port->address());
    peer.send("x");
    Recorder& server = accept(peer);
    wait_lost(server);
    BOOST_TEST(server.story() == "made data lost: other");
}

BOOST_FIXTURE_TEST_CASE(closing_calls_from_every_callback_end_the_connection_once, TcpFixture) {
    for (int how = 0; how < 6; ++how) {
        const auto close = [how](Recorder& r, auto&&...) {
            if (how % 2 == 0) r.transport().lose_connection();
            if (how % 2 == 1) r.transport().abort_connection();
            r.transport().lose_write_connection();
        };
        prepare = [&](Recorder& r) {
            r.when_lost = [](Recorder& self) {
                self.transport().lose_connection();
                self.transport().abort_connection();
                self.transport().write("never");
            };
            if (how / 2 == 0) r.when_made = close;
            if (how / 2 == 1) r.when_data = close;
            if (how / 2 == 2) r.when_ended = close;
        };
        RawPeer peer(port->address());
        peer.send("x");
        peer.end_writing();
        Recorder& server = accept(peer);
        wait_lost(server);
        settle(reactor);
        BOOST_TEST(std::count_if(server.events.begin(), server.events.end(),
                                 [](const std::string& event) { return event.starts_with("lost"); }) == 1);
    }
}

BOOST_FIXTURE_TEST_CASE(the_protocol_is_let_go_once_lost, TcpFixture) {
    auto client = connect_and_accept();
    const std::weak_ptr<Recorder> watched = client;
    client->when_lost = [&](Recorder&) { client.reset(); };
    served[0]->transport().lose_connection();
    wait([&] { return watched.expired(); });
}

BOOST_FIXTURE_TEST_CASE(a_written_slice_lives_until_it_is_sent_and_no_longer, TcpFixture) {
    RawPeer peer(port->address(), 4096);
    Recorder& server = accept(peer);
    Bytes text = Bytes::own(numbered(20'000'000));
    server.transport().write(text);
    text = Bytes();
    settle(reactor);
    std::string got;
    wait([&] { return (got += peer.take()).size() == 20'000'000U; });
    BOOST_TEST((got == numbered(20'000'000)));
}

BOOST_AUTO_TEST_CASE(destroying_the_reactor_aborts_open_connections) {
    auto client = std::make_shared<Recorder>();
    auto kept_port = std::unique_ptr<ListeningPort>();
    std::vector<std::shared_ptr<Recorder>> served;
    {
        TcpFixture fixture;
        fixture.reactor.run_until(connect_tcp(fixture.reactor, fixture.where(), client));
        fixture.wait([&] { return !fixture.served.empty(); });
        client->transport().write(numbered(1000));
        client->when_lost = [](Recorder& r) { r.transport().lose_connection(); };
        served = fixture.served;
        kept_port = std::move(fixture.port);
    }
    BOOST_TEST(client->events.back() == "lost: aborted");
    BOOST_TEST(served[0]->events.back() == "lost: aborted");
    BOOST_TEST(says(*client->reason->exception(), "reactor was destroyed"));
    kept_port->stop_listening();
}

namespace {

/// Whichever is told first: what the other sends then meets a closed connection.
void write_into_each_others_end(const std::shared_ptr<Recorder>& one, const std::shared_ptr<Recorder>& other) {
    const auto write_to = [](const std::weak_ptr<Recorder>& to) {
        return [to](Recorder&) {
            const auto left = to.lock();
            if (left->connected()) left->transport().write("too late");
        };
    };
    one->when_lost = write_to(other);
    other->when_lost = write_to(one);
}

}  // namespace

BOOST_AUTO_TEST_CASE(both_ends_hear_that_their_reactor_was_destroyed_and_not_that_the_other_end_was) {
    for (const bool with_bytes : {false, true}) {
        std::shared_ptr<Recorder> client;
        std::shared_ptr<Recorder> server;
        {
            TcpFixture fixture;
            client = fixture.connect_and_accept();
            server = fixture.served.back();
            write_into_each_others_end(client, server);
            if (with_bytes) {
                client->transport().write(std::string(10'000'000, 'x'));
                client->transport().lose_connection();
                server->transport().write("answer");
            }
        }
        BOOST_TEST(client->story() == "made lost: aborted");
        BOOST_TEST(server->story() == "made lost: aborted");
    }
}

BOOST_AUTO_TEST_CASE(both_ends_hear_of_the_end_of_a_run_and_once) {
    TcpFixture fixture;
    const auto client = fixture.connect_and_accept();
    const auto server = fixture.served.back();
    fixture.reactor.call_soon([&] { fixture.reactor.stop(); });
    fixture.reactor.run();
    for (const auto& end : {client, server}) {
        BOOST_TEST(end->story() == "made lost: broken");
        BOOST_TEST(says(*end->reason->exception(), "its reactor was stopped"));
    }
}

BOOST_AUTO_TEST_CASE(an_end_that_could_not_send_everything_before_the_end_of_a_run_is_aborted) {
    TcpFixture fixture;
    const auto client = fixture.connect();
    RawPeer peer(fixture.port->address());
    Recorder& server = fixture.accept(peer);
    server.transport().write(std::string(20'000'000, 'x'));
    fixture.reactor.call_soon([&] { fixture.reactor.stop(); });
    fixture.reactor.run();
    BOOST_TEST(server.story() == "made lost: aborted");
    BOOST_TEST(says(*server.reason->exception(), "bytes to send: its reactor was stopped"));
    while (!peer.ended() && !peer.failed())
        peer.take();
    BOOST_TEST(peer.failed());
}

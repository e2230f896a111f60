// A connection's life: bytes both ways, closing in every way, flow control, destruction.
#define BOOST_TEST_MODULE tcp
#include <sys/resource.h>

#include <array>
#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/tcp_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

std::string numbered(std::size_t size) {
    std::string text;
    text.reserve(size + 16);
    for (std::size_t i = 0; text.size() < size; ++i)
        text += std::to_string(i) + ' ';
    text.resize(size);
    return text;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(bytes_go_there_and_back, TcpFixture) {
    prepare = echo;
    auto client = connect();
    client->transport().write("hello ");
    client->transport().write(Bytes::own("world"));
    wait([&] { return client->received == "hello world"; });
    BOOST_TEST(client->transport().peer().str() == port->address().str());
    BOOST_TEST((served[0]->transport().peer() == client->transport().host()));
}

BOOST_FIXTURE_TEST_CASE(what_is_written_in_one_turn_leaves_together, TcpFixture) {
    RawPeer peer(port->address());
    Recorder& server = accept(peer);
    reactor.call_soon([&] {
        server.transport().write("one ");
        BOOST_TEST(peer.take() == "");
        server.transport().write("two ");
        const std::array<Bytes, 2> rest{Bytes::own(std::string(2000, 'x')), Bytes::own("end")};
        server.transport().write_sequence(rest);
        BOOST_TEST(server.transport().write_buffered() == 2011U);
    });
    std::string got;
    wait([&] { return !(got = peer.take()).empty(); });
    BOOST_TEST(got.size() == 2011U);
}

BOOST_FIXTURE_TEST_CASE(large_transfers_arrive_whole_in_both_directions, TcpFixture) {
    prepare = echo;
    auto client = connect();
    const std::string text = numbered(8'000'000);
    client->transport().write(text);
    wait([&] { return client->received.size() == text.size(); });
    BOOST_TEST((client->received == text));
}

BOOST_FIXTURE_TEST_CASE(many_small_writes_arrive_whole, TcpFixture) {
    auto client = connect_and_accept();
    const std::string text = numbered(600'000);
    for (std::size_t at = 0, size = 1; at < text.size(); at += size, size = (size * 7 + 3) % 1500 + 1)
        if (size % 2 == 0)
            client->transport().write(std::string_view(text).substr(at, size));
        else
            client->transport().write(Bytes::copy(std::string_view(text).substr(at, size)));
    wait([&] { return served[0]->received.size() == text.size(); });
    BOOST_TEST((served[0]->received == text));
}

BOOST_FIXTURE_TEST_CASE(a_protocol_may_keep_every_slice, TcpFixture) {
    std::vector<Bytes> kept;
    prepare = [&](Recorder& r) { r.when_data = [&](Recorder&, const Bytes& data) { kept.push_back(data); }; };
    auto client = connect_and_accept();
    const std::string text = numbered(1'000'000);
    client->transport().write(text);
    wait([&] { return served[0]->received.size() == text.size(); });
    std::string joined;
    for (const Bytes& bytes : kept)
        joined += bytes.view();
    BOOST_TEST((joined == text));
}

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
    server.transport().write(numbered(20'000'000));
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
    server.transport().write(numbered(20'000'000));
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

// --- flow control

BOOST_FIXTURE_TEST_CASE(a_paused_reader_makes_the_peer_wait, TcpFixture) {
    prepare = [](Recorder& r) { r.when_made = [](Recorder& self) { self.transport().pause_producing(); }; };
    auto client = connect_and_accept();
    const std::string text = numbered(30'000'000);
    NotedProducer producer;
    client->transport().register_producer(producer);
    client->transport().write(text);
    BOOST_TEST(producer.told == "pause ");
    auto drained = client->transport().drained();
    settle(reactor);
    BOOST_TEST(client->transport().write_buffered() > 0U);
    BOOST_TEST(!drained.ready());
    BOOST_TEST(served[0]->received == "");
    served[0]->transport().resume_producing();
    wait([&] { return served[0]->received.size() == text.size(); });
    BOOST_TEST((served[0]->received == text));
    BOOST_TEST(producer.told == "pause resume ");
    BOOST_TEST(drained.ready());
    client->transport().unregister_producer();
}

BOOST_FIXTURE_TEST_CASE(pausing_inside_data_received_stops_after_that_piece, TcpFixture) {
    int pieces = 0;
    prepare = [&](Recorder& r) {
        r.when_data = [&](Recorder& self, const Bytes&) {
            ++pieces;
            self.transport().pause_producing();
        };
    };
    auto client = connect_and_accept();
    client->transport().write(numbered(1'000'000));
    wait([&] { return pieces == 1; });
    settle(reactor);
    BOOST_TEST(pieces == 1);
    BOOST_TEST(served[0]->received.size() <= 64U * 1024U);
    served[0]->transport().resume_producing();
    served[0]->transport().resume_producing();
    wait([&] { return pieces == 2; });
}

BOOST_FIXTURE_TEST_CASE(lose_connection_waits_for_the_producer, TcpFixture) {
    struct Counting final : Producer {
        Transport& transport;
        int left = 400;
        bool going = true;

        explicit Counting(Transport& t) : transport(t) {}
        void produce() {
            going = true;
            while (going && left > 0) {
                --left;
                transport.write(std::string(10'000, static_cast<char>('a' + left % 26)));
            }
            if (left == 0) transport.unregister_producer();
        }
        void pause_producing() override { going = false; }
        void resume_producing() override { produce(); }
        void stop_producing() override { going = false; }
    };
    auto client = connect_and_accept();
    Counting producer(client->transport());
    client->transport().register_producer(producer);
    client->transport().lose_connection();
    producer.produce();
    BOOST_TEST(producer.left > 0);
    wait_lost(*client);
    wait_lost(*served[0]);
    BOOST_TEST(producer.left == 0);
    BOOST_TEST(served[0]->received.size() == 4'000'000U);
    BOOST_TEST(client->story() == "made lost: done");
}

BOOST_FIXTURE_TEST_CASE(a_lost_connection_stops_its_producer_and_fails_its_waiters, TcpFixture) {
    RawPeer peer(port->address(), 4096);
    Recorder& server = accept(peer);
    NotedProducer producer;
    server.transport().register_producer(producer);
    server.transport().write(numbered(20'000'000));
    auto first = server.transport().drained();
    auto second = server.transport().drained();
    settle(reactor);
    peer.reset();
    wait_lost(server);
    BOOST_TEST(producer.told == "pause stop ");
    BOOST_CHECK_THROW(std::move(first).take().value(), ConnectionLost);
    BOOST_CHECK_THROW(std::move(second).take().value(), ConnectionLost);
}

BOOST_FIXTURE_TEST_CASE(a_writer_by_turns_waits_with_drained, TcpFixture) {
    auto client = connect_and_accept();
    std::size_t most = 0;
    const auto write_all = [](Transport& transport, std::size_t& peak) -> Deferred<> {
        for (int i = 0; i < 200; ++i) {
            transport.write(std::string(50'000, 'x'));
            peak = std::max(peak, transport.write_buffered());
            co_await transport.drained();
        }
        transport.lose_connection();
    };
    reactor.run_until(write_all(client->transport(), most));
    wait_lost(*served[0]);
    BOOST_TEST(served[0]->received.size() == 10'000'000U);
    BOOST_TEST(most <= 50'000U + Transport::default_low_water);
}

BOOST_FIXTURE_TEST_CASE(raising_the_marks_lets_waiters_go, TcpFixture) {
    RawPeer peer(port->address(), 4096);
    Recorder& server = accept(peer);
    server.transport().write(numbered(20'000'000));
    auto drained = server.transport().drained();
    settle(reactor);
    BOOST_TEST(!drained.ready());
    server.transport().set_write_watermarks(30'000'000, 40'000'000);
    BOOST_TEST(!drained.ready());
    peer.take();
    wait([&] { return drained.ready(); });
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

BOOST_FIXTURE_TEST_CASE(a_thousand_connections_at_once, TcpFixture) {
    prepare = echo;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    const std::size_t count = std::min<std::size_t>(1000, static_cast<std::size_t>(limit.rlim_cur) / 2 - 50);

    std::vector<std::shared_ptr<Recorder>> clients;
    std::size_t failures = 0;
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(std::make_shared<Recorder>());
        clients.back()->when_made = [i](Recorder& r) { r.transport().write("number " + std::to_string(i)); };
        connect_tcp(reactor, where(), clients.back()).detach([&](const Failure&) { ++failures; });
    }
    wait([&] {
        return std::all_of(clients.begin(), clients.end(),
                           [](const auto& client) { return client->received.size() >= 8; });
    });
    BOOST_TEST(failures == 0U);
    BOOST_TEST(served.size() == count);
    settle(reactor);
    for (std::size_t i = 0; i < count; ++i)
        BOOST_TEST(clients[i]->received == "number " + std::to_string(i));
    for (const auto& client : clients)
        client->transport().lose_connection();
    wait([&] {
        return std::all_of(served.begin(), served.end(), [](const auto& server) { return server->reason.has_value(); });
    });
}

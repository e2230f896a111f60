// Bytes both ways over TCP, and who waits for whom.
#define BOOST_TEST_MODULE tcp
#include <sys/resource.h>

#include <array>
#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/tcp_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

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

BOOST_FIXTURE_TEST_CASE(closing_waits_for_a_producer_that_has_nothing_to_say_yet, TcpFixture) {
    for (const bool half : {false, true}) {
        auto client = connect_and_accept();
        Recorder& server = *served.back();
        NotedProducer producer;
        client->transport().register_producer(producer);
        if (half)
            client->transport().lose_write_connection();
        else
            client->transport().lose_connection();
        settle(reactor);
        BOOST_TEST(client->story() == "made");
        BOOST_TEST(server.story() == "made");
        client->transport().write("at last");
        client->transport().unregister_producer();
        wait_lost(server);
        BOOST_TEST(server.received == "at last");
        wait_lost(*client);
    }
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
    wait([&] { return drained.ready(); });
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

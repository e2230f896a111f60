#define BOOST_TEST_MODULE udp
#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/ipv6_loopback.hpp"
#include "plait/tests/reactor/reports.hpp"
#include "plait/tests/reactor/udp_fixture.hpp"

using namespace plait;
using namespace plait::testing;

BOOST_FIXTURE_TEST_SUITE(udp, UdpFixture)

BOOST_AUTO_TEST_CASE(a_datagram_is_echoed_to_who_sent_it) {
    echo(*a);
    const auto server = open(a);
    const auto client = open(b);
    BOOST_TEST(client->write("hello", server->host()));
    wait_for(*b, "hello");
    BOOST_TEST((b->senders.at(0) == server->host()));
    BOOST_TEST((a->senders.at(0) == client->host()));
    BOOST_TEST(client->counters().sent == 1u);
    BOOST_TEST(client->counters().received == 1u);
}

BOOST_AUTO_TEST_CASE(an_empty_datagram_is_a_datagram) {
    const auto server = open(a);
    const auto client = open(b);
    client->write("", server->host());
    wait([&] { return a->received.size() == 1; });
    BOOST_TEST(a->received[0].empty());
}

BOOST_AUTO_TEST_CASE(datagrams_stay_whole_and_those_kept_stay_as_they_were) {
    const auto server = open(a);
    const auto client = open(b);
    std::vector<std::string> sent;
    for (int i = 0; i < 500; ++i) {
        sent.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i % 97), 'x'));
        client->write(sent.back(), server->host());
        if (i % 50 == 49) reactor.run_until(client->drained());
        if (i % 50 == 49) wait([&] { return a->received.size() == sent.size(); });
    }
    for (std::size_t i = 0; i < sent.size(); ++i)
        BOOST_TEST(a->received[i].view() == sent[i]);
}

BOOST_AUTO_TEST_CASE(the_longest_datagram_arrives_also_while_its_predecessors_are_kept) {
    const auto server = open(a, {.most_received = 65535});
    const auto client = open(b);
    const std::string longest = numbered(65507);
    for (std::size_t i = 1; i <= 4; ++i) {
        client->write(longest, server->host());
        wait([&] { return a->received.size() == i; });
    }
    for (const Bytes& each : a->received)
        BOOST_TEST((each.view() == longest));
}

BOOST_AUTO_TEST_CASE(starting_comes_in_a_later_turn_and_before_what_is_received) {
    const auto server = open(a);
    BOOST_TEST(a->events.empty());
    const auto client = open(b);
    client->write("early", server->host());
    wait_for(*a, "early");
    BOOST_TEST(a->story() == "start early");
}

BOOST_AUTO_TEST_CASE(a_protocol_may_write_when_it_is_started) {
    const auto server = open(a);
    b->when_started = [to = server->host()](DatagramRecorder& r) { r.transport().write("first", to); };
    const auto client = open(b);
    wait_for(*a, "first");
}

BOOST_AUTO_TEST_CASE(ipv6_ports_talk, *boost::unit_test::precondition(ipv6_loopback)) {
    const auto server = listen_udp(reactor, {"::1", 0}, a);
    const auto client = listen_udp(reactor, {"::1", 0}, b);
    client->write("six", server->host());
    wait_for(*a, "six");
    BOOST_TEST(a->senders.at(0).ip == "::1");
}

BOOST_AUTO_TEST_CASE(a_port_for_both_kinds_shows_ipv4_peers_as_such_and_answers_them,
                     *boost::unit_test::precondition(ipv6_loopback)) {
    echo(*a);
    const auto server = listen_udp(reactor, {"::", 0}, a);
    const auto client = open(b);
    client->write("four", {"127.0.0.1", server->host().port});
    wait_for(*b, "four");
    BOOST_TEST((a->senders.at(0) == client->host()));
}

BOOST_AUTO_TEST_CASE(a_longer_datagram_than_the_port_receives_is_told_of_and_not_delivered) {
    const auto server = open(a, {.most_received = 4});
    const auto client = open(b);
    client->write("12345", server->host());
    client->write("1234", server->host());
    wait_for(*a, "1234");
    BOOST_TEST(a->story() == "start truncated 1234 of 5 1234");
    BOOST_TEST(server->counters().truncated == 1u);
    BOOST_TEST(server->counters().received == 1u);
}

BOOST_AUTO_TEST_CASE(an_exception_from_a_datagram_is_reported_and_the_port_lives) {
    Reports reports;
    a->when_received = [](DatagramRecorder&, const Bytes& data, const Address&) {
        if (data == "bad") throw std::runtime_error("cannot read bad");
    };
    const auto server = open(a);
    const auto client = open(b);
    client->write("bad", server->host());
    client->write("good", server->host());
    wait_for(*a, "good");
    BOOST_TEST(says(std::runtime_error(reports.last()), "cannot read bad"));
    reports.expect(1);
}

BOOST_AUTO_TEST_CASE(exceptions_from_start_and_stop_are_reported) {
    Reports reports;
    a->when_started = [](DatagramRecorder&) { throw std::runtime_error("no start"); };
    a->when_stopped = [](DatagramRecorder&) { throw std::runtime_error("no stop"); };
    const auto server = open(a);
    settle(reactor);
    server->stop_listening();
    settle(reactor);
    BOOST_TEST(a->story() == "start stop");
    reports.expect(2);
}

// --- the end

BOOST_AUTO_TEST_CASE(what_was_written_before_stopping_is_sent) {
    const auto server = open(a);
    const auto client = open(b);
    settle(reactor);
    client->write("last words", server->host());
    client->stop_listening();
    BOOST_TEST(b->story() == "start");
    settle(reactor);
    BOOST_TEST(b->story() == "start stop");
    wait_for(*a, "last words");
    BOOST_TEST(client->counters().sent == 1u);
}

BOOST_AUTO_TEST_CASE(a_stopped_port_swallows_and_stops_again_quietly) {
    const auto server = open(a);
    settle(reactor);
    server->stop_listening();
    server->stop_listening();
    BOOST_TEST(!server->write("x", {"127.0.0.1", 1}));
    BOOST_TEST(!a->transport().write("x", {"127.0.0.1", 1}));
    BOOST_TEST(a->transport().write_buffered() == 0u);
    BOOST_CHECK_THROW(server->join_group("224.0.0.1"), ConnectionDone);
    settle(reactor);
    BOOST_TEST(a->story() == "start stop");
}

BOOST_AUTO_TEST_CASE(closing_sends_what_is_queued_receives_nothing_and_fires_after_the_protocol_was_told) {
    const auto server = open(a);
    const auto client = open(b);
    settle(reactor);
    for (int i = 0; i < 100; ++i)
        client->write(std::to_string(i), server->host());
    bool told = false;
    reactor.run_until(client->close().add_callback([&] { told = b->has("stop"); }));
    BOOST_TEST(told);
    wait_for(*a, "99");
    BOOST_TEST(a->received.size() == 100u);
    reactor.run_until(client->close());
}

BOOST_AUTO_TEST_CASE(closing_before_the_start_calls_neither_start_nor_stop) {
    const auto server = open(a);
    reactor.run_until(server->close());
    settle(reactor);
    BOOST_TEST(a->story().empty());
}

BOOST_AUTO_TEST_CASE(dropping_the_deferred_of_close_stops_at_once) {
    const auto server = open(a);
    settle(reactor);
    {
        const Deferred<> dropped = server->close();
    }
    BOOST_TEST(!server->write("x", {"127.0.0.1", 1}));
    settle(reactor);
    BOOST_TEST(a->story() == "start stop");
}

BOOST_AUTO_TEST_CASE(dropping_the_port_before_it_started_calls_nothing) {
    open(a).reset();
    settle(reactor);
    BOOST_TEST(a->story().empty());
    BOOST_TEST(a.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(a_port_may_be_destroyed_from_its_protocols_callbacks) {
    for (const std::string where : {"start", "data", "stop"}) {
        auto protocol = std::make_shared<DatagramRecorder>();
        std::unique_ptr<UdpPort> server;
        const auto drop = [&server](const auto&...) { server.reset(); };
        if (where == "start") protocol->when_started = drop;
        if (where == "data") protocol->when_received = drop;
        if (where == "stop") protocol->when_stopped = drop;
        server = open(protocol);
        const Address to = server->host();
        const auto client = open(b);
        client->write("one", to);
        client->write("two", to);
        settle(reactor);
        if (where == "stop") server->stop_listening();
        wait_for(*protocol, "stop");
        BOOST_TEST((server == nullptr));
        if (where == "data") BOOST_TEST(protocol->story() == "start one stop");
        wait([&] { return protocol.use_count() == 1; });
    }
}

BOOST_AUTO_TEST_CASE(a_protocol_may_let_go_of_itself_and_the_port_in_a_callback) {
    std::unique_ptr<UdpPort> server;
    std::weak_ptr<DatagramRecorder> gone = a;
    a->when_received = [&](DatagramRecorder& r, const Bytes&, const Address&) {
        server.reset();
        a.reset();
        BOOST_TEST(r.story() == "start one");
    };
    server = open(a);
    const Address to = server->host();
    const auto client = open(b);
    client->write("one", to);
    wait([&] { return gone.expired(); });
}

BOOST_AUTO_TEST_CASE(the_end_of_the_reactor_stops_ports_and_a_port_may_outlive_it) {
    std::unique_ptr<UdpPort> port;
    Deferred<> drained;
    {
        Reactor other;
        port = listen_udp(other, {"127.0.0.1", 0}, a);
        settle(other);
    }
    BOOST_TEST(a->story() == "start stop");
    BOOST_TEST(!port->write("x", {"127.0.0.1", 1}));
    BOOST_TEST(port->host().ip == "127.0.0.1");
}

BOOST_AUTO_TEST_CASE(nothing_is_opened_while_the_reactor_is_being_destroyed) {
    std::unique_ptr<UdpPort> port;
    bool refused = false;
    {
        Reactor other;
        a->when_stopped = [&](DatagramRecorder&) {
            try {
                static_cast<void>(listen_udp(other, {"127.0.0.1", 0}, b));
            } catch (const CannotListen&) {
                refused = true;
            }
        };
        port = listen_udp(other, {"127.0.0.1", 0}, a);
        settle(other);
    }
    BOOST_TEST(refused);
}

BOOST_AUTO_TEST_CASE(a_port_that_never_runs_out_of_datagrams_leaves_turns_to_others) {
    const auto port = open(a);
    a->when_received = [](DatagramRecorder& r, const Bytes& data, const Address& from) {
        r.events.clear();
        r.received.clear();
        r.senders.clear();
        r.transport().write(data, from);
        r.transport().write(data, from);
    };
    port->write("again", port->host());
    reactor.run_until(reactor.sleep(std::chrono::milliseconds(30)));
    BOOST_TEST(port->counters().received > 10u);
}

BOOST_AUTO_TEST_CASE(a_reactor_says_that_it_has_a_port_open) {
    const auto server = open(a);
    const auto client = open(b);
    client->connect(server->host());
    client->write("x");
    BOOST_TEST(reactor.dump().find("the UDP port " + client->host().str() + " connected to " + server->host().str() +
                                   ", 1 datagrams queued") != std::string::npos);
}

// --- connected

BOOST_AUTO_TEST_CASE(a_connected_port_sends_to_its_peer_and_hears_nobody_else) {
    echo(*a);
    const auto server = open(a);
    const auto client = open(b);
    const auto stranger = open(std::make_shared<DatagramRecorder>());
    stranger->write("before", client->host());
    stranger->stop_listening();
    client->connect(server->host());
    client->write("to you");
    client->write("and you", server->host());
    wait_for(*b, "and you");
    BOOST_TEST(b->story() == "start to you and you");
}

BOOST_AUTO_TEST_CASE(a_connected_port_is_told_that_nobody_listens_and_lives) {
    const auto client = open(b);
    client->connect(deaf_udp_address());
    client->write("anybody?");
    wait_for(*b, "refused");
    client->write("still nobody?");
    client->write("nobody");
    wait([&] { return std::count(b->events.begin(), b->events.end(), "refused") >= 2; });
    BOOST_TEST(!b->last_failure.size());
}

BOOST_AUTO_TEST_CASE(a_connected_port_sends_to_no_other) {
    const auto server = open(a);
    const auto client = open(b);
    BOOST_CHECK_THROW(client->write("to whom?"), InvalidState);
    client->connect(server->host());
    BOOST_CHECK_EXCEPTION(client->write("x", {"127.0.0.1", 9}), InvalidState,
                          [](const auto& e) { return says(e, "cannot send to 127.0.0.1:9"); });
}

BOOST_AUTO_TEST_SUITE_END()

#define BOOST_TEST_MODULE udp_errors
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <deque>

#include "plait/reactor/metrics.hpp"
#include "plait/tests/reactor/ipv6_loopback.hpp"
#include "plait/tests/reactor/udp_fixture.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

std::deque<int> next_errors;  // what sendmmsg shall fail with, one a call; 0 lets one through
int calls = 0;

}  // namespace

// In place of the C library's: a network with troubles of our choice.
extern "C" int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
    ++calls;
    if (!next_errors.empty()) {
        errno = next_errors.front();
        next_errors.pop_front();
        if (errno != 0) return -1;
    }
    return static_cast<int>(::syscall(SYS_sendmmsg, fd, messages, count, flags));
}

namespace {

struct Troubled : UdpFixture {
    Troubled() {
        next_errors.clear();
        server = open(a);
        client = open(b);
        settle(reactor);
        calls = 0;
    }

    std::unique_ptr<UdpPort> server;
    std::unique_ptr<UdpPort> client;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(udp_errors, Troubled)

BOOST_AUTO_TEST_CASE(the_reactor_counts_the_datagrams_of_all_its_ports) {
    client->write("hello", server->host());
    wait_for(*a, "hello");
    ReactorMetrics metrics = reactor.metrics();
    BOOST_TEST(metrics.datagrams_sent == 1u);
    BOOST_TEST(metrics.datagram_bytes_sent == 5u);
    BOOST_TEST(metrics.datagrams_received == 1u);
    BOOST_TEST(metrics.datagram_bytes_received == 5u);
    BOOST_TEST(metrics.datagrams_dropped == 0u);

    const auto short_one = open(b, {.most_received = 4});
    client->write("too long", short_one->host());
    wait([&] { return short_one->counters().truncated == 1; });
    metrics = reactor.metrics();
    BOOST_TEST(metrics.datagrams_received == 2u);
    BOOST_TEST(metrics.datagram_bytes_received == 13u);
    BOOST_TEST(metrics.datagrams_sent == 2u);
    BOOST_TEST(metrics.datagram_bytes_sent == 13u);
}

BOOST_AUTO_TEST_CASE(the_reactor_counts_datagrams_that_are_not_sent) {
    const auto expect_dropped = [this](std::uint64_t datagrams, std::uint64_t bytes) {
        const ReactorMetrics metrics = reactor.metrics();
        BOOST_TEST(metrics.datagrams_dropped == datagrams);
        BOOST_TEST(metrics.datagram_bytes_dropped == bytes);
    };
    next_errors = {EMSGSIZE};
    client->write("refused", server->host());
    wait([this] { return client->counters().refused == 1; });
    expect_dropped(1, 7);

    const auto small = open(std::make_shared<DatagramRecorder>(), {.most_queued = 1000});
    settle(reactor);
    for (int i = 0; i < 10; ++i)
        small->write("12345678", server->host());
    BOOST_TEST(small->counters().dropped == 5u);
    expect_dropped(1 + 5, 7 + 40);

    settle(reactor);
    next_errors = {EAGAIN, EAGAIN, EAGAIN, EAGAIN};
    client->write("one", server->host());
    client->write("two", server->host());
    client->stop_listening();
    BOOST_TEST(client->counters().dropped == 2u);
    expect_dropped(1 + 5 + 2, 7 + 40 + 6);
    BOOST_TEST(reactor.metrics().datagrams_sent == 5u);
}

BOOST_AUTO_TEST_CASE(what_is_written_in_a_turn_leaves_in_one_system_call) {
    for (int i = 0; i < 40; ++i)
        client->write(std::to_string(i), server->host());
    wait_for(*a, "39");
    BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(a_full_socket_is_waited_for) {
    next_errors = {EAGAIN, EINTR};
    client->write("patience", server->host());
    wait_for(*a, "patience");
    BOOST_TEST(client->counters().sent == 1u);
    BOOST_TEST(client->counters().dropped == 0u);
}

BOOST_AUTO_TEST_CASE(a_system_without_buffers_is_given_time_and_not_asked_in_a_circle) {
    next_errors = {ENOBUFS, ENOBUFS, ENOMEM};
    client->write("later", server->host());
    wait_for(*a, "later");
    BOOST_TEST(calls == 4);
}

BOOST_AUTO_TEST_CASE(a_refused_datagram_is_told_of_and_the_next_one_is_sent) {
    next_errors = {EMSGSIZE};
    client->write("first", server->host());
    client->write("second", server->host());
    wait_for(*a, "second");
    BOOST_TEST(b->story() == "start failed to " + server->host().str());
    BOOST_TEST(b->last_failure.find("a datagram of 5 bytes to " + server->host().str() + " was not sent: ") !=
               std::string::npos);
    BOOST_TEST(!a->has("first"));
    BOOST_TEST(client->counters().refused == 1u);
}

BOOST_AUTO_TEST_CASE(news_of_an_earlier_datagram_do_not_cost_the_next_one) {
    client->connect(server->host());
    next_errors = {ECONNREFUSED};
    client->write("arrives");
    wait_for(*a, "arrives");
    BOOST_TEST(b->story() == "start refused");
}

BOOST_AUTO_TEST_CASE(a_full_queue_drops_and_counts) {
    const auto small = open(std::make_shared<DatagramRecorder>(), {.most_queued = 1000});
    settle(reactor);
    int taken = 0;
    for (int i = 0; i < 10; ++i)
        taken += small->write("12345678", server->host()) ? 1 : 0;
    BOOST_TEST(taken == 5);
    BOOST_TEST(small->counters().dropped == 5u);
    BOOST_TEST(small->write_buffered() == 40u);
    wait([&] { return a->received.size() == 5; });
    BOOST_TEST(small->write_buffered() == 0u);
}

BOOST_AUTO_TEST_CASE(who_waits_for_room_is_told_when_there_is_some_and_when_there_will_be_none) {
    const std::string block(40'000, 'x');
    for (int i = 0; i < 2; ++i)
        client->write(block, server->host());
    Deferred<> room = client->drained();
    BOOST_TEST(!room.ready());
    reactor.run_until(std::move(room));

    next_errors = {EAGAIN, EAGAIN, EAGAIN, EAGAIN};
    for (int i = 0; i < 2; ++i)
        client->write(block, server->host());
    Deferred<> none = client->drained();
    client->stop_listening();
    BOOST_CHECK_THROW(reactor.run_until(std::move(none)), ConnectionClosed);
    BOOST_TEST(client->counters().dropped == 2u);
}

BOOST_AUTO_TEST_CASE(closing_waits_for_a_full_socket_and_its_cancel_does_not) {
    next_errors = {EAGAIN};
    client->write("slow", server->host());
    reactor.run_until(client->close());
    wait_for(*a, "slow");

    next_errors.assign(1000, ENOBUFS);
    server->write("never", {"127.0.0.1", 9});
    Deferred<> closed = server->close();
    BOOST_TEST(!server->write("too late", {"127.0.0.1", 9}));
    settle(reactor);
    BOOST_TEST(!a->has("stop"));
    closed.cancel();
    settle(reactor);
    BOOST_TEST(a->has("stop"));
    BOOST_TEST(closed.ready());
    BOOST_CHECK_THROW(closed.take().value(), Cancelled);
}

BOOST_AUTO_TEST_CASE(the_port_may_be_destroyed_when_a_datagram_was_refused) {
    struct Quitter : DatagramRecorder {
        std::unique_ptr<UdpPort> port;
        void send_failed(const Failure&, const Address&) override { port.reset(); }
    };
    const auto quitter = std::make_shared<Quitter>();
    quitter->port = open(quitter);
    settle(reactor);
    next_errors = {EMSGSIZE};
    quitter->port->write("one", server->host());
    quitter->port->write("two", server->host());
    wait_for(*quitter, "stop");
    wait_for(*a, "two");
}

BOOST_AUTO_TEST_CASE(addresses_and_lengths_that_cannot_be_are_refused_by_name) {
    const auto refused = [&](UdpPort& port, const Address& to, std::string_view why) {
        BOOST_CHECK_EXCEPTION(port.write("x", to), BadDatagramAddress, [&](const auto& e) { return says(e, why); });
    };
    refused(*client, {"localhost", 53}, "cannot send a datagram to localhost:53: it has to be a numeric address");
    refused(*client, {"127.0.0.1", 0}, "port 0 receives nothing");
    refused(*client, {"::1", 53}, "from an IPv4 port");
    BOOST_CHECK_THROW(client->connect({"localhost", 53}), BadDatagramAddress);

    BOOST_CHECK_EXCEPTION(client->write(std::string(65508, 'x'), server->host()), DatagramTooLong, [](const auto& e) {
        return says(e, "a datagram of 65508 bytes to ") && says(e, "it carries 65507 at most");
    });
    BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(a_port_for_ipv6_alone_refuses_ipv4_addresses, *boost::unit_test::precondition(ipv6_loopback)) {
    const auto six = listen_udp(reactor, {"::1", 0}, std::make_shared<DatagramRecorder>(), {.ipv6_only = true});
    BOOST_CHECK_EXCEPTION(six->write("x", {"127.0.0.1", 53}), BadDatagramAddress,
                          [](const auto& e) { return says(e, "ipv6_only"); });
}

BOOST_AUTO_TEST_CASE(ports_that_cannot_be_opened_say_which_and_why) {
    const auto refused = [&](const Address& where, std::string_view why) {
        BOOST_CHECK_EXCEPTION(listen_udp(reactor, where, a), CannotListen, [&](const auto& e) { return says(e, why); });
    };
    refused(server->host(), "cannot open the UDP port " + server->host().str() + ": address already in use");
    refused({"localhost", 0}, "it has to be a numeric address");
    refused({"203.0.113.7", 0}, "it has to be an address of this machine");
    BOOST_CHECK_THROW(listen_udp(reactor, {"", 0}, nullptr), std::invalid_argument);
    BOOST_CHECK_THROW(listen_udp(reactor, {"", 0}, a, {.most_received = 0}), std::invalid_argument);
    BOOST_CHECK_THROW(listen_udp(reactor, {"", 0}, a, {.most_received = 65536}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

// What Twisted's own tests ask of UDP ports, asked of these, by their names.
#define BOOST_TEST_MODULE acceptance_udp
#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/reports.hpp"
#include "plait/tests/reactor/udp_fixture.hpp"

using namespace plait;
using namespace plait::testing;

BOOST_FIXTURE_TEST_SUITE(acceptance_udp, UdpFixture)

BOOST_AUTO_TEST_CASE(interface_and_host) {
    const auto port = open(a);
    BOOST_TEST(port->host().ip == "127.0.0.1");
    BOOST_TEST(port->host().port != 0);
    BOOST_TEST((a->transport().host() == port->host()));
}

BOOST_AUTO_TEST_CASE(invalid_interface) {
    BOOST_CHECK_THROW(listen_udp(reactor, {"example.com", 0}, a), CannotListen);
    BOOST_TEST(a->events.empty());
}

BOOST_AUTO_TEST_CASE(bind_error) {
    const auto first = open(a);
    BOOST_CHECK_THROW(listen_udp(reactor, first->host(), b), CannotListen);
    settle(reactor);
    BOOST_TEST(b->events.empty());
}

BOOST_AUTO_TEST_CASE(start_stop) {
    const auto port = open(a);
    settle(reactor);
    reactor.run_until(port->close());
    BOOST_TEST(a->story() == "start stop");
    const auto again = listen_udp(reactor, port->host(), a);
    settle(reactor);
    reactor.run_until(again->close());
    BOOST_TEST(a->story() == "start stop start stop");
}

BOOST_AUTO_TEST_CASE(send_packets) {
    const auto server = open(a);
    const auto client = open(b);
    client->write("hello", server->host());
    wait_for(*a, "hello");
    server->write("world", a->senders.at(0));
    wait_for(*b, "world");
}

BOOST_AUTO_TEST_CASE(stream_of_zero_length_packets) {
    const auto server = open(a);
    const auto client = open(b);
    for (int i = 0; i < 3; ++i)
        client->write("", server->host());
    wait([&] { return a->received.size() == 3; });
}

BOOST_AUTO_TEST_CASE(connection_refused) {
    const auto client = open(b);
    client->connect(deaf_udp_address());
    client->write("a");
    wait_for(*b, "refused");
}

BOOST_AUTO_TEST_CASE(not_connected_ports_are_not_refused) {
    const auto client = open(b);
    client->write("a", deaf_udp_address());
    settle(reactor);
    BOOST_TEST(b->story() == "start");
}

BOOST_AUTO_TEST_CASE(write_to_invalid_address) {
    const auto client = open(b);
    BOOST_CHECK_THROW(client->write("spam", {"example.invalid", 1}), BadDatagramAddress);
    BOOST_CHECK_THROW(client->connect({"example.invalid", 1}), BadDatagramAddress);
}

BOOST_AUTO_TEST_CASE(datagram_received_error) {
    // An exception is reported, and the port goes on.
    Reports reports;
    a->when_received = [](DatagramRecorder&, const Bytes&, const Address&) { throw std::runtime_error("bad"); };
    const auto server = open(a);
    const auto client = open(b);
    for (const char* text : {"1", "2", "3"})
        client->write(text, server->host());
    wait([&] { return a->received.size() == 3; });
    reports.expect(3);
}

BOOST_AUTO_TEST_CASE(datagram_received_big) {
    const auto server = open(a, {.most_received = 65507});
    const auto client = open(b);
    client->write(std::string(65507, 'x'), server->host());
    wait([&] { return a->received.size() == 1; });
    BOOST_TEST(a->received[0].size() == 65507u);
    BOOST_CHECK_THROW(client->write(std::string(65508, 'x'), server->host()), DatagramTooLong);
}

BOOST_AUTO_TEST_CASE(allow_broadcast) {
    const auto everybody = listen_udp(reactor, {"", 0}, a);
    const auto client = open(b, {.broadcast = true});
    client->write("to all", {"127.255.255.255", everybody->host().port});
    wait_for(*a, "to all");
}

BOOST_AUTO_TEST_CASE(listen_multiple) {
    const UdpOptions shared{.reuse_address = true, .reuse_port = true};
    const auto first = open(a, shared);
    const auto second = listen_udp(reactor, first->host(), b, shared);
    BOOST_TEST((first->host() == second->host()));
}

BOOST_AUTO_TEST_CASE(multicast_join_and_leave) {
    const auto member = listen_udp(reactor, {"", 0}, a);
    member->join_group("239.255.71.9", "127.0.0.1");
    BOOST_CHECK_THROW(member->join_group("239.255.71.9", "127.0.0.1"), DatagramError);
    member->leave_group("239.255.71.9", "127.0.0.1");
    BOOST_CHECK_THROW(member->leave_group("239.255.71.9", "127.0.0.1"), DatagramError);
    BOOST_CHECK_THROW(member->join_group("127.0.0.1"), DatagramError);
}

BOOST_AUTO_TEST_CASE(multicast_to_itself) {
    const auto member = listen_udp(reactor, {"", 0}, a);
    member->set_multicast_interface("127.0.0.1");
    member->join_group("239.255.71.10", "127.0.0.1");
    member->write("hello", {"239.255.71.10", member->host().port});
    wait_for(*a, "hello");
}

BOOST_AUTO_TEST_SUITE_END()

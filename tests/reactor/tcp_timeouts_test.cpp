// Counters, time-outs and options of TCP connections.
#define BOOST_TEST_MODULE tcp_timeouts
#include <netinet/tcp.h>

#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/tcp_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_CASE(bytes_are_counted_in_both_directions, TcpFixture) {
    prepare = echo;
    auto client = connect_and_accept();
    client->transport().write(std::string(300'000, 'x'));
    wait([&] { return client->received.size() == 300'000; });
    for (Transport* end : {&client->transport(), &served[0]->transport()}) {
        BOOST_TEST(end->bytes_sent() == 300'000U);
        BOOST_TEST(end->bytes_received() == 300'000U);
    }
}

BOOST_FIXTURE_TEST_CASE(an_idle_connection_is_lost_with_a_reason_that_names_the_peer, TcpFixture) {
    auto client = connect_and_accept();
    client->transport().set_idle_timeout(40ms);
    const std::string peer = client->transport().peer().str();
    wait_lost(*client);
    BOOST_TEST(client->story() == "made lost: timed out");
    BOOST_TEST(says(*client->reason->exception(), peer + " was idle for 0.04 s"));
    wait_lost(*served[0]);
}

BOOST_FIXTURE_TEST_CASE(a_connection_in_use_is_not_idle, TcpFixture) {
    prepare = echo;
    auto client = connect_and_accept();
    client->transport().set_idle_timeout(1500ms);
    for (int i = 0; i < 8; ++i) {
        client->transport().write("x");
        reactor.run_until(reactor.sleep(250ms));
    }
    BOOST_TEST(client->connected());
    wait_lost(*client);
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_does_not_read_is_lost_by_the_write_time_out_also_while_closing, TcpFixture) {
    RawPeer peer(port->address(), 4096);
    Recorder& server = accept(peer);
    server.transport().set_write_timeout(100ms);
    reactor.run_until(reactor.sleep(200ms));
    BOOST_TEST(server.connected());  // nothing is queued
    server.transport().write(numbered(20'000'000));
    server.transport().lose_connection();
    wait_lost(server);
    BOOST_TEST(server.story() == "made lost: timed out");
    BOOST_TEST(says(*server.reason->exception(), "queued bytes"));
    wait([&] {
        peer.take();
        return peer.failed();
    });
}

BOOST_FIXTURE_TEST_CASE(a_lost_connection_leaves_no_timer_behind, TcpFixture) {
    auto client = connect_and_accept();
    client->transport().set_idle_timeout(1h);
    client->transport().set_write_timeout(1h);
    const std::size_t before = reactor.pending_calls();
    client->when_lost = [](Recorder& r) { r.transport().set_idle_timeout(1h); };
    client->transport().abort_connection();
    wait_lost(*client);
    BOOST_TEST(reactor.pending_calls() == before - 1);
}

namespace {

int option(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(fd, level, name, &value, &size);
    return value;
}

/// The descriptor of ours that is connected to `peer`.
int descriptor_to(const Address& peer) {
    for (int fd = 3; fd < 1024; ++fd) {
        sockaddr_storage storage{};
        socklen_t size = sizeof storage;
        auto* const there = reinterpret_cast<sockaddr*>(&storage);
        if (::getpeername(fd, there, &size) == 0 && plait::detail::to_address(there) == peer) return fd;
    }
    return -1;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(keep_alive_times_reach_the_kernel_and_are_cut_to_what_it_takes, TcpFixture) {
    auto client = connect_and_accept();
    const int fd = descriptor_to(client->transport().peer());
    BOOST_REQUIRE(fd >= 0);
    BOOST_TEST(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
    client->transport().set_keep_alive(KeepAlive{7s, 3s, 4});
    BOOST_TEST(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
    BOOST_TEST(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 7);
    BOOST_TEST(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 3);
    BOOST_TEST(option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 4);
    client->transport().set_keep_alive(KeepAlive{std::chrono::seconds::max(), 0s, 1000});
    BOOST_TEST(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 32767);
    BOOST_TEST(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 1);
    BOOST_TEST(option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 127);
    client->transport().set_keep_alive(false);
    BOOST_TEST(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_ports_options_are_those_of_its_connections, TcpFixture) {
    for (const bool on : {false, true}) {
        ListenOptions options;
        options.no_delay = on;
        if (on) options.keep_alive = KeepAlive{9s, 2s, 3};
        std::shared_ptr<Recorder> server;
        const auto build = [&](const Address&) { return server = std::make_shared<Recorder>(); };
        port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory(build), options);
        auto client = connect();
        wait([&] { return server != nullptr && server->connected(); });
        const int fd = descriptor_to(client->transport().host());
        BOOST_REQUIRE(fd >= 0);
        BOOST_TEST(option(fd, IPPROTO_TCP, TCP_NODELAY) == (on ? 1 : 0));
        BOOST_TEST(option(fd, SOL_SOCKET, SO_KEEPALIVE) == (on ? 1 : 0));
        if (on) BOOST_TEST(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 9);
    }
}

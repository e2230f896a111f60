// Listening ports: where, for how long, and what happens when there is no room left.
#define BOOST_TEST_MODULE tcp_listen
#include <fcntl.h>
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/tests/reactor/child_program.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_CASE(a_busy_port_is_named, TcpFixture) {
    BOOST_CHECK_EXCEPTION(listen(port->address()), CannotListen, [&](const CannotListen& error) {
        return says(error, "cannot listen on " + port->address().str()) && says(error, "address already in use");
    });
}

BOOST_FIXTURE_TEST_CASE(names_and_foreign_addresses_are_refused, TcpFixture) {
    BOOST_CHECK_EXCEPTION(listen({"localhost", 0}), CannotListen,
                          [](const CannotListen& error) { return says(error, "numeric address"); });
    BOOST_CHECK_EXCEPTION(listen({"192.0.2.1", 0}), CannotListen,
                          [](const CannotListen& error) { return says(error, "192.0.2.1"); });
}

BOOST_FIXTURE_TEST_CASE(an_empty_address_is_every_one, TcpFixture) {
    port = listen({"", 0});
    BOOST_TEST(port->address().ip == "0.0.0.0");
    BOOST_TEST(port->address().port != 0);
    prepare = echo;
    auto client = connect();
    client->transport().write("hello");
    wait([&] { return client->received == "hello"; });
}

BOOST_FIXTURE_TEST_CASE(a_port_can_be_shared_when_both_ask_for_it, TcpFixture) {
    const auto factory = make_factory([](const Address&) { return std::make_shared<Recorder>(); });
    const auto first = listen_tcp(reactor, {"127.0.0.1", 0}, factory, {.backlog = 8, .reuse_port = true});
    const auto second = listen_tcp(reactor, first->address(), factory, {.backlog = 8, .reuse_port = true});
    BOOST_TEST((first->address() == second->address()));
}

BOOST_FIXTURE_TEST_CASE(a_stopped_port_accepts_no_more_and_leaves_connections_alone, TcpFixture) {
    prepare = echo;
    auto client = connect_and_accept();
    const Address old = port->address();
    port->stop_listening();
    port->stop_listening();
    BOOST_CHECK_THROW(RawPeer{old}, std::runtime_error);
    client->transport().write("still here");
    wait([&] { return client->received == "still here"; });
    port = listen(old);
}

BOOST_FIXTURE_TEST_CASE(nothing_is_built_for_a_port_destroyed_by_its_factory, TcpFixture) {
    int built = 0;
    port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([&](const Address&) -> std::shared_ptr<Protocol> {
                          ++built;
                          port.reset();
                          return std::make_shared<Recorder>();
                      }));
    RawPeer first(port->address());
    RawPeer second(port->address());
    wait([&] { return built == 1; });
    settle(reactor);
    BOOST_TEST(built == 1);
    first.take();
    BOOST_TEST((first.ended() || first.failed()));
}

BOOST_FIXTURE_TEST_CASE(a_connection_may_destroy_its_port, TcpFixture) {
    prepare = [&](Recorder& r) { r.when_data = [&](Recorder&, const Bytes&) { port.reset(); }; };
    RawPeer peer(port->address());
    peer.send("x");
    Recorder& server = accept(peer);
    wait([&] { return port == nullptr; });
    BOOST_TEST(server.connected());
}

BOOST_FIXTURE_TEST_CASE(a_factory_that_says_no_or_throws_closes_that_connection_alone, TcpFixture) {
    plait::testing::CaughtReports reports;
    int calls = 0;
    port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([&](const Address&) -> std::shared_ptr<Protocol> {
                          ++calls;
                          if (calls == 1) return nullptr;
                          if (calls == 2) throw std::runtime_error("no protocol today");
                          return std::make_shared<Recorder>();
                      }));
    for (int i = 0; i < 2; ++i) {
        RawPeer refused(port->address());
        wait([&] {
            refused.take();
            return refused.ended() || refused.failed();
        });
    }
    reports.expect(1);
    connect();
    BOOST_TEST(calls <= 3);
}

namespace {

/// Uses up every descriptor, and sees that a client is sent away, that nothing spins, and that it works again after.
/// Returns a number for the exit code; 0 is well.
int live_without_descriptors() {
    TcpFixture fixture;
    const Address where = fixture.port->address();
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    ::setrlimit(RLIMIT_NOFILE, &limit);

    std::vector<std::unique_ptr<RawPeer>> waiting;
    for (int i = 0; i < 3; ++i)
        waiting.push_back(std::make_unique<RawPeer>(where));
    std::vector<UniqueFd> hoard;
    for (;;) {
        UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!fd) break;
        hoard.push_back(std::move(fd));
    }
    for (const auto& peer : waiting)
        run_until(fixture.reactor, [&] {
            peer->take();
            return peer->ended() || peer->failed();
        });
    if (!fixture.served.empty()) return 2;

    const long before = cpu_microseconds();
    fixture.reactor.run_until(fixture.reactor.sleep(200ms));
    if (cpu_microseconds() - before > 100'000) return 3;

    hoard.clear();
    RawPeer welcome(where);
    run_until(fixture.reactor, [&] { return !fixture.served.empty(); });
    return 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(running_out_of_descriptors_sends_clients_away_and_does_not_spin) {
    BOOST_TEST(code_of_child(live_without_descriptors) == 0);
}

// Twisted's acceptance cases for ports, factories and descriptors, by their names, over TCP and UNIX sockets.
#define BOOST_TEST_MODULE acceptance_ports
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <vector>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/reactor/detail/unix_address.hpp"
#include "plait/reactor/metrics.hpp"
#include "plait/tests/reactor/child_program.hpp"
#include "plait/tests/reactor/stream_worlds.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE_TEMPLATE(build_protocol_returns_none, World, SocketWorlds) {
    World world;
    const auto port = world.listen(make_factory([](const Address&) -> std::shared_ptr<Protocol> { return nullptr; }));
    auto client = std::make_shared<Recorder>();
    world.reactor.run_until(world.connect(*port, client));
    world.wait([&] { return client->reason.has_value(); });
    BOOST_TEST(client->reason->template check<ConnectionClosed>());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connection_lost_on_shutdown, World, SocketWorlds) {
    Ends first;
    Ends second;
    {
        World world;
        world.join(first);
        world.join(second);
        plait::testing::CaughtReports reports;
        for (const auto& one : {first.ours, second.theirs})
            one->when_lost = [](Recorder&) { throw std::runtime_error("in connection_lost"); };
        world.reactor.~Reactor();
        new (&world.reactor) Reactor;
        reports.expect(2);
    }
    for (const auto& one : {first.ours, first.theirs, second.ours, second.theirs})
        BOOST_TEST(one->story() == "made lost: aborted");
}

namespace {

/// Connects, stops and starts the port, and counts what its factory is told.
struct CountingFactory final : Factory {
    std::string told;
    bool refuse = false;

    std::shared_ptr<Protocol> build_protocol(const Address&) override { return std::make_shared<Recorder>(); }
    void start_factory() override {
        if (refuse) throw std::runtime_error("not today");
        told += "start ";
    }
    void stop_factory() override { told += "stop "; }
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(start_and_stop_factory_once_for_all_its_ports, World, SocketWorlds) {
    World world;
    const auto factory = std::make_shared<CountingFactory>();
    auto first = world.listen(factory);
    auto second = world.listen(factory);
    BOOST_TEST(factory->told == "start ");
    first->stop_listening();
    first->stop_listening();
    first->start_listening();
    second.reset();
    BOOST_TEST(factory->told == "start ");
    first.reset();
    BOOST_TEST(factory->told == "start stop ");
    first = world.listen(factory);
    BOOST_TEST(factory->told == "start stop start ");
    first->stop_listening();
    factory->refuse = true;
    BOOST_CHECK_THROW(first->start_listening(), std::runtime_error);
    BOOST_CHECK_THROW(world.listen(factory), std::runtime_error);
    factory->refuse = false;
    first->start_listening();
    auto client = std::make_shared<Recorder>();
    world.reactor.run_until(world.connect(*first, client));
    BOOST_TEST(client->connected());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stop_factory_may_destroy_the_port_and_throw, World, SocketWorlds) {
    struct Leaving final : Factory {
        std::unique_ptr<ListeningPort>* port = nullptr;
        std::shared_ptr<Protocol> build_protocol(const Address&) override { return nullptr; }
        void stop_factory() override {
            port->reset();
            throw std::runtime_error("in stop_factory");
        }
    };
    World world;
    plait::testing::CaughtReports reports;
    auto factory = std::make_shared<Leaving>();
    auto port = world.listen(factory);
    factory->port = &port;
    port->stop_listening();
    BOOST_TEST(port == nullptr);
    reports.expect(1);
}

namespace {

std::vector<UniqueFd> take_all_descriptors() {
    std::vector<UniqueFd> hoard;
    for (;;) {
        UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!fd) return hoard;
        hoard.push_back(std::move(fd));
    }
}

/// A plain socket connected to `port`.
UniqueFd call(const Address& port) {
    const auto to = port.port != 0 ? plait::detail::to_socket_address(port) : plait::detail::to_unix_address(port.ip);
    UniqueFd fd(::socket(to->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), to->get(), to->size) != 0) throw std::runtime_error("cannot connect");
    return fd;
}

/// Exit code: 0 is well.
template <typename World>
int close_peer() {
    World world;
    int served = 0;
    const auto port = world.listen(make_factory([&](const Address&) -> std::shared_ptr<Protocol> {
        ++served;
        return std::make_shared<Recorder>();
    }));
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    const UniqueFd client = call(port->address());  // the kernel answers, nobody has accepted yet
    std::vector<UniqueFd> hoard = take_all_descriptors();
    world.wait([&] {
        char byte;
        return ::recv(client.get(), &byte, 1, MSG_DONTWAIT) == 0 || errno != EAGAIN;
    });
    if (served != 0) return 2;
    const long before = cpu_microseconds();
    world.reactor.run_until(world.reactor.sleep(200ms));
    if (cpu_microseconds() - before > 100'000) return 3;
    hoard.clear();
    auto again = std::make_shared<Recorder>();
    world.reactor.run_until(world.connect(*port, again));
    world.wait([&] { return served == 1; });
    return 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(close_peer_on_emfile, World, SocketWorlds) {
    BOOST_TEST(code_of_child(close_peer<World>) == 0);
}

namespace {

/// Of all sockets here, the two ends of the connection that was made last.
std::vector<int> sockets_since(const std::vector<int>& before) {
    std::vector<int> now;
    for (int fd = 3; fd < 256; ++fd) {
        struct stat about{};
        if (::fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode) &&
            std::find(before.begin(), before.end(), fd) == before.end())
            now.push_back(fd);
    }
    return now;
}

bool is_said_to_be_gone(const Failure& reason, const std::string& peer) {
    return reason.check<DescriptorWentAway>() &&
           reason.message().ends_with("the connection to " + peer +
                                      " was lost: its descriptor was closed by something else in this program");
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(lost_file_descriptor, World, SocketWorlds) {
    Joined<World> f;
    const std::vector<int> before = sockets_since({});
    f.join();
    const std::vector<std::string> peers{f.ours->transport().peer().str(), f.theirs->transport().peer().str()};
    for (const int fd : sockets_since(before))
        ::close(fd);
    // Another one under each of the numbers: it is not to be written to, read from, or closed.
    UniqueFd file(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    UniqueFd file_too(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    f.ours->transport().write("to nobody");
    f.theirs->transport().write("to nobody");
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    for (const auto& one : {f.ours, f.theirs}) {
        BOOST_TEST(one->story() == "made lost: broken");
        BOOST_TEST(is_said_to_be_gone(*one->reason, peers[one == f.theirs]));
    }
    BOOST_TEST(::write(file.get(), "x", 1) == 1);
    BOOST_TEST(::write(file_too.get(), "x", 1) == 1);
    const long start = cpu_microseconds();
    f.world.reactor.run_until(f.world.reactor.sleep(100ms));
    BOOST_TEST(cpu_microseconds() - start < 60'000);
}

// The system tells a file from a socket for us, but not one socket from another.
BOOST_AUTO_TEST_CASE_TEMPLATE(another_socket_under_the_number_is_taken_for_the_lost_one, World, SocketWorlds) {
    Joined<World> f;
    const std::vector<int> before = sockets_since({});
    f.join();
    const std::vector<int> ours_and_theirs = sockets_since(before);
    int both[2];
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both) == 0);
    const UniqueFd far(both[1]);
    UniqueFd near(both[0]);
    for (const int fd : ours_and_theirs)
        BOOST_REQUIRE(::dup3(near.get(), fd, O_CLOEXEC) == fd);
    near.reset();
    f.ours->transport().write("from us");
    f.settle();
    char room[64];
    BOOST_TEST(::recv(far.get(), room, sizeof room, 0) == 7);
    f.ours->transport().abort_connection();
    f.theirs->transport().abort_connection();
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    BOOST_TEST(::recv(far.get(), room, sizeof room, 0) == 0);  // nobody holds it any more
}

BOOST_AUTO_TEST_CASE_TEMPLATE(descriptor_closed_in_data_received, World, SocketWorlds) {
    Joined<World> f;
    const std::vector<int> before = sockets_since({});
    f.ours->when_data = [&](Recorder& r, const Bytes&) {
        for (const int fd : sockets_since(before))
            ::close(fd);
        r.transport().write("to nobody");
    };
    f.join();
    const std::string peer = f.ours->transport().peer().str();
    f.theirs->transport().write("x");
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->story() == "made data lost: broken");
    BOOST_TEST(is_said_to_be_gone(*f.ours->reason, peer));
    f.theirs->transport().write("y");
    f.wait_lost(f.theirs);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(listening_descriptor_closed, World, SocketWorlds) {
    World world;
    plait::testing::CaughtReports reports;
    const std::vector<int> before = sockets_since({});
    const auto port = world.listen(make_factory([](const Address&) { return std::make_shared<Recorder>(); }));
    const std::vector<int> listening = sockets_since(before);
    BOOST_REQUIRE(listening.size() == 1U);
    ::shutdown(listening[0], SHUT_RD);  // accepting fails from now on, and the loop finds it readable for ever
    run_until(world.reactor, [&] { return reports.count() != 0; });
    BOOST_TEST(reports.count() == 1U);  // it is given up, and that is said
    const std::uint64_t turns = world.reactor.metrics().turns;
    settle(world.reactor);
    BOOST_TEST(world.reactor.metrics().turns - turns < 20U);
    ::close(listening[0]);
    BOOST_TEST(reports.last().find("no longer listening on " + port->address().str()) != std::string::npos);
    reports.expect(1);
}

// --- UNIX descriptors

BOOST_FIXTURE_TEST_CASE(sent_file_descriptor_arrives_before_its_byte, UnixFixture) {
    auto client = connect();
    client->unix_transport().send_descriptor(file("fd"));
    client->transport().write("junk");
    wait([&] { return served[0]->story == "made fd:fd junk"; });
}

BOOST_FIXTURE_TEST_CASE(file_descriptor_overrun, UnixFixture) {
    auto client = connect();
    client->unix_transport().send_descriptor(file("one"));
    client->transport().write("x");
    client->unix_transport().send_descriptor(file("two"));
    client->transport().lose_connection();
    wait([&] { return client->reason.has_value(); });
    BOOST_TEST(client->reason->check<FileDescriptorOverrun>());
}

BOOST_FIXTURE_TEST_CASE(avoid_leaking_file_descriptors, UnixFixture) {
    auto deaf = connect<Recorder>();
    const std::size_t before = open_descriptors();
    served[0]->unix_transport().send_descriptor(file("fd"));
    served[0]->transport().write("x");
    wait([&] { return deaf->received == "x"; });
    BOOST_TEST(open_descriptors() == before);
}

// Twisted's acceptance cases for stream transports, by their names, over TCP, UNIX sockets and memory alike.
#define BOOST_TEST_MODULE acceptance_stream
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <vector>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/tests/reactor/stream_worlds.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// More than any kernel takes before the peer reads.
const std::string& too_much() {
    static const std::string text = numbered(12'000'000);
    return text;
}

/// Calls `abort_connection` and sees that nothing is called back meanwhile.
void abort_here(Recorder& r) {
    const std::size_t events = r.events.size();
    r.transport().abort_connection();
    BOOST_TEST(r.events.size() == events);
    BOOST_TEST(r.transport().disconnecting());
}

std::size_t losses(const Recorder& r) {
    return static_cast<std::size_t>(std::count_if(r.events.begin(), r.events.end(),
                                                  [](const std::string& event) { return event.starts_with("lost"); }));
}

template <typename World>
struct Joined : Ends {
    World world;

    void join() { world.join(*this); }
    void wait(const std::function<bool()>& condition) { world.wait(condition); }
    void wait_lost(const std::shared_ptr<Recorder>& recorder) {
        wait([&] { return recorder->reason.has_value(); });
    }
    void settle() { world.settle(); }

    /// Ours was aborted, once; theirs heard of it.
    void check_aborted() {
        wait_lost(ours);
        wait_lost(theirs);
        settle();
        BOOST_TEST(ours->events.back() == "lost: aborted");
        BOOST_TEST(losses(*ours) == 1U);
        BOOST_TEST(losses(*theirs) == 1U);
    }
};

}  // namespace

// --- AbortConnection

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_before_data, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    abort_here(*f.ours);
    f.check_aborted();
    BOOST_TEST(f.ours->story() == "made lost: aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_in_connection_made, World, StreamWorlds) {
    Joined<World> f;
    f.ours->when_made = [](Recorder& r) { abort_here(r); };
    f.join();
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->story() == "made lost: aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_in_data_received, World, StreamWorlds) {
    Joined<World> f;
    f.ours->when_data = [](Recorder& r, const Bytes&) { abort_here(r); };
    f.join();
    f.theirs->transport().write("x");
    f.check_aborted();
    BOOST_TEST(f.ours->story() == "made data lost: aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_after_data, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    f.theirs->transport().write("x");
    f.wait([&] { return f.ours->received == "x"; });
    abort_here(*f.ours);
    f.check_aborted();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_twice, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    abort_here(*f.ours);
    abort_here(*f.ours);
    f.check_aborted();
    f.ours->transport().abort_connection();
    f.settle();
    BOOST_TEST(losses(*f.ours) == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_at_both_ends, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    abort_here(*f.ours);
    abort_here(*f.theirs);
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    f.settle();
    BOOST_TEST(losses(*f.ours) == 1U);
    BOOST_TEST(losses(*f.theirs) == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_full_write_buffer, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    f.theirs->transport().pause_producing();
    f.ours->transport().write(too_much());
    f.settle();
    BOOST_TEST(f.ours->transport().write_buffered() > 0U);
    abort_here(*f.ours);
    f.wait_lost(f.ours);
    f.theirs->transport().resume_producing();
    f.check_aborted();
    BOOST_TEST(f.theirs->received.size() < too_much().size());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_full_write_buffer_after_byte_exchange, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    f.ours->transport().write("a");
    f.theirs->transport().write("b");
    f.wait([&] { return f.theirs->received == "a" && f.ours->received == "b"; });
    f.theirs->transport().pause_producing();
    f.ours->transport().write(too_much());
    f.ours->transport().lose_connection();
    f.settle();
    BOOST_TEST(!f.ours->reason.has_value());
    abort_here(*f.ours);
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->events.back() == "lost: aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_data_received_throws, World, StreamWorlds) {
    Joined<World> f;
    f.ours->when_data = [](Recorder& r, const Bytes&) {
        abort_here(r);
        throw std::runtime_error("application error");
    };
    f.join();
    f.theirs->transport().write("x");
    f.wait_lost(f.ours);
    f.settle();
    BOOST_TEST(f.ours->story() == "made data lost: other");
    BOOST_TEST(says(*f.ours->reason->exception(), "application error"));
}

namespace {

struct ActingProducer final : Producer {
    std::function<void()> when_resumed = [] {};
    std::string told;

    void pause_producing() override { told += "pause "; }
    void resume_producing() override {
        told += "resume ";
        when_resumed();
    }
    void stop_producing() override { told += "stop "; }
};

/// Ours has written more than theirs, paused, takes; a producer waits for room.
template <typename World>
struct Producing : Joined<World> {
    ActingProducer producer;

    Producing() {
        this->join();
        this->theirs->transport().pause_producing();
        this->ours->transport().register_producer(producer);
        BOOST_TEST(producer.told == "");
        this->ours->transport().write(too_much());
        BOOST_TEST(producer.told == "pause ");
        this->settle();
        BOOST_TEST(producer.told == "pause ");
    }
    void drain() { this->theirs->transport().resume_producing(); }
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_resume_producing_aborts, World, StreamWorlds) {
    Producing<World> f;
    f.producer.when_resumed = [&] { abort_here(*f.ours); };
    f.drain();
    f.check_aborted();
    BOOST_TEST(f.producer.told == "pause resume stop ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_resume_producing_throws, World, StreamWorlds) {
    Producing<World> f;
    f.producer.when_resumed = [&] {
        abort_here(*f.ours);
        throw std::runtime_error("application error");
    };
    f.drain();
    f.wait_lost(f.ours);
    f.settle();
    BOOST_TEST(f.ours->story() == "made lost: other");
    BOOST_TEST(says(*f.ours->reason->exception(), "application error"));
    BOOST_TEST(losses(*f.ours) == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_later_writes_never_arrive, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    abort_here(*f.ours);
    f.ours->transport().write("never");
    f.ours->transport().lose_connection();
    f.check_aborted();
    BOOST_TEST(f.theirs->received == "");
}

// --- half-close

BOOST_AUTO_TEST_CASE_TEMPLATE(double_half_close, World, StreamWorlds) {
    Joined<World> f;
    f.ours->close_at_end = false;
    f.ours->when_ended = [](Recorder& r) {
        r.transport().lose_write_connection();
        r.transport().lose_connection();
    };
    f.join();
    f.theirs->transport().lose_connection();
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    BOOST_TEST(f.ours->story() == "made end lost: done");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(half_close_both_ends_after_each_other, World, StreamWorlds) {
    Joined<World> f;
    f.ours->close_at_end = f.theirs->close_at_end = false;
    f.theirs->when_ended = [](Recorder& r) {
        r.transport().write("answer");
        r.transport().lose_write_connection();
    };
    f.join();
    f.ours->transport().write("question");
    f.ours->transport().lose_write_connection();
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    BOOST_TEST(f.theirs->received == "question");
    BOOST_TEST(f.ours->received == "answer");
    BOOST_TEST(f.ours->story() == "made data end lost: done");
    BOOST_TEST(f.theirs->story() == "made data end lost: done");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connection_lost_after_paused_transport, World, StreamWorlds) {
    Joined<World> f;
    std::string order;
    f.ours->when_ended = [&](Recorder&) { order += "ended "; };
    f.ours->when_lost = [&](Recorder&) { order += "lost"; };
    f.join();
    f.ours->transport().pause_producing();
    order += "paused ";
    f.theirs->transport().lose_connection();
    f.settle();
    f.ours->transport().resume_producing();
    order += "resumed ";
    f.wait_lost(f.ours);
    BOOST_TEST(order == "paused resumed ended lost");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(buggy_half_close_protocol, World, StreamWorlds) {
    Joined<World> f;
    f.ours->close_at_end = false;
    f.ours->when_ended = [](Recorder&) { throw std::runtime_error("buggy"); };
    f.join();
    f.theirs->transport().lose_write_connection();
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->story() == "made end lost: other");
    BOOST_TEST(says(*f.ours->reason->exception(), "buggy"));
    f.wait_lost(f.theirs);
}

// --- producers

BOOST_AUTO_TEST_CASE_TEMPLATE(producer_is_paused_and_resumed_when_drained, World, StreamWorlds) {
    Producing<World> f;
    f.drain();
    f.wait([&] { return f.theirs->received.size() == too_much().size(); });
    BOOST_TEST(f.producer.told == "pause resume ");
    BOOST_TEST((f.theirs->received == too_much()));
    f.ours->transport().unregister_producer();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(producer_is_stopped_when_disconnected, World, StreamWorlds) {
    Producing<World> f;
    f.theirs->transport().abort_connection();
    f.wait_lost(f.ours);
    // In memory, what is on its way to an aborted end counts as taken.
    BOOST_TEST(f.producer.told == (World::in_memory ? "pause resume stop " : "pause stop "));
    f.producer.told.clear();
    f.ours->transport().register_producer(f.producer);
    BOOST_TEST(f.producer.told == "stop ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(second_producer_is_refused, World, StreamWorlds) {
    Producing<World> f;
    BOOST_CHECK_THROW(f.ours->transport().register_producer(f.producer), InvalidState);
    f.ours->transport().unregister_producer();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(lose_connection_waits_for_unregister_producer, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    NotedProducer producer;
    f.ours->transport().register_producer(producer);
    f.ours->transport().lose_connection();
    f.settle();
    BOOST_TEST(!f.ours->reason.has_value());
    f.ours->transport().write("last");
    f.ours->transport().unregister_producer();
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    BOOST_TEST(f.theirs->received == "last");
    BOOST_TEST(producer.told == "");
}

// --- after the end

BOOST_AUTO_TEST_CASE_TEMPLATE(write_after_disconnect, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    f.ours->when_lost = [](Recorder& r) {
        r.transport().write("never");
        BOOST_TEST(r.transport().write_buffered() == 0U);
    };
    f.theirs->transport().lose_connection();
    f.wait_lost(f.ours);
    f.ours->transport().write("never");
    f.settle();
    BOOST_TEST(f.theirs->received == "");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(protocol_garbage_after_lost_connection, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    const std::weak_ptr<Recorder> ours = f.ours;
    const std::weak_ptr<Recorder> theirs = f.theirs;
    f.ours->transport().lose_connection();
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    f.settle();
    f.ours.reset();
    BOOST_TEST(ours.expired());
    if constexpr (!World::in_memory) {  // the memory network's factory here keeps it
        f.theirs.reset();
        BOOST_TEST(theirs.expired());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connection_lost_exactly_once_whatever_is_called_from_where, World, StreamWorlds) {
    for (int how = 0; how < 12; ++how) {
        Joined<World> f;
        const auto act = [how](Recorder& r, auto&&...) {
            if (how % 3 == 0) r.transport().lose_connection();
            if (how % 3 == 1) r.transport().abort_connection();
            if (how % 3 == 2) r.transport().lose_write_connection();
        };
        if (how / 3 == 0) f.ours->when_made = act;
        if (how / 3 == 1) f.ours->when_data = act;
        if (how / 3 == 2) f.ours->when_ended = act;
        f.ours->when_lost = [&](Recorder& r) {
            act(r);
            f.ours.reset();
        };
        Recorder& ours = *f.ours;
        const std::shared_ptr<Recorder> keep = f.ours;
        f.join();
        f.theirs->transport().write("x");
        f.theirs->transport().lose_write_connection();
        if (how / 3 == 3) act(ours);
        f.wait([&] { return keep->reason.has_value(); });
        f.settle();
        BOOST_TEST(losses(ours) == 1U);
        BOOST_TEST(ours.events.back().starts_with("lost"));
    }
}

// --- ports and descriptors

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

long cpu_microseconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1'000'000 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

std::vector<UniqueFd> take_all_descriptors() {
    std::vector<UniqueFd> hoard;
    for (;;) {
        UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!fd) return hoard;
        hoard.push_back(std::move(fd));
    }
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
    auto client = std::make_shared<Recorder>();
    std::vector<UniqueFd> hoard;
    client->when_made = [&](Recorder&) { hoard = take_all_descriptors(); };
    auto connecting = world.connect(*port, client);
    world.wait([&] { return client->reason.has_value(); });
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
    const pid_t child = ::fork();
    if (child == 0) {
        int code = 99;
        try {
            code = close_peer<World>();
        } catch (...) {
        }
        std::_Exit(code);
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_TEST(WIFEXITED(status));
    BOOST_TEST(WEXITSTATUS(status) == 0);
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

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(lost_file_descriptor, World, SocketWorlds) {
    Joined<World> f;
    const std::vector<int> before = sockets_since({});
    f.join();
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
        BOOST_TEST(one->reason->template check<DescriptorWentAway>());
        BOOST_TEST(one->story() == "made lost: broken");
    }
    BOOST_TEST(::write(file.get(), "x", 1) == 1);
    BOOST_TEST(::write(file_too.get(), "x", 1) == 1);
    const long start = cpu_microseconds();
    f.world.reactor.run_until(f.world.reactor.sleep(100ms));
    BOOST_TEST(cpu_microseconds() - start < 60'000);
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
    f.theirs->transport().write("x");
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->story() == "made data lost: broken");
    BOOST_TEST(f.ours->reason->template check<DescriptorWentAway>());
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
    ::shutdown(listening[0], SHUT_RD);  // accepting fails from now on, and it is reported for ever
    const long start = cpu_microseconds();
    world.reactor.run_until(world.reactor.sleep(100ms));
    BOOST_TEST(cpu_microseconds() - start < 60'000);
    if (reports.count() != 0) ::close(listening[0]);
    BOOST_TEST(reports.count() <= 1U);
    static_cast<void>(reports.take());
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

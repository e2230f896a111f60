#define BOOST_TEST_MODULE stall_detector
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <future>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "plait/deferred/errors.hpp"
#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/deferred/type_name.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/protocols/timeout_factory.hpp"
#include "plait/reactor/stall_detector.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "plait/tests/reactor/thread_faults.hpp"

namespace plait::testing {
namespace {

using namespace std::chrono_literals;

/// What was told, from either thread.
struct Told {
    std::mutex mutex;
    std::vector<Stall> stalls;
    std::string awaited;  ///< a part of what is told of; on a busy machine others may be, too
    bool heard = false;
    std::promise<void> first;  ///< such a one

    bool names(const std::string& what) {
        const std::lock_guard lock(mutex);
        return std::any_of(stalls.begin(), stalls.end(), [&](const Stall& stall) { return stall.what == what; });
    }
    std::size_t count() {
        const std::lock_guard lock(mutex);
        return stalls.size();
    }

    StallDetector::Told teller() {
        return [this](const Stall& stall) {
            const std::lock_guard lock(mutex);
            stalls.push_back(stall);
            if (stall.what.find(awaited) != std::string::npos && !std::exchange(heard, true)) first.set_value();
        };
    }
};

/// In place of the system's clock, which a busy machine takes from callbacks that are short. It moves when told to.
std::atomic<std::int64_t> nanoseconds{1};

void pass(Duration time) {
    nanoseconds += time.count();
}

struct OnAClockOfOurs {
    Reactor reactor;

    OnAClockOfOurs() {
        reactor.core().turn_watch().set_clock([]() noexcept { return nanoseconds.load(); });
    }
};

/// A limit that nothing reaches here, on a slow machine either, but what is meant to.
constexpr auto long_enough = 300ms;

const int default_signal = SIGRTMIN + 5;

using Handler = void (*)(int);

Handler disposition(int number) {
    struct sigaction now = {};
    ::sigaction(number, nullptr, &now);
    return now.sa_handler;
}

/// Keeps the thread busy until the detector has spoken: as long as that takes and no longer.
[[gnu::noinline]] void stall_until(std::future<void>& told) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (told.wait_for(0s) != std::future_status::ready && std::chrono::steady_clock::now() < end) {
    }
}

BOOST_AUTO_TEST_CASE(a_callback_that_takes_too_long_is_told_while_it_runs_and_when_it_has_ended) {
    Reactor reactor;
    Told told;
    std::future<void> first = told.first.get_future();
    const StallDetector detector(reactor, {.limit = long_enough}, told.teller());
    reactor.call_soon([&] { stall_until(first); });
    settle(reactor);

    BOOST_REQUIRE_EQUAL(told.stalls.size(), 2U);
    const Stall& begun = told.stalls[0];
    BOOST_TEST(!begun.over);
    BOOST_CHECK(begun.lasted >= long_enough);
    BOOST_TEST(begun.what == "timed and soon calls");
    BOOST_TEST(begun.text().find(" has kept the reactor for ") != std::string::npos);
    const Stall& over = told.stalls[1];
    BOOST_TEST(over.over);
    BOOST_CHECK(over.lasted >= begun.lasted);
    BOOST_CHECK(over.addresses == begun.addresses);
}

#if !defined(__SANITIZE_THREAD__)  // it holds signals back until the thread makes a system call
BOOST_AUTO_TEST_CASE(the_stack_leads_to_the_callback) {
    Reactor reactor;
    Told told;
    std::future<void> first = told.first.get_future();
    const StallDetector detector(reactor, {.limit = long_enough}, told.teller());
    reactor.call_soon([&] { stall_until(first); });
    settle(reactor);

    BOOST_REQUIRE(!told.stalls.empty());
    const Stall& stall = told.stalls.front();
    BOOST_TEST(stall.frames.size() == stall.addresses.size());
    const auto begin = reinterpret_cast<std::uintptr_t>(&stall_until);
    bool found = false;
    for (void* address : stall.addresses) {
        const auto here = reinterpret_cast<std::uintptr_t>(address);
        found = found || (here > begin && here < begin + 4096);
    }
    BOOST_TEST(found, stall.text());
}
#endif

BOOST_AUTO_TEST_CASE(a_protocol_that_stalls_is_named) {
    TcpFixture world;
    Told told;
    told.awaited = "data_received";
    std::future<void> first = told.first.get_future();
    world.prepare = [&](Recorder& recorder) {
        recorder.when_data = [&](Recorder&, const Bytes&) { stall_until(first); };
    };
    const auto client = world.connect_and_accept();
    const StallDetector detector(world.reactor, {.limit = 20ms}, told.teller());
    client->transport().write("x");
    world.wait([&] { return first.wait_for(0s) == std::future_status::ready; });
    BOOST_TEST(told.names("data_received of " + readable_name(typeid(Recorder))));
}

BOOST_AUTO_TEST_CASE(a_protocol_that_stalls_is_named_also_in_a_wrapper) {
    TcpFixture world;
    Told told;
    told.awaited = "data_received";
    std::future<void> first = told.first.get_future();
    const auto server = std::make_shared<Recorder>();
    server->when_data = [&](Recorder&, const Bytes&) { stall_until(first); };
    const auto port = listen_tcp(
        world.reactor, {"127.0.0.1", 0},
        std::make_shared<TimeoutFactory>(world.reactor, make_factory([server](const Address&) { return server; })));
    const auto client = std::make_shared<Recorder>();
    world.reactor.run_until(connect_tcp(world.reactor, {"127.0.0.1", port->address().port}, client));
    world.wait([&] { return server->connected(); });
    const StallDetector detector(world.reactor, {.limit = 20ms}, told.teller());
    client->transport().write("x");
    world.wait([&] { return first.wait_for(0s) == std::future_status::ready; });
    BOOST_TEST(told.names("data_received of " + readable_name(typeid(Recorder))));
}

BOOST_FIXTURE_TEST_CASE(only_callbacks_that_reach_the_limit_are_told, OnAClockOfOurs) {
    Told told;
    const StallDetector detector(reactor, {.limit = 10ms}, told.teller());
    for (int i = 0; i < 100; ++i) {
        reactor.call_soon([] { pass(10ms - 1ns); });
        reactor.iterate();
        pass(1h);
    }
    BOOST_TEST(told.count() == 0U);
    reactor.call_soon([] { pass(10ms); });
    reactor.iterate();
    BOOST_REQUIRE(told.count() > 0U);
    BOOST_TEST(told.stalls.back().over);
    BOOST_CHECK(told.stalls.back().lasted == 10ms);
}

BOOST_FIXTURE_TEST_CASE(a_reactor_that_waits_is_not_told, OnAClockOfOurs) {
    Told told;
    const StallDetector detector(reactor, {.limit = 4ms}, told.teller());
    reactor.iterate();  // nothing is left to do after this one
    bool woken = false;
    std::future<void> first = told.first.get_future();
    std::thread meanwhile([&] {
        pass(1h);
        BOOST_TEST((first.wait_for(100ms) == std::future_status::timeout));  // a hundred looks of the detector
        reactor.call_from_thread([&woken] { woken = true; });
    });
    while (!woken)
        reactor.iterate(patience);
    meanwhile.join();
    BOOST_TEST(told.count() == 0U);
}

BOOST_AUTO_TEST_CASE(what_the_hook_throws_is_reported_and_the_detector_goes_on) {
    Reactor reactor;
    CaughtReports reports;
    std::promise<void> second;
    std::future<void> heard = second.get_future();
    int calls = 0;
    const StallDetector detector(reactor, {.limit = 5ms}, [&](const Stall& stall) {
        if (++calls == 2) second.set_value();
        if (!stall.over) throw std::runtime_error("the hook failed");
    });
    for (int i = 0; i < 2; ++i) {
        reactor.call_soon([&] {
            const TimePoint end = reactor.now() + 50ms;
            while (reactor.now() < end) {
            }
        });
        settle(reactor);
    }
    stall_until(heard);
    BOOST_TEST(reports.count() >= 1U);
    BOOST_TEST(calls >= 2);
}

BOOST_AUTO_TEST_CASE(a_reactor_has_one_detector_at_a_time) {
    Reactor reactor;
    {
        const StallDetector detector(reactor);
        BOOST_CHECK_THROW(StallDetector{reactor}, InvalidState);
    }
    const StallDetector next(reactor);
}

BOOST_AUTO_TEST_CASE(a_limit_of_zero_is_refused) {
    Reactor reactor;
    BOOST_CHECK_THROW((StallDetector{reactor, {.limit = 0s}}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_detector_that_gets_no_thread_says_so_and_leaves_nothing_behind) {
    Reactor reactor;
    Told told;
    {
        const ThreadsRefused none;
        BOOST_CHECK_THROW(StallDetector(reactor, {.limit = 1ms}, told.teller()), std::system_error);
    }
    BOOST_TEST((disposition(default_signal) == SIG_DFL));
    reactor.call_soon([&] {
        const TimePoint end = reactor.now() + 5ms;
        while (reactor.now() < end) {
        }
    });
    settle(reactor);
    BOOST_TEST(told.stalls.empty());
    const StallDetector next(reactor);  // the place is free
}

BOOST_AUTO_TEST_CASE(a_signal_that_cannot_be_had_is_refused_by_number) {
    Reactor reactor;
    BOOST_CHECK_EXCEPTION((StallDetector{reactor, {.signal_number = SIGKILL}}), std::system_error,
                          [](const std::system_error& error) { return says(error, std::to_string(SIGKILL)); });
    const StallDetector next(reactor);
}

BOOST_AUTO_TEST_CASE(the_handler_before_is_put_back_by_the_last_detector) {
    std::signal(default_signal, SIG_IGN);
    Reactor one;
    Reactor other;
    {
        const StallDetector first(one);
        {
            const StallDetector second(other);
        }
        BOOST_TEST((disposition(default_signal) != SIG_IGN));
    }
    BOOST_TEST((disposition(default_signal) == SIG_IGN));
    std::signal(default_signal, SIG_DFL);
}

BOOST_AUTO_TEST_CASE(a_thread_that_blocks_the_signal_is_told_of_without_a_stack_and_not_ended_by_it_later) {
    Reactor reactor;
    Told told;
    std::future<void> first = told.first.get_future();
    auto detector = std::make_unique<StallDetector>(reactor, StallDetectorOptions{.limit = long_enough}, told.teller());
    sigset_t ours;
    ::sigemptyset(&ours);
    ::sigaddset(&ours, default_signal);
    sigset_t pending;
    reactor.call_soon([&] {
        ::pthread_sigmask(SIG_BLOCK, &ours, nullptr);
        stall_until(first);
        ::sigpending(&pending);
        detector.reset();
        ::pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);  // its default action would end the program
    });
    settle(reactor);
    BOOST_TEST(::sigismember(&pending, default_signal) == 1);
    BOOST_REQUIRE_EQUAL(told.stalls.size(), 1U);
    BOOST_TEST(told.stalls[0].addresses.empty());
}

BOOST_AUTO_TEST_CASE(a_detector_may_be_destroyed_from_the_callback_that_stalls) {
    Reactor reactor;
    Told told;
    std::future<void> first = told.first.get_future();
    auto detector = std::make_unique<StallDetector>(reactor, StallDetectorOptions{.limit = long_enough}, told.teller());
    reactor.call_soon([&] {
        stall_until(first);
        detector.reset();
    });
    settle(reactor);
    BOOST_TEST(told.stalls.size() == 1U);
}

}  // namespace
}  // namespace plait::testing

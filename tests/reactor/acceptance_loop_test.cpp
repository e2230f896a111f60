// What Twisted's own tests of its reactors demand of the loop, timers, threads and signals, by their names there.
// What the events and shutdown have to do is in acceptance_events_test.cpp; the tasks are in tests/deferred.
#define BOOST_TEST_MODULE reactor_acceptance_loop
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "plait/reactor/detail/io_watch.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/unique_fd.hpp"
#include "plait/tests/reactor/reports.hpp"
#include "plait/tests/reactor/wrapped_loop.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// Remembers what its one timer was last set to.
struct TimerLoop final : WrappedLoop {
    void update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) override {
        set = action == EventAction::watch ? &timer : nullptr;
        set_to = delay;
        WrappedLoop::update_timer(timer, action, delay);
    }
    /// None: without limit.
    std::optional<std::chrono::microseconds> wait() const {
        if (set == nullptr || set->state() != Event::State::active) return std::nullopt;
        return set_to;
    }
    const TimerEvent* set = nullptr;
    std::chrono::microseconds set_to{0};
};

/// Twisted's IterationTimeout cases: how long would the loop wait next?
struct IterationTimeout {
    TimerLoop loop;
    Reactor reactor{loop};

    /// After whatever is due at once.
    std::optional<std::chrono::microseconds> timeout() {
        reactor.iterate();
        return loop.wait();
    }
    void check_about(Duration expected) {
        const auto wait = timeout();
        BOOST_REQUIRE(wait.has_value());
        BOOST_TEST((*wait <= expected));
        BOOST_TEST((*wait > expected - 1s));
    }
};

struct Pair {
    Pair() {
        int fds[2];
        BOOST_REQUIRE_EQUAL(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        near = UniqueFd(fds[0]);
        far = UniqueFd(fds[1]);
    }
    void say() const { BOOST_REQUIRE_EQUAL(::write(far.get(), "x", 1), 1); }
    UniqueFd near, far;
};

struct Reader final : EventHandler {
    Reader(Reactor& reactor, int fd, UniqueFunction<void()> call)
        : core(reactor.core()), on_ready(std::move(call)), watch(std::in_place, reactor.iops(), fd, *this) {
        watch->watch(IOFlags::read);
    }
    void event_ready(IOFlags) noexcept override {
        const detail::ReactorCore::Turn turn(core);
        on_ready();
    }
    detail::ReactorCore& core;
    UniqueFunction<void()> on_ready;
    std::optional<detail::IOWatch> watch;
};

}  // namespace

BOOST_AUTO_TEST_CASE(stop_when_not_started) {
    Reactor reactor;
    BOOST_CHECK_THROW(reactor.stop(), ReactorNotRunning);
    reactor.call_soon([&] { reactor.stop(); });
    reactor.run();  // none the worse for it
}

BOOST_AUTO_TEST_CASE(stop_when_already_stopped) {
    Reactor reactor;
    reactor.call_soon([&] {
        reactor.stop();
        BOOST_CHECK_THROW(reactor.stop(), ReactorNotRunning);
    });
    reactor.run();
    BOOST_CHECK_THROW(reactor.stop(), ReactorNotRunning);
}

BOOST_AUTO_TEST_CASE(call_when_running_order) {
    Reactor reactor;
    std::string order;
    reactor.call_when_running([&] {
        BOOST_TEST(reactor.running());
        order += '1';
    });
    reactor.call_when_running([&] {
        order += '2';
        reactor.call_when_running([&] { order += '3'; });  // at once
        BOOST_TEST(order == "123");
        reactor.stop();
    });
    BOOST_TEST(order == "");
    reactor.run();
    BOOST_TEST(order == "123");
}

BOOST_AUTO_TEST_CASE(signal_handlers_installed_during_startup) {
    Reactor reactor;
    const auto handled = [] {
        struct sigaction now = {};
        ::sigaction(SIGTERM, nullptr, &now);
        return now.sa_handler != SIG_DFL;
    };
    std::string seen;
    const auto note = [&] { seen += handled() ? 'y' : 'n'; };
    reactor.add_system_event_trigger(EventPhase::before, "startup", note).detach();
    reactor.add_system_event_trigger(EventPhase::after, "startup", note).detach();
    reactor.add_system_event_trigger(EventPhase::before, "shutdown", note).detach();
    reactor.call_when_running([&] { reactor.stop(); });
    reactor.run({.stop_on_signals = true});
    note();
    BOOST_TEST(seen == "nyyn");
}

// --- how long the loop waits

BOOST_FIXTURE_TEST_CASE(iteration_timeout_no_calls, IterationTimeout) {
    BOOST_TEST(!timeout().has_value());
}

BOOST_FIXTURE_TEST_CASE(iteration_timeout_delayed_call, IterationTimeout) {
    const auto call = reactor.call_later(100s, [] {});
    check_about(100s);
}

BOOST_FIXTURE_TEST_CASE(iteration_timeout_time_passes, IterationTimeout) {
    const auto call = reactor.call_later(100s, [] {});
    reactor.iterate(5ms);
    const auto wait = timeout();
    BOOST_TEST((wait && *wait <= 100s - 5ms));
}

BOOST_FIXTURE_TEST_CASE(iteration_timeout_multiple_delayed_calls, IterationTimeout) {
    const auto first = reactor.call_later(100s, [] {});
    const auto second = reactor.call_later(30s, [] {});
    const auto third = reactor.call_later(50s, [] {});
    check_about(30s);
}

BOOST_FIXTURE_TEST_CASE(iteration_timeout_reset_delayed_call, IterationTimeout) {
    auto call = reactor.call_later(50s, [] {});
    call.reset(25s);
    check_about(25s);
    call.reset(75s);
    check_about(75s);
}

BOOST_FIXTURE_TEST_CASE(iteration_timeout_delay_delayed_call, IterationTimeout) {
    auto call = reactor.call_later(50s, [] {});
    call.delay(20s);
    check_about(70s);
    call.delay(-40s);
    check_about(30s);
}

BOOST_FIXTURE_TEST_CASE(iteration_timeout_cancel_delayed_call, IterationTimeout) {
    auto call = reactor.call_later(50s, [] {});
    check_about(50s);
    call.cancel();
    BOOST_TEST(!timeout().has_value());
}

// --- threads

BOOST_AUTO_TEST_CASE(lots_of_threads_are_scheduled_correctly) {
    Reactor reactor;
    constexpr int count = 100;
    std::atomic<int> begun{0};
    int made = 0;
    std::vector<std::thread> threads;
    reactor.call_when_running([&] {
        for (int i = 0; i < count; ++i) {
            threads.emplace_back([&] {
                ++begun;
                reactor.call_from_thread([&] {
                    if (++made == count) reactor.stop();
                });
            });
        }
    });
    reactor.run();
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(begun == count);
    BOOST_TEST(made == count);
}

BOOST_AUTO_TEST_CASE(waker_overflow) {
    Reactor reactor;
    // As full as an eventfd can be: one more would block a writer that waits.
    const std::uint64_t full = std::numeric_limits<std::uint64_t>::max() - 1;
    BOOST_REQUIRE_EQUAL(::write(reactor.core().mailbox()->fd(), &full, sizeof full), 8);
    std::thread thread([&] { reactor.call_from_thread([&] { reactor.stop(); }); });
    reactor.run();
    thread.join();
}

BOOST_AUTO_TEST_CASE(call_from_thread_stops) {
    Reactor reactor;
    std::thread thread;
    reactor.call_when_running(
        [&] { thread = std::thread([&] { reactor.call_from_thread([&] { reactor.stop(); }); }); });
    reactor.run();
    thread.join();
}

BOOST_AUTO_TEST_CASE(delayed_call_from_thread) {
    Reactor reactor;
    std::thread thread;
    const auto far = reactor.call_later(1h, [] {});
    reactor.call_when_running([&] {
        thread = std::thread(
            [&] { reactor.call_from_thread([&] { reactor.call_later(0ms, [&] { reactor.stop(); }).detach(); }); });
    });
    reactor.run();
    thread.join();
}

BOOST_AUTO_TEST_CASE(call_from_thread_errors_are_logged_and_the_rest_run) {
    const Reports reports;
    Reactor reactor;
    reactor.call_from_thread([] { throw std::runtime_error("bad"); });
    reactor.call_from_thread([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(reports.count() == 1u);
}

// --- descriptors

BOOST_AUTO_TEST_CASE(lost_file_descriptor) {
    Reactor reactor;
    Pair first;
    int calls = 0;
    Reader reader(reactor, first.near.get(), [&] { ++calls; });
    const int number = first.near.get();
    reader.watch.reset();
    first.near.reset();
    Pair second;  // its descriptors may have that number
    UniqueFd same(::dup2(second.near.get(), number));
    second.say();
    reactor.iterate(1ms);
    BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(negative_one_file_descriptor) {
    Reactor reactor;
    Pair pair;
    pair.say();
    int calls = 0;
    std::optional<Reader> reader;
    reader.emplace(reactor, pair.near.get(), [&] {
        ++calls;
        reader->watch.reset();  // first the watch, then the descriptor: from here on it is none
        pair.near.reset();
    });
    reactor.run_until(reactor.sleep(2ms));
    BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(removed_from_reactor) {
    Reactor reactor;
    Pair pair;
    int calls = 0;
    Reader reader(reactor, pair.near.get(), [&] {
        ++calls;
        reader.watch->watch(IOFlags::none);
    });
    pair.say();
    reactor.run_until(reactor.sleep(2ms));
    pair.say();
    reactor.run_until(reactor.sleep(2ms));
    BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(descriptors_may_be_added_and_removed_again_and_again) {
    Reactor reactor;
    Pair pair;
    pair.say();
    int calls = 0;
    Reader reader(reactor, pair.near.get(), [&] {
        ++calls;
        reactor.crash();
    });
    for (int i = 0; i < 3; ++i) {
        reader.watch->watch(IOFlags::none);
        reader.watch->watch(IOFlags::none);
        reader.watch->watch(IOFlags::read);
        reader.watch->add(IOFlags::read);
    }
    reactor.run();
    BOOST_TEST(calls == 1);
}

// --- timers

BOOST_AUTO_TEST_CASE(call_later_zero_does_not_run_in_the_turn_that_made_it) {
    Reactor reactor;
    Pair pair;
    pair.say();
    int rounds = 0;
    Reader reader(reactor, pair.near.get(), [&] { reactor.crash(); });
    struct Again {
        Reactor& reactor;
        int& rounds;
        void operator()() const {
            ++rounds;
            reactor.call_later(0ms, *this).detach();
        }
    };
    reactor.call_later(0ms, Again{reactor, rounds}).detach();
    reactor.run();
    BOOST_TEST(rounds < 100);
}

BOOST_AUTO_TEST_CASE(an_error_in_a_delayed_call_is_logged_and_the_loop_goes_on) {
    const Reports reports;
    Reactor reactor;
    reactor.call_later(0ms, [] { throw std::runtime_error("bad"); }).detach();
    reactor.call_later(0ms, [&] { reactor.stop(); }).detach();
    reactor.run();
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(equal_times_run_in_the_order_they_were_set) {
    // Twisted's reactor promises less (its issue 6718). Delays of nothing are due at once, whatever the clock says.
    Reactor reactor;
    std::vector<int> order;
    for (int i = 0; i < 500; ++i)
        reactor.call_later(0ms, [&order, i] { order.push_back(i); }).detach();
    reactor.run_until(reactor.sleep(0ms));
    BOOST_TEST(order.size() == 500u);
    BOOST_TEST(std::is_sorted(order.begin(), order.end()));
}

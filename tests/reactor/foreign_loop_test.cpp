// A reactor inside a loop that somebody else runs: start_watching() does nothing, turns come from outside.
#define BOOST_TEST_MODULE reactor_foreign_loop
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/reactor/detail/loop_timers.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/iops.hpp"
#include "plait/reactor/loops/poll_loop.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// Run from outside.
struct HostLoop final : PollLoop {
    void start_watching() override {}
    void stop_watching() override {}
};

/// Writes down what it is asked, to check the manners of the one who asks.
struct StrictLoop final : PollLoop {
    void update_event(IOEvent& event, EventAction action, IOFlags flags) override {
        if (action == EventAction::watch && event.state() == Event::State::active && event.flags() == flags)
            complaints.emplace_back("identical update");
        if (action == EventAction::unwatch && event.state() != Event::State::active)
            complaints.emplace_back("unwatch of what is not watched");
        if (action == EventAction::cleanup && event.state() == Event::State::active)
            complaints.emplace_back("cleanup of an active event");
        if (action == EventAction::cleanup) ++cleanups;
        PollLoop::update_event(event, action, flags);
    }
    void update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) override {
        longest = std::max(longest, delay);
        if (delay < 0us) complaints.emplace_back("negative delay");
        if (action == EventAction::cleanup && timer.state() == Event::State::active)
            complaints.emplace_back("cleanup of an active timer");
        if (action == EventAction::watch) ++timer_updates;
        if (action == EventAction::cleanup) ++cleanups;
        PollLoop::update_timer(timer, action, delay);
    }
    std::vector<std::string> complaints;
    std::chrono::microseconds longest{0};
    int timer_updates = 0;
    int cleanups = 0;
};

struct BrokenLoop final : PollLoop {
    void update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) override {
        if (broken) throw std::runtime_error("no timers today");
        PollLoop::update_timer(timer, action, delay);
    }
    bool broken = false;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_reactor_lives_in_a_loop_that_others_run) {
    HostLoop loop;
    Reactor reactor(loop);
    BOOST_TEST(&reactor.iops() == &loop);

    std::string order;
    reactor.call_soon([&] { order += 'a'; });
    auto timer = reactor.call_later(1ms, [&] { order += 'c'; });
    reactor.call_from_thread([&] { order += 'b'; });
    while (order.size() < 3)
        loop.step();
    BOOST_TEST(order.back() == 'c');
}

BOOST_AUTO_TEST_CASE(a_pass_of_a_poll_loop_is_not_asked_for_inside_another) {
    HostLoop loop;
    Reactor reactor(loop);
    bool asked = false;
    reactor.call_soon([&] {
        asked = true;
        BOOST_CHECK_THROW(loop.step(), InvalidState);
    });
    loop.step();
    BOOST_TEST(asked);
}

BOOST_AUTO_TEST_CASE(run_until_says_so_when_the_loop_does_not_run) {
    HostLoop loop;
    Reactor reactor(loop);
    BOOST_CHECK_THROW(reactor.run_until(reactor.sleep(1h)), ReactorStopped);
}

BOOST_AUTO_TEST_CASE(what_is_queued_outside_any_turn_arranges_for_one) {
    struct Writer final : detail::Flushable {
        void flush() noexcept override { ++flushes; }
        int flushes = 0;
    };
    HostLoop loop;
    Reactor reactor(loop);
    Writer writer;
    reactor.core().queue_flush(writer);
    BOOST_TEST(writer.flushes == 0);
    loop.step();
    BOOST_TEST(writer.flushes == 1);
}

BOOST_AUTO_TEST_CASE(the_reactor_keeps_the_seams_manners_and_leaves_nothing_behind) {
    StrictLoop loop;
    {
        Reactor reactor(loop);
        for (int i = 0; i < 20; ++i) {
            auto cancelled = reactor.call_later(1s, [] {});
            reactor.run_until(reactor.sleep(std::chrono::microseconds(i * 50)));
        }
        const auto subscription = reactor.on_signal(SIGUSR1, [](int) {});
        auto pending = reactor.call_later(1h, [] {});
        reactor.call_soon([] {});
    }
    BOOST_TEST(loop.complaints == std::vector<std::string>(), boost::test_tools::per_element());
    BOOST_TEST(loop.size() == 0u);
    BOOST_TEST(loop.cleanups == 3);  // timer, wake-up, signals
}

BOOST_AUTO_TEST_CASE(time_limits_that_come_and_go_cost_the_loop_nothing) {
    StrictLoop loop;
    Reactor reactor(loop);
    const int before = loop.timer_updates;
    for (int i = 0; i < 1000; ++i)
        auto limit = reactor.call_later(30s, [] {});
    BOOST_TEST(loop.timer_updates - before == 1);
}

BOOST_AUTO_TEST_CASE(no_loop_is_asked_to_wait_for_years) {
    StrictLoop loop;
    Reactor reactor(loop);
    const auto call = reactor.call_later(Duration::max() / 2, [] { BOOST_ERROR("called"); });
    const auto overdue = reactor.call_later(1ms, [] {});
    const TimePoint later = reactor.now() + 3ms;
    while (reactor.now() < later) {
    }
    reactor.run_until(reactor.sleep(1ms));
    BOOST_TEST(call.active());
    BOOST_TEST((loop.longest > 0us && loop.longest <= 24h));
    BOOST_TEST(loop.complaints == std::vector<std::string>(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_turn_sets_the_timer_once_however_many_calls_it_sets) {
    StrictLoop loop;
    Reactor reactor(loop);
    std::vector<DelayedCall> calls;
    reactor.call_soon([&] {
        const int before = loop.timer_updates;
        for (int i = 100; i > 0; --i)
            calls.push_back(reactor.call_later(i * 1ms, [] {}));
        BOOST_TEST(loop.timer_updates == before);
        reactor.crash();
    });
    reactor.run();
    BOOST_TEST(loop.timer_updates == 2);  // for call_soon, for the first of the hundred
}

BOOST_AUTO_TEST_CASE(a_loop_that_throws_is_reported_and_breaks_nothing_else) {
    const Reports reports;
    BrokenLoop loop;
    Reactor reactor(loop);
    loop.broken = true;
    auto call = reactor.call_later(1ms, [] {});
    BOOST_TEST(reports.count() == 1u);
    loop.broken = false;
}

namespace {

struct Seen final : EventHandler {
    void event_ready(IOFlags flags) noexcept override { all.push_back(flags); }
    std::vector<IOFlags> all;
};

}  // namespace

BOOST_AUTO_TEST_CASE(timers_of_a_loop_are_told_by_their_deadlines_whichever_are_taken_out) {
    constexpr int count = 300;
    const auto base = std::chrono::steady_clock::now();
    Seen seen;
    detail::LoopTimers timers;
    std::vector<std::unique_ptr<TimerEvent>> all;
    std::set<int> left;  // by their hours
    for (int i = 0; i < count; ++i) {
        const int hours = i * 7919 % count + 1;  // each once, well mixed
        all.push_back(detail::LoopTimers::make(seen));
        timers.update(*all.back(), EventAction::watch, std::chrono::hours(hours));
        left.insert(hours);
    }
    for (int i = 0; i < count; ++i) {
        const auto first = timers.next() - base;
        BOOST_TEST((first >= std::chrono::hours(*left.begin()) && first < std::chrono::hours(*left.begin() + 1)));
        const int which = i * 104'729 % count;
        timers.update(*all[static_cast<std::size_t>(which)], EventAction::unwatch, {});
        left.erase(which * 7919 % count + 1);
    }
    BOOST_TEST(timers.size() == 0U);
    BOOST_TEST(seen.all.empty());
}

BOOST_AUTO_TEST_CASE(a_timer_of_a_loop_may_be_asked_for_never_and_for_the_past) {
    Seen seen;
    detail::LoopTimers timers;
    const auto never = detail::LoopTimers::make(seen);
    timers.update(*never, EventAction::watch, std::chrono::microseconds::max());
    timers.tell_due();
    BOOST_TEST((timers.next() > std::chrono::steady_clock::now() + 24h));
    const auto past = detail::LoopTimers::make(seen);
    timers.update(*past, EventAction::watch, std::chrono::microseconds::min());
    timers.tell_due();
    BOOST_TEST(seen.all.size() == 1U);
    BOOST_TEST(timers.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_seam_has_the_originals_names_and_numbers) {
    BOOST_TEST(static_cast<int>(PYCBC_EVACTION_WATCH) == 1);
    BOOST_TEST(static_cast<int>(PYCBC_EVACTION_UNWATCH) == 2);
    BOOST_TEST(static_cast<int>(PYCBC_EVACTION_SUSPEND) == 4);
    BOOST_TEST(static_cast<int>(PYCBC_EVACTION_RESUME) == 8);
    BOOST_TEST(static_cast<int>(PYCBC_EVACTION_CLEANUP) == 16);
    BOOST_TEST(static_cast<int>(LCB_READ_EVENT) == 2);
    BOOST_TEST(static_cast<int>(LCB_WRITE_EVENT) == 4);
    BOOST_TEST(static_cast<int>(LCB_ERROR_EVENT) == 8);
    BOOST_TEST(static_cast<int>(LCB_RW_EVENT) == 6);
    BOOST_TEST((LCB_RW_EVENT == (LCB_READ_EVENT | LCB_WRITE_EVENT)));
    BOOST_TEST(static_cast<int>(PYCBC_EVTYPE_IO) == 0);
    BOOST_TEST(static_cast<int>(PYCBC_EVTYPE_TIMER) == 1);
    BOOST_TEST(static_cast<int>(PYCBC_EVSTATE_INITIALIZED) == 0);
    BOOST_TEST(static_cast<int>(PYCBC_EVSTATE_ACTIVE) == 1);
    BOOST_TEST(static_cast<int>(PYCBC_EVSTATE_SUSPENDED) == 2);
    BOOST_TEST(static_cast<int>(PYCBC_EVSTATE_FREED) == 3);
}

BOOST_AUTO_TEST_CASE(the_default_factories_make_plain_events) {
    struct Plain final : IOPS {
        void update_event(IOEvent&, EventAction, IOFlags) override {}
        void update_timer(TimerEvent&, EventAction, std::chrono::microseconds) override {}
    };
    Plain loop;
    Seen seen;
    const auto event = loop.io_event_factory(7, seen);
    const auto timer = loop.timer_event_factory(seen);
    BOOST_TEST(event->fileno() == 7);
    BOOST_TEST((event->type() == PYCBC_EVTYPE_IO && timer->type() == PYCBC_EVTYPE_TIMER));
    BOOST_TEST((event->state() == PYCBC_EVSTATE_INITIALIZED && timer->state() == PYCBC_EVSTATE_INITIALIZED));
    BOOST_TEST((event->flags() == IOFlags::none));
    timer->ready(IOFlags::none);
    BOOST_TEST((seen.all == std::vector<IOFlags>{IOFlags::none}));
    loop.start_watching();  // somebody else's business
    loop.stop_watching();
}

BOOST_AUTO_TEST_CASE(a_freed_event_tells_nobody) {
    Seen seen;
    IOEvent event(3, seen);
    event.ready_r();
    event.ready_w();
    event.ready_rw();
    event.set_state(Event::State::freed);
    event.ready_rw();
    BOOST_TEST((seen.all == std::vector<IOFlags>{LCB_READ_EVENT, LCB_WRITE_EVENT, LCB_RW_EVENT}));
}

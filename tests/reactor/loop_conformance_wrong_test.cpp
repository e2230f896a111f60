// check_loop() finds what is wrong: each loop here breaks one promise, and the check of that promise complains.
#define BOOST_TEST_MODULE reactor_loop_conformance_wrong
#include <poll.h>
#include <sys/ioctl.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "plait/reactor/loops/poll_loop.hpp"
#include "plait/reactor/testing/loop_conformance.hpp"
#include "plait/tests/reactor/descriptor_limit.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

using Microseconds = std::chrono::microseconds;

/// A good loop, with somebody between it and those it tells.
class WrongLoop : public PollLoop {
public:
    struct Between final : EventHandler {
        Between(WrongLoop& its_loop, EventHandler& its_real) : loop(its_loop), real(its_real) {}
        void event_ready(IOFlags flags) noexcept override { loop.tell(*this, flags); }

        WrongLoop& loop;
        EventHandler& real;
        IOEvent* event = nullptr;
        TimerEvent* timer = nullptr;
        int last_seen = -1;
    };

    std::unique_ptr<IOEvent> io_event_factory(int fd, EventHandler& handler) override {
        Between& between = betweens_.emplace_back(*this, handler);
        auto made = PollLoop::io_event_factory(fd, between);
        between.event = made.get();
        by_event_[made.get()] = &between;
        return made;
    }
    std::unique_ptr<TimerEvent> timer_event_factory(EventHandler& handler) override {
        Between& between = betweens_.emplace_back(*this, handler);
        auto made = PollLoop::timer_event_factory(between);
        between.timer = made.get();
        by_event_[made.get()] = &between;
        return made;
    }

    virtual void tell(Between& between, IOFlags flags) noexcept { between.real.event_ready(flags); }

protected:
    Between& of(Event& event) { return *by_event_.at(&event); }

private:
    std::deque<Between> betweens_;
    std::map<Event*, Between*> by_event_;
};

struct Right final : WrongLoop {};

struct OneShot final : WrongLoop {
    void tell(Between& between, IOFlags flags) noexcept override {
        if (between.event != nullptr) update_event(*between.event, EventAction::unwatch, IOFlags::none);
        between.real.event_ready(flags);
    }
};

int unread(IOEvent& event) {
    int bytes = 0;
    ::ioctl(event.fileno(), FIONREAD, &bytes);
    return bytes;
}

struct EdgeTriggered final : WrongLoop {
    void tell(Between& between, IOFlags flags) noexcept override {
        if (between.event != nullptr) {
            const int now = unread(*between.event);
            if (std::exchange(between.last_seen, now) == now) return;
        }
        between.real.event_ready(flags);
    }
};

struct TellsInsideUpdateEvent final : WrongLoop {
    void update_event(IOEvent& event, EventAction action, IOFlags flags) override {
        PollLoop::update_event(event, action, flags);
        if (action != EventAction::watch) return;
        pollfd now{event.fileno(), POLLIN, 0};
        if (any(flags & IOFlags::read) && ::poll(&now, 1, 0) == 1) event.ready_r();
    }
};

struct TellsInsideUpdateTimer final : WrongLoop {
    void update_timer(TimerEvent& timer, EventAction action, Microseconds delay) override {
        if (action == EventAction::watch && delay == 0us) return timer.ready(IOFlags::none);
        PollLoop::update_timer(timer, action, delay);
    }
};

struct RepeatsTimers final : WrongLoop {
    void tell(Between& between, IOFlags flags) noexcept override {
        if (between.timer != nullptr) PollLoop::update_timer(*between.timer, EventAction::watch, 2ms);
        between.real.event_ready(flags);
    }
};

struct EarlyTimers final : WrongLoop {
    void update_timer(TimerEvent& timer, EventAction action, Microseconds delay) override {
        PollLoop::update_timer(timer, action, delay / 2);
    }
};

struct LateTimersFirst final : WrongLoop {
    void update_timer(TimerEvent& timer, EventAction action, Microseconds delay) override {
        const bool middling = delay > 4ms && delay < 200ms;
        PollLoop::update_timer(timer, action, middling ? 210ms - delay : delay);
    }
};

struct NeverMovesTimers final : WrongLoop {
    void update_timer(TimerEvent& timer, EventAction action, Microseconds delay) override {
        if (action == EventAction::watch && timer.state() == Event::State::active) return;
        PollLoop::update_timer(timer, action, delay);
    }
};

struct LosesUnwatchOfTimers final : WrongLoop {
    void update_timer(TimerEvent& timer, EventAction action, Microseconds delay) override {
        if (action != EventAction::unwatch) PollLoop::update_timer(timer, action, delay);
    }
};

struct LosesUnwatch final : WrongLoop {
    void update_event(IOEvent& event, EventAction action, IOFlags flags) override {
        if (action != EventAction::unwatch) PollLoop::update_event(event, action, flags);
    }
};

struct AddsFlags final : WrongLoop {
    void update_event(IOEvent& event, EventAction action, IOFlags flags) override {
        PollLoop::update_event(event, action, action == EventAction::watch ? event.flags() | flags : flags);
    }
};

struct TellsMoreThanAsked final : WrongLoop {
    void tell(Between& between, IOFlags flags) noexcept override {
        between.real.event_ready(between.event != nullptr ? IOFlags::rw : flags);
    }
};

struct MissesTheEnd final : WrongLoop {
    void tell(Between& between, IOFlags flags) noexcept override {
        if (between.event != nullptr && flags == IOFlags::read && unread(*between.event) == 0) return;
        between.real.event_ready(flags);
    }
};

struct FewDescriptors final : WrongLoop {
    void update_event(IOEvent& event, EventAction action, IOFlags flags) override {
        if (action == EventAction::watch && event.fileno() >= 1024)
            throw std::runtime_error("too large a number for select(2)");
        PollLoop::update_event(event, action, flags);
    }
};

struct NeverStops final : WrongLoop {
    void stop_watching() override {}
};

struct RemembersStop final : WrongLoop {
    void start_watching() override {
        while (!stopped)
            step();
        stopped = false;
    }
    void stop_watching() override { stopped = true; }
    bool stopped = false;
};

struct Spins final : WrongLoop {
    void start_watching() override {
        for (stopped = false; !stopped;)
            step(0us);
    }
    void stop_watching() override { stopped = true; }
    bool stopped = false;
};

struct RepeatsErrors final : WrongLoop {
    void tell(Between& between, IOFlags flags) noexcept override {
        if (any(flags & IOFlags::error)) PollLoop::update_event(*between.event, EventAction::watch, IOFlags::read);
        between.real.event_ready(flags);
    }
};

struct TellsWhatItFoundBefore final : WrongLoop {
    void tell(Between& between, IOFlags flags) noexcept override {
        if (between.event == nullptr) return between.real.event_ready(flags);
        found.emplace_back(&between, flags);
    }
    void start_watching() override {
        for (stopped = false; !stopped;) {
            step();
            for (const auto& [between, flags] : std::exchange(found, {}))
                between->real.event_ready(flags);
        }
    }
    void stop_watching() override { stopped = true; }
    std::vector<std::pair<Between*, IOFlags>> found;
    bool stopped = false;
};

struct MixesUpNumbers final : WrongLoop {
    void update_event(IOEvent& event, EventAction action, IOFlags flags) override {
        PollLoop::update_event(event, action, flags);
        if (action == EventAction::cleanup) cleaned.insert(event.fileno());
        if (action == EventAction::watch && cleaned.count(event.fileno()) != 0) stale.push_back(&of(event));
    }
    void start_watching() override {
        for (stopped = false; !stopped;) {
            for (Between* between : std::exchange(stale, {}))
                between->real.event_ready(IOFlags::read);
            step();
        }
    }
    void stop_watching() override { stopped = true; }
    std::set<int> cleaned;
    std::vector<Between*> stale;
    bool stopped = false;
};

struct TimersFirst final : WrongLoop {
    void update_timer(TimerEvent& timer, EventAction action, Microseconds delay) override {
        PollLoop::update_timer(timer, action, delay);
        if (action == EventAction::watch && delay == 0us) due.push_back(&timer);
    }
    void start_watching() override {
        for (stopped = false; !stopped;) {
            while (!due.empty() && !stopped) {
                TimerEvent* const timer = due.front();
                due.erase(due.begin());
                PollLoop::update_timer(*timer, EventAction::unwatch, {});
                timer->ready(IOFlags::none);
            }
            if (!stopped) step();
        }
    }
    void stop_watching() override { stopped = true; }
    std::vector<TimerEvent*> due;
    bool stopped = false;
};

struct Crashes final : WrongLoop {
    void start_watching() override { std::abort(); }
};

struct EndsPassesTwice final : WrongLoop {
    struct Twice final : PassHandler {
        void pass_begins() noexcept override { real->pass_begins(); }
        void pass_ends() noexcept override {
            real->pass_ends();
            real->pass_ends();
        }
        PassHandler* real = nullptr;
    };
    void watch_passes(PassHandler* handler) override {
        twice.real = handler;
        PollLoop::watch_passes(handler == nullptr ? nullptr : &twice);
    }
    Twice twice;
};

/// Loops that are wrong may hang, and are complained of then. What must not be complained of gets all the time that a
/// slow machine takes.
template <typename Loop>
constexpr bool may_hang = !std::is_same_v<Loop, Right> && !std::is_same_v<Loop, Crashes>;

template <typename Loop>
std::vector<std::string> complaints_about(const std::string& only = {}) {
    return check_loop([] { return std::make_unique<Loop>(); },
                      {.time_limit = may_hang<Loop> ? 700ms : 20s, .only = only});
}

template <typename Loop>
bool is_found_by(const std::string& name) {
    for (const std::string& complaint : complaints_about<Loop>(name))
        if (complaint.compare(0, name.size() + 2, name + ": ") == 0) return true;
    return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(nobody_complains_about_a_loop_that_is_right, *boost::unit_test::precondition(MayOpen(2'100))) {
    BOOST_TEST(complaints_about<Right>() == std::vector<std::string>(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(descriptors_told_wrongly_are_found, *boost::unit_test::precondition(MayOpen(2'100))) {
    BOOST_TEST(is_found_by<OneShot>("level-triggered"));
    BOOST_TEST(is_found_by<EdgeTriggered>("level-triggered"));
    BOOST_TEST(is_found_by<AddsFlags>("only what was asked for"));
    BOOST_TEST(is_found_by<AddsFlags>("flags changed while told"));
    BOOST_TEST(is_found_by<TellsMoreThanAsked>("only what was asked for"));
    BOOST_TEST(is_found_by<LosesUnwatch>("unwatched while told"));
    BOOST_TEST(is_found_by<TellsWhatItFoundBefore>("others unwatched while told"));
    BOOST_TEST(is_found_by<MissesTheEnd>("the end of a stream"));
    BOOST_TEST(is_found_by<RepeatsErrors>("a descriptor that is none"));
    BOOST_TEST(is_found_by<MixesUpNumbers>("a number used again"));
}

// Where so many descriptors are not permitted, the check is left out.
BOOST_AUTO_TEST_CASE(a_loop_that_takes_no_large_numbers_is_found, *boost::unit_test::precondition(MayOpen(2'100))) {
    BOOST_TEST(is_found_by<FewDescriptors>("a large number"));
}

BOOST_AUTO_TEST_CASE(telling_too_soon_is_found) {
    BOOST_TEST(is_found_by<TellsInsideUpdateEvent>("level-triggered"));
    BOOST_TEST(is_found_by<TellsInsideUpdateTimer>("a timer is never early"));
}

BOOST_AUTO_TEST_CASE(timers_told_wrongly_are_found) {
    BOOST_TEST(is_found_by<RepeatsTimers>("a timer is one-shot"));
    BOOST_TEST(is_found_by<EarlyTimers>("a timer is never early"));
    BOOST_TEST(is_found_by<LateTimersFirst>("timers by deadline"));
    BOOST_TEST(is_found_by<NeverMovesTimers>("a timer moved"));
    BOOST_TEST(is_found_by<LosesUnwatchOfTimers>("a timer unwatched"));
    BOOST_TEST(is_found_by<TimersFirst>("timers of no delay, and descriptors"));
}

BOOST_AUTO_TEST_CASE(running_and_ending_wrongly_is_found) {
    BOOST_TEST(is_found_by<NeverStops>("stopped, and run again"));
    BOOST_TEST(is_found_by<RemembersStop>("stopped before it runs"));
    BOOST_TEST(is_found_by<Spins>("idle"));
    BOOST_TEST(is_found_by<EndsPassesTwice>("passes"));
}

BOOST_AUTO_TEST_CASE(a_loop_that_crashes_is_a_sentence_like_any_other) {
    const std::vector<std::string> complaints = complaints_about<Crashes>("idle");
    BOOST_REQUIRE_EQUAL(complaints.size(), 1u);
    BOOST_TEST(complaints.front().find("it crashed: ") != std::string::npos);
}

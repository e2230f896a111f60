#define BOOST_TEST_MODULE reactor_passes
#include <sys/eventfd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "plait/reactor/detail/ev_iops.hpp"
#include "plait/reactor/iops.hpp"
#include "plait/reactor/unique_fd.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

/// Writes down, one letter each, what a loop tells: `<` and `>` around a pass, `r` for an event in it.
struct Recorder final : EventHandler, PassHandler {
    explicit Recorder(IOPS& its_loop) : loop(its_loop) {}

    void event_ready(IOFlags) noexcept override {
        told += 'r';
        if (++ready == enough) loop.stop_watching();
    }
    void pass_begins() noexcept override { told += '<'; }
    void pass_ends() noexcept override { told += '>'; }

    IOPS& loop;
    std::string told;
    int ready = 0;
    int enough = 2;
};

/// Two descriptors that are always ready, watched by one recorder.
struct Fixture {
    detail::EvIOPS loop;
    Recorder recorder{loop};
    UniqueFd first{::eventfd(1, EFD_CLOEXEC)};
    UniqueFd second{::eventfd(1, EFD_CLOEXEC)};
    std::unique_ptr<IOEvent> one = loop.io_event_factory(first.get(), recorder);
    std::unique_ptr<IOEvent> other = loop.io_event_factory(second.get(), recorder);

    Fixture() {
        loop.update_event(*one, EventAction::watch, IOFlags::read);
        loop.update_event(*other, EventAction::watch, IOFlags::read);
    }
    ~Fixture() {
        loop.update_event(*one, EventAction::unwatch, IOFlags::none);
        loop.update_event(*other, EventAction::unwatch, IOFlags::none);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(libev_tells_of_each_pass_over_all_that_is_ready, Fixture) {
    loop.watch_passes(&recorder);
    recorder.enough = 4;
    loop.start_watching();
    BOOST_TEST(recorder.told == "<rr><rr>");
}

BOOST_FIXTURE_TEST_CASE(a_pass_in_which_the_loop_is_stopped_ends_too, Fixture) {
    loop.watch_passes(&recorder);
    recorder.enough = 1;
    loop.start_watching();
    BOOST_TEST(recorder.told == "<rr>");
    recorder.enough = 3;
    loop.start_watching();
    BOOST_TEST(recorder.told == "<rr><rr>");
}

BOOST_AUTO_TEST_CASE(what_the_end_of_a_pass_finds_broken_is_told_before_the_loop_waits_again) {
    /// Watches a descriptor that is not open when the first pass is over, and stops the loop when it hears of that.
    struct Late final : EventHandler, PassHandler {
        void event_ready(IOFlags flags) noexcept override {
            if ((flags & IOFlags::error) == IOFlags::none) return;
            told = true;
            loop.stop_watching();
        }
        void pass_begins() noexcept override {}
        void pass_ends() noexcept override {
            if (!std::exchange(watched, true)) loop.update_event(*closed, EventAction::watch, IOFlags::read);
        }

        detail::EvIOPS loop;
        std::unique_ptr<IOEvent> closed = loop.io_event_factory(1'000'000, *this);
        std::unique_ptr<TimerEvent> timer = loop.timer_event_factory(*this);
        bool watched = false;
        bool told = false;
    } late;
    late.loop.watch_passes(&late);
    late.loop.update_timer(*late.timer, EventAction::watch, 0us);
    late.loop.start_watching();  // libev would wait for a minute
    BOOST_TEST(late.told);
    late.loop.update_event(*late.closed, EventAction::cleanup, IOFlags::none);
    late.loop.update_timer(*late.timer, EventAction::cleanup, {});
}

BOOST_FIXTURE_TEST_CASE(nobody_is_told_any_more_after_null, Fixture) {
    loop.watch_passes(&recorder);
    loop.watch_passes(nullptr);
    loop.start_watching();
    BOOST_TEST(recorder.told == "rr");
}

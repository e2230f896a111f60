#define BOOST_TEST_MODULE reactor_passes
#include <sys/eventfd.h>

#include <boost/test/unit_test.hpp>
#include <string>

#include "plait/reactor/detail/ev_iops.hpp"
#include "plait/reactor/iops.hpp"
#include "plait/reactor/unique_fd.hpp"

using namespace plait;

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

BOOST_FIXTURE_TEST_CASE(nobody_is_told_any_more_after_null, Fixture) {
    loop.watch_passes(&recorder);
    loop.watch_passes(nullptr);
    loop.start_watching();
    BOOST_TEST(recorder.told == "rr");
}

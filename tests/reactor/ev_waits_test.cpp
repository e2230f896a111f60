// How long libev's loop waits when there is nothing to do: as good as for ever.
#define BOOST_TEST_MODULE ev_waits
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <functional>
#include <vector>

#include "plait/reactor/detail/ev_iops.hpp"
#include "plait/tests/reactor/open_descriptors.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

using Days = std::chrono::duration<double, std::ratio<86'400>>;

/// What libev asks the system for, and how it may be answered.
struct System {
    std::function<void(std::chrono::milliseconds)> about_to_wait = [](std::chrono::milliseconds) {};
    int times_set = 0;  ///< how often the descriptor that tells of jumps of the clock was set
    bool clock_jumps = false;
};
System as_libev_sees_it;

}  // namespace

extern "C" int epoll_wait(int fd, epoll_event* events, int most, int limit) {
    as_libev_sees_it.about_to_wait(std::chrono::milliseconds(limit));
    return static_cast<int>(::syscall(SYS_epoll_pwait, fd, events, most, limit, nullptr, 0));
}

extern "C" int timerfd_settime(int fd, int flags, const itimerspec* when, itimerspec* before) noexcept {
    ++as_libev_sees_it.times_set;
    itimerspec at_once{};
    at_once.it_value.tv_nsec = 1;
    // Readable at once, as it is when somebody sets the clock.
    if (std::exchange(as_libev_sees_it.clock_jumps, false)) when = &at_once;
    return static_cast<int>(::syscall(SYS_timerfd_settime, fd, when == &at_once ? 0 : flags, when, before));
}

namespace {

struct Fixture {
    ~Fixture() { as_libev_sees_it = {}; }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_reactor_with_nothing_to_do_sleeps_for_days, Fixture) {
    detail::EvIOPS loop;
    Reactor reactor(loop);
    settle(reactor);
    std::chrono::milliseconds longest{};
    as_libev_sees_it.about_to_wait = [&](std::chrono::milliseconds limit) {
        longest = std::max(longest, limit);
        if (limit > 10s) reactor.call_from_thread([&] { reactor.stop(); });
    };
    reactor.run();
    BOOST_TEST(Days(longest).count() > 10);
}

BOOST_FIXTURE_TEST_CASE(a_jump_of_the_systems_clock_wakes_it_once_and_is_of_no_consequence, Fixture) {
    as_libev_sees_it.clock_jumps = true;
    detail::EvIOPS loop;
    Reactor reactor(loop);
    BOOST_TEST(as_libev_sees_it.times_set == 1);
    int waits = 0;
    as_libev_sees_it.about_to_wait = [&](std::chrono::milliseconds) { ++waits; };
    const TimePoint begun = reactor.now();
    reactor.run_until(reactor.sleep(50ms));
    BOOST_TEST((reactor.now() - begun >= 50ms));
    BOOST_TEST(as_libev_sees_it.times_set == 2);
    BOOST_TEST(waits <= 5);
}

BOOST_FIXTURE_TEST_CASE(a_loop_leaves_no_descriptor_behind, Fixture) {
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 3; ++i) {
        detail::EvIOPS loop;
        Reactor reactor(loop);
        settle(reactor);
    }
    BOOST_TEST(open_descriptors() == before);
}

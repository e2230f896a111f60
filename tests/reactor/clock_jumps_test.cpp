// The wall clock may jump by years: timers take what they take. This program answers for the system's clocks itself,
// for every library in it, and lets the wall clock jump with each look at it.
#define BOOST_TEST_MODULE reactor_clock_jumps
#include <dlfcn.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>

#include "plait/deferred/looping_call.hpp"
#include "plait/reactor/reactor.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

constexpr long year = 365L * 24 * 3600;

std::atomic<bool> jumping{false};
std::atomic<long> looks{0};

/// Forth by a year, back by two, forth by three ...
long jump() {
    const long look = ++looks;
    return (look % 2 == 0 ? -1 : 1) * (look % 20) * year;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
    const long result = ::syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) && jumping) time->tv_sec += jump();
    return static_cast<int>(result);
}

extern "C" int gettimeofday(timeval* time, void*) noexcept {
    timespec now{};
    const int result = clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return result;
}

extern "C" time_t time(time_t* out) noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != nullptr) *out = now.tv_sec;
    return now.tv_sec;
}

namespace {

struct Jumping {
    Jumping() { jumping = true; }
    ~Jumping() { jumping = false; }
};

/// Generous, as the machine may be busy; a jump is a year.
constexpr Duration slack = 30s;

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_wall_clock_of_this_program_jumps, Jumping) {
    const auto first = std::chrono::system_clock::now();
    const auto second = std::chrono::system_clock::now();
    BOOST_TEST((std::chrono::abs(second - first) > std::chrono::hours(24)));
    BOOST_TEST((std::chrono::steady_clock::now() - std::chrono::steady_clock::now() < 1s));
}

BOOST_FIXTURE_TEST_CASE(timers_take_what_they_take, Jumping) {
    Reactor reactor;
    for (const auto delay : {0ms, 1ms, 7ms, 20ms}) {
        const TimePoint start = reactor.now();
        reactor.run_until(reactor.sleep(delay));
        const Duration taken = reactor.now() - start;
        BOOST_TEST((taken >= delay));
        BOOST_TEST((taken < delay + slack));
    }
}

BOOST_FIXTURE_TEST_CASE(timers_far_away_stay_there, Jumping) {
    Reactor reactor;
    const auto far = reactor.call_later(std::chrono::hours(24 * 30), [] { BOOST_ERROR("called"); });
    // libev looks at the wall clock about twice a second, to find jumps.
    reactor.run_until(reactor.sleep(1200ms));
    BOOST_TEST(far.active());
}

BOOST_FIXTURE_TEST_CASE(a_looping_call_keeps_its_beat, Jumping) {
    Reactor reactor;
    int beats = 0;
    LoopingCall loop(reactor, [&] {
        if (++beats == 10) reactor.stop();
    });
    const TimePoint start = reactor.now();
    auto running = loop.start(2ms);
    reactor.run();
    BOOST_TEST(beats == 10);
    BOOST_TEST((reactor.now() - start >= 18ms));
    BOOST_TEST((reactor.now() - start < slack));
}

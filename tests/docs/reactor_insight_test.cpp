// The code of docs/reactor.md: what a reactor tells about itself.
#define BOOST_TEST_MODULE docs_reactor_insight
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <string>

#include "plait/reactor/metrics.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/stall_detector.hpp"

using namespace plait;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(numbers_for_a_person_and_for_prometheus) {
    Reactor reactor;
    // snippet: metrics
    reactor.measure_turns(true);
    reactor.run_until(reactor.sleep(1ms));

    const ReactorMetrics metrics = reactor.metrics();
    std::printf("%.1f ms the slowest turn, %zu calls set\n",
                std::chrono::duration<double, std::milli>(metrics.turn_time.longest()).count(),
                metrics.timed_calls_pending);
    const std::string page = prometheus_text(metrics, "reactor=\"main\"");  // serve it at /metrics
    // end of snippet
    BOOST_TEST(metrics.turn_time.count() > 0U);
    BOOST_TEST(page.find("plait_reactor_turns_total{reactor=\"main\"}") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_callback_that_takes_too_long_is_named) {
    Reactor reactor;
    std::string said;
    std::atomic<bool> told = false;
    // snippet: stall
    {
        const StallDetector detector(reactor, {.limit = 50ms}, [&](const Stall& stall) {
            told = true;                          // from a thread of its own, while the callback runs
            if (stall.over) said = stall.text();  // "timed and soon calls kept the reactor for 80.0 ms"
        });
        reactor.call_soon([&] {
            const TimePoint end = reactor.now() + 20s;
            while (!told && reactor.now() < end) {
            }
        });
        reactor.run_until(reactor.sleep(1ms));
    }
    // end of snippet
    BOOST_TEST(said.find("timed and soon calls kept the reactor for ") == 0U, said);
}

BOOST_AUTO_TEST_CASE(what_it_waits_for) {
    Reactor reactor;
    // snippet: dump
    const DelayedCall later = reactor.call_later(90s, [] {});
    std::fputs(reactor.dump().c_str(), stderr);
    // end of snippet
    BOOST_TEST(reactor.dump().find("this reactor waits for:\n  1 timed call, the first due in ") == 0U);
}

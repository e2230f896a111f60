// The code of docs/deferred.md: tests of your own, and what to do when something hangs or is lost.
#define BOOST_TEST_MODULE docs_deferred_night
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

#include "plait/deferred/context.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/deferred/testing/outcomes.hpp"
#include "plait/deferred/trace.hpp"

using namespace plait;
using namespace std::chrono_literals;

// snippet: testing
namespace {
Deferred<int> patient(Clock& clock) {
    co_await clock.sleep(1min);
    co_return 7;
}
}  // namespace

BOOST_AUTO_TEST_CASE(patience_is_rewarded_after_a_minute) {
    plait::testing::ManualClock clock;
    auto answer = patient(clock);
    plait::testing::no_result(answer);
    clock.advance(1min);  // takes no time
    BOOST_TEST(plait::testing::success_of(answer) == 7);
}

BOOST_AUTO_TEST_CASE(a_clock_that_goes_breaks_its_promises) {
    Deferred<int> answer;
    {
        plait::testing::ManualClock clock;
        answer = patient(clock);
    }
    plait::testing::failure_of<BrokenPromise>(answer);
}
// end of snippet

BOOST_AUTO_TEST_CASE(reports_that_are_expected) {
    // snippet: reports
    plait::testing::CaughtReports reports;
    {
        auto dropped = fail<int>(std::runtime_error("nobody looks"));
    }
    reports.expect(1);
    // end of snippet
}

namespace {
plait::testing::ManualClock* clock_ = nullptr;

Deferred<> reconnect() {
    co_await clock_->sleep(1h);
}
Deferred<> refresh() {
    co_await reconnect();
}
}  // namespace

BOOST_AUTO_TEST_CASE(who_waits_for_what) {
    plait::testing::ManualClock clock;
    clock_ = &clock;
    // snippet: dump
    set_tracing(true);  // early: what was made before is not recorded
    auto refreshing = refresh().named("refresh of the limits");
    auto [lost, promise] = make_deferred<int>();

    const std::string waiting = dump_pending();   // everything that waits, as a tree
    const std::string this_one = describe(lost);  // one of them, in a line; needs no tracing
    // end of snippet
    set_tracing(false);
    std::printf("%s%s\n", waiting.c_str(), this_one.c_str());
    for (const char* part : {"refresh of the limits", "reconnect", "deferred_night_test.cpp"})
        BOOST_TEST(waiting.find(part) != std::string::npos, part);
}

namespace {
// snippet: hook
void log_unhandled(const UnhandledFailure& unhandled) {
    std::fprintf(stderr, "unhandled, made at %s:%u:\n%s\n", unhandled.made.file_name(),
                 static_cast<unsigned>(unhandled.made.line()), unhandled.failure.full_message().c_str());
}
// end of snippet
}  // namespace

BOOST_AUTO_TEST_CASE(a_hook_of_your_own) {
    const auto before = unhandled_failure_count();
    // snippet: set_hook
    auto* previous = set_unhandled_failure_hook(log_unhandled);
    // end of snippet
    {
        auto dropped = fail<int>(std::runtime_error("nobody looks"));
    }
    set_unhandled_failure_hook(previous);
    BOOST_TEST(unhandled_failure_count() == before + 1);
}

// snippet: context
const ContextKey<std::string> request_id{"request"};
// end of snippet

BOOST_AUTO_TEST_CASE(a_context_goes_with_the_work) {
    plait::testing::ManualClock clock;
    clock_ = &clock;
    std::string line;
    // snippet: context_use
    auto serve = [&](std::string id) -> Deferred<> {
        const ContextScope scope(request_id, id);
        co_await reconnect();
        line = Context::current().fields() + " is done";
    };
    // end of snippet
    auto served = serve("a17");
    clock.advance(1h);
    plait::testing::success_of(served);
    BOOST_TEST(line == "request=a17 is done");
}

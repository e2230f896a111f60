#include "plait/deferred/testing/manual_clock.hpp"

#include <algorithm>
#include <stdexcept>

namespace plait::testing {

namespace {
// A call that sets itself again without delay would keep advance() busy for ever.
constexpr int passes_at_one_instant = 1'000'000;
}  // namespace

void ManualClock::advance(Duration by) {
    if (by < Duration::zero()) throw std::invalid_argument("ManualClock::advance: time does not go back");
    const TimePoint until = by > TimePoint::max() - now_ ? TimePoint::max() : now_ + by;
    int passes = 0;
    while (pending_calls() != 0 && next_deadline() <= until) {
        if (next_deadline() > now_) passes = 0;
        if (++passes > passes_at_one_instant)
            throw std::logic_error("ManualClock::advance: calls keep setting calls without delay; time cannot go on");
        now_ = std::max(now_, next_deadline());
        run_due_calls(now_);
    }
    now_ = std::max(now_, until);  // a call may have advanced further
}

void ManualClock::pump(std::initializer_list<Duration> steps) {
    for (const Duration step : steps)
        advance(step);
}

}  // namespace plait::testing

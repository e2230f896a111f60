// ManualClock: time for tests, moved by hand.
// Not a reactor: nothing happens but what `advance` makes happen.
#pragma once

#include <initializer_list>

#include "plait/deferred/clock.hpp"

namespace plait::testing {

/// A Clock that stands still until advanced.
///
/// Source: task.Clock of Twisted; unlike there, `now()` inside a call is the time that call was due.
class ManualClock final : public Clock {
public:
    ManualClock() = default;
    ~ManualClock() override = default;

    TimePoint now() const noexcept override { return now_; }

    /// Moves time forward by `by` and makes every call that falls due on the way, in order, calls set by calls
    /// included. Throws std::invalid_argument for a negative `by`, and std::logic_error when calls keep setting calls
    /// without delay, so that time cannot go on.
    void advance(Duration by);

    /// Advances step by step.
    void pump(std::initializer_list<Duration> steps);

private:
    void deadline_changed() override {}

    TimePoint now_{};
};

}  // namespace plait::testing

// LateClock: a clock whose turns come late, as on a busy machine.
// Not the ManualClock, which makes each call when it is due.
#pragma once

#include "plait/deferred/clock.hpp"

/// `pass()` is what a call uses up; `jump()` lets time pass and then has one turn: what fell due meanwhile is called at
/// the end of the jump.
class LateClock final : public plait::Clock {
public:
    LateClock() = default;
    ~LateClock() override = default;

    plait::TimePoint now() const noexcept override { return now_; }
    void pass(plait::Duration time) { now_ += time; }
    void jump(plait::Duration by) {
        pass(by);
        run_due_calls(now_);
    }

private:
    void deadline_changed() override {}

    plait::TimePoint now_{};
};

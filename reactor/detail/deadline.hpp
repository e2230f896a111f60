// Deadline: a time limit that is moved far more often than it passes. Not a DelayedCall: moving it costs no timer, and
// the one it has goes off early and is set again.
#pragma once

#include <chrono>

#include "plait/deferred/clock.hpp"

namespace plait::detail {

/// `Owner::deadline_passed()` is called when it passes. Lifetime: a member of its owner; cancel() before the clock
/// goes.
template <typename Owner>
class Deadline {
public:
    Deadline(Clock& clock, Owner& owner) noexcept : clock_(clock), owner_(owner) {}

    /// Zero or less: none.
    void set(Duration limit) {
        // Beyond a hundred years, now and the limit would be out of the clock's range.
        if (limit <= Duration::zero() || limit > std::chrono::hours(24 * 365 * 100)) return clear();
        at_ = clock_.now() + limit;
        if (!timer_.active() || timer_.time() > at_) arm(limit);
    }

    /// There is none; the timer may stay.
    void clear() noexcept { at_ = TimePoint::max(); }

    /// Nor is there a timer.
    void cancel() noexcept {
        clear();
        timer_.cancel();
    }

private:
    void arm(Duration delay) {
        timer_ = clock_.call_later(delay, [this] { gone_off(); });
    }

    void gone_off() {
        const auto at = at_;
        if (at == TimePoint::max()) return;
        const auto now = clock_.now();
        if (now < at) return arm(at - now);
        clear();
        owner_.deadline_passed();
    }

    Clock& clock_;
    Owner& owner_;
    DelayedCall timer_;
    TimePoint at_ = TimePoint::max();
};

}  // namespace plait::detail

// The body of with_timeout(), declared in deferred/clock.hpp. Not for inclusion by itself.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/clock.hpp"

namespace plait::detail {

/// Lives in the chain's last step, so that it goes when the chain does.
struct TimeLimit {
    std::string what;
    Duration limit;
    DelayedCall timer{};
    bool passed = false;
};

/// "connecting to 10.0.0.1:2181 took longer than 1.5 s".
Failure timed_out(const TimeLimit& limit);

}  // namespace plait::detail

namespace plait {

template <typename T>
Deferred<T> with_timeout(Clock& clock, Deferred<T> deferred, Duration limit, std::string what) {
    if (!deferred.valid() || deferred.ready()) return deferred;
    auto owned = std::make_unique<detail::TimeLimit>(detail::TimeLimit{std::move(what), limit});
    detail::TimeLimit& state = *owned;
    // The core outlives the timer: the step appended below owns the timer and lives in it.
    detail::Core* core = detail::Access::slot(deferred).core();
    state.timer = clock.call_later(limit, [core, &state] {
        state.passed = true;
        detail::cancel(core);
    });
    return std::move(deferred).add_both([limit_state = std::move(owned)](Result<T> result) mutable -> Result<T> {
        const std::unique_ptr<detail::TimeLimit> ended = std::move(limit_state);
        const bool cancelled = !result.has_value() && result.failure().template check<Cancelled>() != nullptr;
        if (ended->passed && cancelled) return Result<T>(detail::timed_out(*ended));
        return result;
    });
}

}  // namespace plait

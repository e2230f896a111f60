// The bodies of Deferred::add_timeout(), declared in deferred/deferred.hpp so that that one needs no <chrono>.
// Not for inclusion by itself: deferred/clock.hpp does.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/clock.hpp"

namespace plait {

namespace detail {

/// A time that runs while the chain before it does. Kept by the chain's step, so that it goes when the chain does.
struct TimeLimit {
    Duration limit;
    DelayedCall timer{};
    bool passed = false;
};

/// A limit on `core`, whose chain keeps it: the core outlives the timer.
std::unique_ptr<TimeLimit> limit_time(Clock& clock, Duration limit, Core* core);

/// "connecting to 10.0.0.1:2181 took longer than 1.5 s".
Failure timed_out(const std::string& what, Duration limit, SourceLocation added);

/// The step that takes the timer back and says TimeoutError where the limit led to Cancelled.
struct OnTimeLimit {
    std::unique_ptr<TimeLimit> limit;
    std::string what;
    SourceLocation added;

    template <typename T>
    void run(Slot<T>& in, Slot<T>& out) {
        const std::unique_ptr<TimeLimit> ended = std::move(limit);
        if (ended->passed && in.is_failure() && in.failure().template check<Cancelled>() != nullptr) {
            out.set_failure(timed_out(what, ended->limit, added));
        } else {
            out.take(in);
        }
    }
};

/// The same with a function of the user's in place of the TimeoutError.
template <typename F>
struct OnTimeLimitAsk {
    std::unique_ptr<TimeLimit> limit;
    F on_timeout;

    template <typename T>
    void run(Slot<T>& in, Slot<T>& out) {
        static_assert(std::is_invocable_v<F&, Result<T>, Duration>,
                      "this function cannot be told of a time-out: it is called as f(Result<T>, Duration)");
        const std::unique_ptr<TimeLimit> ended = std::move(limit);
        if (!ended->passed) return out.take(in);
        Result<T> result = in.is_value() ? Result<T>(std::move(in.value())) : Result<T>(std::move(in.failure()));
        store_from_errback(out, on_timeout, std::move(result), std::as_const(ended->limit));
    }
};

template <typename Limit>
constexpr Duration checked_limit(Limit limit) {
    static_assert(std::is_convertible_v<Limit, Duration>,
                  "a time limit is a std::chrono duration of whole nanoseconds, such as 5s or 1500ms");
    return limit;
}

}  // namespace detail

template <typename T>
template <typename Limit>
Deferred<T> Deferred<T>::add_timeout(Clock& clock, Limit limit, std::string what, SourceLocation added) && {
    settle();
    if (!slot_.is_pending()) return std::move(*this);
    auto timer = detail::limit_time(clock, detail::checked_limit(limit), slot_.core());
    return append<T>(detail::OnTimeLimit{std::move(timer), std::move(what), added}, added);
}

template <typename T>
template <typename Limit, typename F>
    requires(!std::is_convertible_v<F, std::string>)
Deferred<T> Deferred<T>::add_timeout(Clock& clock, Limit limit, F&& on_timeout, SourceLocation added) && {
    settle();
    if (!slot_.is_pending()) return std::move(*this);
    using Step = detail::OnTimeLimitAsk<std::decay_t<F>>;
    auto timer = detail::limit_time(clock, detail::checked_limit(limit), slot_.core());
    return append<T>(Step{std::move(timer), std::forward<F>(on_timeout)}, added);
}

}  // namespace plait

// Tries again: calls a function until what it starts succeeds, with growing delays, within bounds.
// Not a reconnecting client: it ends with the first success.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "plait/deferred/backoff.hpp"
#include "plait/deferred/detail/retry_state.hpp"

namespace plait {

/// The default for RetryPolicy::worth_another: every plait::Error, but no UsageError, no Cancelled, and no exception
/// that Plait does not know.
bool is_worth_another_try(const Failure& failure);

/// What RetryPolicy::on_retry is told: an attempt failed, and another will be made.
struct RetryNote {
    std::uint32_t attempt;  ///< the one that failed; the first is 1
    Duration delay;         ///< until the next
    const Failure& failure;
};

/// Copyable: keep one and use it for many.
struct RetryPolicy {
    static constexpr std::uint32_t unlimited = UINT32_MAX;

    BackoffPolicy backoff{};
    std::uint32_t max_attempts = 5;
    Duration deadline = Duration::max();  ///< for all attempts and delays together, from the call of retry()
    bool cut_attempt = true;  ///< the attempt under way at the deadline is cancelled; else only no other is made
    std::function<bool(const Failure&)> worth_another = is_worth_another_try;
    std::function<void(const RetryNote&)> on_retry{};  ///< what it throws is reported as unhandled
    std::string what = "retrying";                     ///< names the work in the sentence of a TimeoutError
};

/// Calls `f()`, at once and then again after each failure, until a Deferred it returns has a value.
///
///     RetryPolicy policy{.max_attempts = 8, .deadline = 1min, .what = "registering"};
///     retry(reactor, [this] { return register_node(); }, policy).detach(log);
///
/// Fires:    with the first value.
/// Fails:    with the Failure of the last attempt, as it is, so that errbacks for its type need not know that there was
///           a retry: when `worth_another` does not want it, attempts are used up, or the next delay would end at the
///           deadline or later. With TimeoutError, which names the failure before, when the deadline cut an attempt
///           off; what that attempt answers other than Cancelled goes through. With what `worth_another` throws. With
///           BrokenPromise when the clock goes during a delay.
///           Throws UsageError for a policy that makes no sense.
/// Cancel:   during an attempt, cancels that, and its answer, be it a value, is the last. During a delay, Cancelled. No
///           timer is left in any case.
/// Lifetime: dropping it drops the attempt. `f` lives as long as what it started, so it may be a lambda that is a
///           coroutine; it may drop the Deferred of this. The clock must outlive attempts.
/// With co_await, bind the policy to a variable first: GCC 12 miscompiles braced temporaries there.
template <typename F>
    requires std::is_invocable_v<std::decay_t<F>&>
Deferred<detail::unwrapped<std::invoke_result_t<std::decay_t<F>&>>> retry(Clock& clock, F&& f,
                                                                          const RetryPolicy& policy = {}) {
    using T = detail::unwrapped<std::invoke_result_t<std::decay_t<F>&>>;
    return detail::RetryOf<T>::start(
        clock, policy, [attempt = std::decay_t<F>(std::forward<F>(f))]() mutable { return maybe_deferred(attempt); });
}

}  // namespace plait

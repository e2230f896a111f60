// Clock: what time it is, and calls to be made later. Not the wall clock: it never jumps. The reactor is one; tests use
// the one in deferred/testing/manual_clock.hpp and advance it by hand.
#pragma once

#include <chrono>
#include <memory>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"

namespace plait {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

namespace detail {
class TimerQueue;
struct TimerNode;
}  // namespace detail

/// A call that a Clock will make. Move-only.
///
/// Destroying it cancels the call: what its function captured is destroyed and never used again, so the function may
/// capture the object that owns the DelayedCall. Allowed inside the call itself.
class [[nodiscard]] DelayedCall {
public:
    /// No call.
    DelayedCall() noexcept = default;
    DelayedCall(DelayedCall&& other) noexcept;
    DelayedCall& operator=(DelayedCall&& other) noexcept;
    ~DelayedCall();

    /// Still to be made. False inside the call.
    bool active() const noexcept;

    /// Takes the call back. Does nothing if it was made or cancelled before.
    void cancel() noexcept;

    /// Moves the call to `delay` from now. Throws InvalidState if it is no longer active.
    void reset(Duration delay);

    /// Moves the call by `by` from when it was due; may be negative. Throws InvalidState if it is no longer active.
    void delay(Duration by);

    /// When it is due. Throws InvalidState if it is no longer active.
    TimePoint time() const;

    /// Lets the call be made without an owner.
    void detach() && noexcept;

private:
    friend class detail::TimerQueue;
    explicit DelayedCall(detail::TimerNode* node) noexcept : node_(node) {}

    detail::TimerNode* node_ = nullptr;
};

/// Time, as the library sees it: monotonic, and a seam for tests.
///
/// Order: calls run by the time they are due; equal times run in the order they were set. A call set from inside a call
/// never runs in the same pass, however short its delay. An exception from a call is reported as an unhandled failure
/// and stops nothing.
/// Cost: setting and cancelling are O(log n) at worst, with one allocation a call.
/// Lifetime: must outlive its DelayedCalls' `reset()` and `delay()`; destroying the clock cancels all calls.
/// Threads: one.
class Clock {
public:
    Clock();
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock();

    /// The present. Within one turn of a reactor it is sampled afresh at each call: it is not stale.
    virtual TimePoint now() const noexcept = 0;

    /// Calls `function` once, `delay` from now, in the context of now (context.hpp). Never before this returns; a delay
    /// of zero or less means the next turn.
    DelayedCall call_later(Duration delay, UniqueFunction<void()> function);

    /// Fires after `delay`. Fails with BrokenPromise when the clock is destroyed first. Cancel: takes the timer back.
    Deferred<> sleep(Duration delay);

    /// Calls that are set and not yet made.
    std::size_t pending_calls() const noexcept;

protected:
    /// The earliest deadline is now another one; called whenever that changes. `run_due_calls()` wants to be called
    /// then.
    virtual void deadline_changed() = 0;

    /// When the next call is due; TimePoint::max() when there is none.
    TimePoint next_deadline() const noexcept;

    /// Makes the calls due at `until`, in order; calls they set wait for the next pass. Returns: how many.
    std::size_t run_due_calls(TimePoint until);

    /// Cancels all calls, and those set from now on. For the destructors of clocks whose calls use the whole of them.
    void drop_calls() noexcept;

private:
    std::unique_ptr<detail::TimerQueue> timers_;
};

/// Calls `f()` after `delay`; fires with what it returns, or what the Deferred it returns ends in.
/// Cancel: takes the timer back, or cancels what `f` returned. Dropping likewise.
template <typename F>
auto defer_later(Clock& clock, Duration delay, F&& f) {
    return clock.sleep(delay).add_callback(std::forward<F>(f));
}

/// With nothing to call: Clock::sleep.
inline Deferred<> defer_later(Clock& clock, Duration delay) {
    return clock.sleep(delay);
}

/// Deferred::add_timeout as a function: `co_await with_timeout(clock, zk.get(path), 2s, "reading the configuration")`.
template <typename T>
Deferred<T> with_timeout(Clock& clock, Deferred<T> deferred, Duration limit, std::string what = "The operation",
                         SourceLocation added = SourceLocation::current()) {
    return std::move(deferred).add_timeout(clock, limit, std::move(what), added);
}

}  // namespace plait

#include "plait/deferred/detail/with_timeout.hpp"

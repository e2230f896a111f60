// Calls a function again and again, on a grid of time.
// Not a timer that drifts, and not a cron: beats are multiples of the interval since the start, by a monotonic clock.
#pragma once

#include <cstdint>
#include <utility>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/detail/counted.hpp"
#include "plait/deferred/detail/work.hpp"

namespace plait {

namespace detail {
class LoopingState;
}

/// Calls `f` at each beat, until it is stopped or `f` fails.
///
///     LoopingCall pinging{reactor, [this] { return ping(); }};
///     Deferred<> pings = pinging.start(10s).add_errback(log);
///
/// Beats are at start + n * interval, in whole nanoseconds: no drift and no rounding. `f` may return a Deferred: there
/// is no beat before that has fired. Beats missed meanwhile, or because the loop was late, are skipped; so is one that
/// is due the very moment `f` ends. There is at most one call a turn; an interval of zero means one each turn.
///
/// Lifetime: destroying it drops the call under way and fails the Deferred of start() with Cancelled. `f` may destroy
///           the LoopingCall, and lives as long as what it started, so it may be a lambda that is a coroutine. The
///           clock must outlive all but the destructor. Moving leaves an empty one: running() is false, the rest
///           throws InvalidState.
/// Source:   Twisted's task.LoopingCall, in integers. Unlike there, stop() and start() again inside `f` do not lose the
///           first start()'s Deferred, and cancelling or dropping that ends the loop.
/// Threads:  one.
class LoopingCall {
public:
    template <typename F>
        requires std::is_invocable_v<std::decay_t<F>&>
    LoopingCall(Clock& clock, F&& f)
        : LoopingCall(clock, Beat([call = std::decay_t<F>(std::forward<F>(f))](std::uint64_t) mutable {
                          return detail::only_the_end(maybe_deferred(call));
                      })) {}

    /// Calls `f(std::uint64_t count)` with the beats since the call before, so 1 when none was missed. With an interval
    /// of zero it is always 1.
    template <typename F>
        requires std::is_invocable_v<std::decay_t<F>&, std::uint64_t>
    static LoopingCall with_count(Clock& clock, F&& f) {
        return LoopingCall(clock, Beat([call = std::decay_t<F>(std::forward<F>(f))](std::uint64_t count) mutable {
                               return detail::only_the_end(maybe_deferred(call, count));
                           }));
    }

    LoopingCall(LoopingCall&& other) noexcept;
    LoopingCall& operator=(LoopingCall&& other) noexcept;
    ~LoopingCall();

    /// Begins; with `now` the first call of `f` is made before this returns, else an interval later.
    /// Fires:  when it has been stopped and no call is under way.
    /// Fails:  with the Failure of `f`, which ends the loop; with Cancelled when this object is destroyed, and
    ///         BrokenPromise when the clock is. Throws UsageError for a negative interval, and InvalidState when
    ///         running or when the last call of an earlier start has not ended.
    /// Cancel: ends the loop and cancels the call under way, whose answer it then is. Dropping it ends both at once.
    Deferred<> start(Duration interval, bool now = true);

    /// No beat from now on. A call under way goes on; start()'s Deferred tells of its end. Throws InvalidState when not
    /// running.
    void stop();

    /// Starts the grid anew: the next beat is an interval from now. Throws InvalidState when not running.
    void reset();

    /// Changes the interval; the grid keeps its start. Throws UsageError for a negative one.
    void set_interval(Duration interval);

    /// Started, and neither stopped nor failed.
    bool running() const noexcept;

private:
    using Beat = UniqueFunction<Deferred<>(std::uint64_t)>;
    LoopingCall(Clock& clock, Beat beat);
    detail::LoopingState& state() const;

    detail::Ref<detail::LoopingState> state_;
};

}  // namespace plait

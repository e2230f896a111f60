// Reactor: one thread's loop. It waits for descriptors, timers, other threads and signals, and calls back.
// It knows no protocol's meaning and is no global: make as many as you like, one a thread, each restartable.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/iops.hpp"
#include "plait/reactor/signals.hpp"
#include "plait/reactor/system_events.hpp"

namespace plait {

struct ReactorMetrics;

namespace detail {
class ReactorCore;
}  // namespace detail

class ThreadPool;

struct RunOptions {
    /// SIGINT, unless it is ignored, and SIGTERM call `stop()`, from the startup event's `during` to the end of the
    /// run. They then have the actions again that they had before, so a second one ends a process whose shutdown hangs.
    bool stop_on_signals = false;
};

/// The loop.
///
/// A turn is what happens between two waits of the event loop below:
///   1. The loop waits for descriptors, and for the one timer set in it: as long as that takes, with no call set for
///      ever.
///   2. What is ready is called, in the loop's order: descriptors of transports; the wake-up descriptor, which makes
///      the calls from other threads that are there at that moment, in order; signals.
///   3. When the timer is due, the time is looked at once. The calls set with `call_soon` are made, in order; then
///      those due at that time, by deadline, equal ones in the order they were set.
///   4. What was written to transports since is sent, a system call a connection; what ended is destroyed; the timer is
///      set for what comes next, or to be due at once where something is left to do.
/// Calls set in 3 with `call_soon`, `call_later(0)` or `call_from_thread` are made in a later turn, after a look at
/// the descriptors; those set in 2 perhaps in the same. 3 comes among 2, where the loop puts timers. On a loop that
/// tells of no passes (`IOPS::watch_passes`; libev does), each call of 2 and 3 is a turn of its own, with 4 at its end.
///
/// An exception from a callback never ends the loop: it becomes the reason a connection was lost, or is reported as an
/// unhandled failure (deferred/unhandled.hpp).
///
/// A run begins with the system event "startup" and ends, after `stop()`, with "shutdown":
///   - startup: `before` triggers, whose Deferreds are waited for with the loop running; then `running()` is true,
///     signals are handled if that was asked for; `during`; `after`, and the functions of `call_when_running`.
///   - shutdown, in a later turn than `stop()`: `before` likewise; `during`; then `running()` is false, threads that
///     wait for the reactor are told so (threads.hpp), what was written is sent, all that is open is closed and each
///     protocol's `connection_lost` called, and what the pool's threads are doing is waited for; `after`; the loop is
///     left. Files and child processes are there in the next run (files.hpp, process.hpp).
/// Each trigger is called once, at the next such event. Timers, and calls not yet made, wait for the next run.
///
/// What is open at the end of a run ends: connections hear ConnectionLost, or ConnectionAborted where the system did
/// not take all that was written, and their peer then a reset. Ports stop; they may listen again. Look-ups, attempts to
/// connect and work in threads fail. Files and child processes stay (files.hpp, process.hpp), and so does what the
/// callbacks of all this open. To end something in better order, do it in a `before` trigger of "shutdown": its
/// Deferred is waited for.
///
/// On a foreign loop, one whose `start_watching()` returns at once because others run it, everything works without
/// `run()`, except what needs a beginning or an end: triggers, `running()`, `blocking_call_from_thread`. There `run()`
/// fires startup and returns; from then on the reactor runs, until `stop()` has had shutdown fired from the loop.
///
/// Destroying it cancels all timers and name look-ups, drops calls not yet made and triggers, waits for what the
/// threads of its pool are doing, kills child processes, and aborts open connections: each protocol's
/// `connection_lost(ConnectionAborted)` runs from the destructor, at both ends where both are here. Nothing is sent any
/// more, no system event is fired. Not allowed from inside `run()`.
///
/// Threads: all members are for the thread that runs it, except `call_from_thread`; so is everything that is made with
///          it, unless its header says otherwise.
/// Source:  IReactorCore, IReactorTime and IReactorThreads of Twisted.
class Reactor final : public Clock {
public:
    /// On a libev loop of its own.
    Reactor();

    /// On a loop of yours, which must outlive the reactor.
    explicit Reactor(IOPS& loop);

    ~Reactor() override;

    /// Runs until `stop()`, or `crash()`. May be called again afterwards.
    /// Fails: throws ReactorAlreadyRunning while it runs; what the loop below throws, which ends the run as a crash.
    void run(RunOptions options = {});

    /// Asks the run to end: nothing happens before this returns, and `run()` returns when shutdown is over. Use
    /// `call_from_thread` to stop from another thread.
    /// Fails: throws ReactorNotRunning when not running, or stopping already.
    void stop();

    /// Leaves the loop after the present turn without a shutdown: what is open stays open, triggers stay set, and what
    /// `before` functions are still doing is dropped. Does nothing when not running.
    void crash() noexcept;

    /// One turn by hand: waits at most `longest` for something to happen, and returns when that is done. No system
    /// events are fired, and `running()` is false. On a foreign loop it returns at once.
    /// Fails: throws ReactorAlreadyRunning; what the loop below throws.
    void iterate(Duration longest = Duration::zero());

    /// From the `during` of startup to that of shutdown; and inside `run_until`.
    bool running() const noexcept;

    /// `stop()` was called, and the run is not over.
    bool stopping() const noexcept;

    /// The signal that stopped the last run (RunOptions::stop_on_signals), or 0.
    int stop_signal() const noexcept;

    /// Calls `function` at once when running, which passes on what it throws; else after the next startup, in the order
    /// of asking and in the context of now.
    void call_when_running(UniqueFunction<void()> function);

    /// Calls `function` at the next such event, in the context of now: "startup", "shutdown", or one of your own. It
    /// returns nothing, or a Deferred<>; what that fails with, and what it throws, is reported as an unhandled failure.
    template <typename F>
    SystemEventTrigger add_system_event_trigger(EventPhase phase, std::string_view event, F&& function) {
        return add_trigger(phase, event, [function = std::forward<F>(function)]() mutable -> Deferred<> {
            if constexpr (std::is_void_v<decltype(function())>) {
                function();
                return succeed();
            } else {
                return function();
            }
        });
    }

    /// Calls the triggers of an event of your own. All have been called when this returns, unless a `before` function
    /// returned a Deferred that is yet to fire: `during` and `after` then follow in a later turn.
    /// Fails: throws InvalidState for "startup" and "shutdown", and while the event is being fired.
    void fire_system_event(std::string_view event);

    /// Runs until `deferred` has fired, and returns its value or throws its failure: for tests and small programs. No
    /// system events are fired; what is open stays open.
    /// Fails: throws ReactorStopped if `stop()` or `crash()` came first, or if others run the loop; `deferred` is then
    ///        dropped. ReactorAlreadyRunning.
    template <typename T>
    T run_until(Deferred<T> deferred);

    /// Monotonic; never stale.
    TimePoint now() const noexcept override;

    /// Calls `function` soon, in the next 3 of the above, after those asked for before it; never before this returns.
    /// Those asked for before one such are made in it, and what they write leaves together. Descriptors get their turns
    /// in between. In the context of now (deferred/context.hpp), as with `call_from_thread`.
    void call_soon(UniqueFunction<void()> function);

    /// The one member for other threads: calls `function` in the reactor's thread, soon, in order, and wakes the loop
    /// for it. Never lost; calls not made when the reactor is destroyed are dropped. Also allowed from its own thread.
    /// Threads: any, as long as the reactor lives.
    void call_from_thread(UniqueFunction<void()> function);

    /// For work that blocks; see threads.hpp, which brings its results home. Made when first asked for, ended with the
    /// reactor, which waits for what it is doing.
    ThreadPool& thread_pool();

    /// Calls `handler` in the reactor's thread each time the process gets `signal_number`, until the subscription is
    /// destroyed; the previous disposition is then put back. Several subscriptions, in any reactors, may share one.
    /// What it throws is reported as an unhandled failure.
    /// Fails: throws std::system_error naming the signal when there is no such one, or it cannot be handled.
    SignalSubscription on_signal(int signal_number, UniqueFunction<void(int)> handler);

    /// What it has done and what it holds, as numbers; see metrics.hpp for their meaning and for Prometheus.
    ReactorMetrics metrics() const;

    /// Measures each call from the loop, and its queues, for the histograms of metrics() from now on, or stops that.
    /// Two looks at the clock for each.
    void measure_turns(bool on);

    /// What it waits for, to be read at night: how many calls are set and when the first is due, and everything open, a
    /// line each. Beside it stands dump_pending() (deferred/trace.hpp) for the chains.
    std::string dump() const;

    /// The loop below.
    IOPS& iops() noexcept;

    /// For transports and other parts of this library.
    detail::ReactorCore& core() noexcept { return *core_; }

private:
    friend class detail::ReactorCore;
    void deadline_changed() override;
    SystemEventTrigger add_trigger(EventPhase phase, std::string_view event, UniqueFunction<Deferred<>()> function);
    void require_idle() const;
    void run_waiting();
    void end_waiting() noexcept;
    [[noreturn]] static void throw_stopped();

    std::unique_ptr<detail::ReactorCore> core_;
};

}  // namespace plait

#include "plait/reactor/detail/run_until.hpp"

// Reactor: one thread's loop. It waits for descriptors, timers, other threads and signals, and calls back.
// It knows no protocol's meaning and is no global: make as many as you like, one a thread, each restartable.
#pragma once

#include <memory>
#include <string>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/iops.hpp"
#include "plait/reactor/signals.hpp"

namespace plait {

struct ReactorMetrics;

namespace detail {
class ReactorCore;
}  // namespace detail

class ThreadPool;

/// The loop.
///
/// A turn is one call from the event loop below into this library: a descriptor is ready, a timer is due. Where the
/// loop tells (`IOPS::watch_passes`; libev does), it is all such calls between two waits. Everything written to
/// transports during a turn is sent at its end, a system call a connection. Calls set with `call_soon` run
/// in a turn after that.
///
/// An exception from a callback never ends the loop: it becomes the reason a connection was lost, or is reported as an
/// unhandled failure (deferred/unhandled.hpp).
///
/// Destroying it cancels all timers and name look-ups, drops calls not yet made, and aborts open connections: each
/// protocol's `connection_lost(ConnectionAborted)` runs from the destructor. Not allowed from inside `run()`.
///
/// Threads: all members are for the thread that runs it, except `call_from_thread`.
/// Source:  IReactorCore, IReactorTime and IReactorThreads of Twisted.
class Reactor final : public Clock {
public:
    /// On a libev loop of its own.
    Reactor();

    /// On a loop of yours, which must outlive the reactor.
    explicit Reactor(IOPS& loop);

    ~Reactor() override;

    /// Runs until `stop()`. May be called again afterwards. Throws ReactorAlreadyRunning from inside itself.
    /// On a foreign loop whose `start_watching()` does nothing it returns at once: that loop runs us.
    void run();

    /// Makes `run()` return after the present turn. Without effect when not running. Use `call_from_thread` to stop
    /// from another thread.
    void stop();

    bool running() const noexcept;

    /// Runs until `deferred` has fired, and returns its value or throws its failure: for tests and small programs.
    /// Throws ReactorStopped if `stop()` came first; `deferred` is then dropped.
    template <typename T>
    T run_until(Deferred<T> deferred);

    /// Monotonic; never stale.
    TimePoint now() const noexcept override;

    /// Calls `function` in a later turn, soon, after those asked for before it; never before this returns. Those asked
    /// for in one turn share the next, and what they write leaves together. Descriptors get their turns in between.
    /// In the context of now (deferred/context.hpp), as with `call_from_thread`.
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
    SignalSubscription on_signal(int signal_number, UniqueFunction<void(int)> handler);

    /// What it has done and what it holds, as numbers; see metrics.hpp for their meaning and for Prometheus.
    ReactorMetrics metrics() const;

    /// Measures each call from the loop for metrics() from now on, or stops that. Two looks at the clock for each.
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
    void require_stopped() const;
    [[noreturn]] static void throw_stopped();

    std::unique_ptr<detail::ReactorCore> core_;
};

}  // namespace plait

#include "plait/reactor/detail/run_until.hpp"

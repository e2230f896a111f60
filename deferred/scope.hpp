// A place for work that runs on its own: tasks are spawned into a Scope, and none of them outlives it.
// Not an executor and not a limit: tasks run where they are fired, as many as are spawned; see DeferredSemaphore.
#pragma once

#include <cstddef>

#include "plait/deferred/detail/scope_state.hpp"
#include "plait/deferred/errors.hpp"

namespace plait {

/// A task was to be spawned into a Scope that is closing. The task was not begun, or was dropped.
class ScopeClosed : public InvalidState {
public:
    ScopeClosed();
    ~ScopeClosed() override;
};

/// Owns tasks until they end.
///
///     Scope requests{[](const Failure& failure) { log(failure); }};
///     requests.spawn(serve(connection));
///     requests.spawn([this, id]() -> Deferred<> { co_await store_.save(id); });
///     ...
///     requests.close().add_callback([this] { listener_.reset(); }).detach(log);
///
/// Failures of the tasks go to one sink, `void(const Failure&)`, the moment they happen. Cancelled goes there too,
/// unless this Scope cancelled the task. What the sink throws is reported as unhandled. A task's value is dropped.
///
/// Lifetime: the destructor drops every task, newest first, and then fails who waits for close() or when_empty() with
///           Cancelled. No callback of a dropped task runs and the sink is not called again. The Scope may be destroyed
///           from inside a task, the sink, or a waiter. A task that has ended is freed at once.
/// Cost:     spawning and ending are O(1); one allocation a task, one more for a function. Tasks that end before
///           spawn() returns leave nothing behind.
/// Source:   KJ's TaskSet, Seastar's gate, folly's AsyncScope.
/// Threads:  one.
class Scope {
public:
    /// Throws InvalidState when `on_failure` is empty: failures must go somewhere.
    explicit Scope(UniqueFunction<void(const Failure&)> on_failure);
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

    /// Lets `task` run until it ends. One that is ready ends at once: its Failure reaches the sink before this returns.
    /// Fails: throws ScopeClosed after close(), having dropped `task`; throws InvalidState for an empty one.
    template <typename T>
    void spawn(Deferred<T> task) {
        Deferred<T> owned = std::move(task);  // where it is refused it goes before the exception arrives
        state_->require_open();
        detail::ScopeState::spawn(state_, std::move(owned));
    }

    /// Calls `f` at once, for its Deferred, anything else, or its exception. `f` lives as long as what it started, so
    /// it may be a lambda that is a coroutine and has captures. (Where it is not the coroutine itself, what it calls
    /// should not refer to its captures: those go when the Scope does.)
    /// Fails: throws ScopeClosed after close(), and does not call `f`.
    template <typename F>
        requires std::is_invocable_v<std::decay_t<F>&>
    void spawn(F&& f) {
        state_->require_open();
        detail::ScopeState::start<std::decay_t<F>>(state_, detail::Kept<std::decay_t<F>>::make(std::forward<F>(f)));
    }

    /// Cancels each task that is running now. They may take their time to end, and may go on: this is cancel() on each.
    /// Tasks spawned meanwhile are left alone. With close() it is the way to end early and wait for the answers.
    void cancel();

    /// Takes no more tasks from now on, whatever becomes of the Deferred.
    /// Fires:  when none is left; at once when there is none. Each call has its own.
    /// Fails:  with Cancelled when the Scope is destroyed first.
    /// Cancel: ends this wait and nothing else; so does dropping it.
    Deferred<> close();

    /// Fires the next time no task is left, at once when there is none. Otherwise as close(), but tasks may still be
    /// spawned.
    Deferred<> when_empty();

    /// Tasks that have not ended.
    std::size_t size() const noexcept { return state_->size(); }

    /// close() was called.
    bool closing() const noexcept { return state_->closing(); }

private:
    detail::Ref<detail::ScopeState> state_;
};

}  // namespace plait

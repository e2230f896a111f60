// Runs long computations in small steps, in turns, and leaves the loop room between them.
// Not threads, and not for tasks that wait most of the time: those are coroutines in a Scope.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/detail/counted.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/deferred/maybe.hpp"

namespace plait {

/// What a step says: call me again, or the task has ended.
enum class TaskStep : std::uint8_t { more, done };

/// The task has ended, so it can be neither paused, resumed nor stopped. One of those below.
class TaskFinished : public InvalidState {
public:
    using InvalidState::InvalidState;
    ~TaskFinished() override;
};
class TaskDone : public TaskFinished {
public:
    TaskDone();
    ~TaskDone() override;
};
class TaskFailed : public TaskFinished {
public:
    TaskFailed();
    ~TaskFailed() override;
};
/// Also the Failure of when_done() for a task that was stopped or whose CooperativeTask was destroyed.
class TaskStopped : public TaskFinished {
public:
    TaskStopped();
    ~TaskStopped() override;
};
/// Its Cooperator was stopped or destroyed; also the Failure of when_done() then.
class SchedulerStopped : public TaskFinished {
public:
    SchedulerStopped();
    ~SchedulerStopped() override;
};
/// resume() without a pause() before.
class NotPaused : public InvalidState {
public:
    NotPaused();
    ~NotPaused() override;
};

namespace detail {
class CooperatorState;
class CooperativeState;

template <typename F>
Deferred<TaskStep> take_step(F& step) {
    using R = std::remove_cvref_t<std::invoke_result_t<F&>>;
    constexpr bool only_waits = std::is_same_v<R, Deferred<>>;
    static_assert(only_waits || std::is_same_v<R, TaskStep> || std::is_same_v<R, Deferred<TaskStep>>,
                  "a step returns a TaskStep, a Deferred<TaskStep>, or a Deferred<>, which means more");
    if constexpr (only_waits) {
        return maybe_deferred(step).add_callback([] { return TaskStep::more; });
    } else {
        return maybe_deferred(step);
    }
}
}  // namespace detail

/// One task of a Cooperator, and its owner.
///
/// Lifetime: move-only. Destroying it stops the task: its step is not called again, what it waits for is dropped, and
///           who waits for it hears TaskStopped. A Failure of the task that nobody asked for is then reported as
///           unhandled. It may outlive its Cooperator. Using one that was moved from throws InvalidState.
/// Fails:    what is said of pause(), resume() and stop() throws TaskDone, TaskFailed, TaskStopped or SchedulerStopped
///           when the task has ended that way.
class [[nodiscard("destroying a CooperativeTask stops it; use coiterate() to get a Deferred")]] CooperativeTask {
public:
    CooperativeTask(CooperativeTask&& other) noexcept;
    CooperativeTask& operator=(CooperativeTask&& other) noexcept;
    ~CooperativeTask();

    /// No further step until as many resume()s. What a step waits for goes on.
    void pause();

    /// Takes one pause() back. Throws NotPaused when there is none.
    void resume();

    /// Ends the task, from inside its step too.
    void stop();

    /// A Deferred of its own for each call.
    /// Fires:  when a step says done; at once when one has.
    /// Fails:  with what a step throws or fails with, TaskStopped, or SchedulerStopped.
    /// Cancel: ends this wait and nothing else; so does dropping it.
    Deferred<> when_done();

private:
    friend class Cooperator;
    friend class detail::CooperatorState;
    explicit CooperativeTask(detail::Ref<detail::CooperativeState> state) noexcept;
    detail::CooperativeState& state() const;

    detail::Ref<detail::CooperativeState> state_;
};

/// Round robin over tasks, one step each, in slices of limited time; the next slice is in the next turn.
///
///     Cooperator cooperator{reactor};
///     cooperator.coiterate([this] { return index_next() ? TaskStep::more : TaskStep::done; }).detach(log);
///
/// A step that returns a Deferred pauses its own task until that has fired; its Failure ends the task. A coroutine can
/// take turns with the tasks: `co_await cooperator.yield();`
///
/// Lifetime: the destructor is stop(). It may be destroyed from inside a step or a waiter. A step lives as long as what
///           it started, so it may be a lambda that is a coroutine. When no task can go on, no timer is left. The clock
///           must outlive it; where it goes first, that is a stop().
/// Threads:  one.
/// Source:   Twisted's task.Cooperator. Unlike there, resume() cannot wake a task that waits for a Deferred; stop()
///           ends paused tasks, too; and there is no global one.
class Cooperator {
public:
    /// A slice ends with the first step that ends `slice` or more after its beginning. On a clock that stands
    /// still, as a ManualClock does inside a call, it ends when no task can go on.
    explicit Cooperator(Clock& clock, Duration slice = std::chrono::milliseconds(10));

    /// A slice ends when `end_of_slice(steps)` says so, asked after each step with the number of steps in this slice.
    /// What it throws is reported as unhandled and ends the slice.
    Cooperator(Clock& clock, UniqueFunction<bool(std::size_t)> end_of_slice);

    Cooperator(const Cooperator&) = delete;
    Cooperator& operator=(const Cooperator&) = delete;
    ~Cooperator();

    /// Adds a task behind the others. `step()` is never called before this returns. While stopped, it is a task that
    /// has ended with SchedulerStopped.
    template <typename F>
        requires std::is_invocable_v<std::decay_t<F>&>
    CooperativeTask cooperate(F&& step) {
        return add([held = std::decay_t<F>(std::forward<F>(step))]() mutable { return detail::take_step(held); });
    }

    /// The same with a Deferred as the owner.
    /// Fires and fails: as when_done().
    /// Cancel: ends the task and drops what it waits for; so does dropping it.
    template <typename F>
        requires std::is_invocable_v<std::decay_t<F>&>
    Deferred<> coiterate(F&& step) {
        return iterate([held = std::decay_t<F>(std::forward<F>(step))]() mutable { return detail::take_step(held); });
    }

    /// Fires when the turn of a task added now would come: a coroutine that awaits this goes on in its turn, in the
    /// slice, and ends its step with the next wait. Fails with SchedulerStopped.
    Deferred<> yield();

    /// Ends all tasks with SchedulerStopped, and those added from now on.
    void stop();

    /// Takes tasks again after a stop().
    void start();

    bool running() const noexcept;

private:
    using StepFunction = UniqueFunction<Deferred<TaskStep>()>;
    CooperativeTask add(StepFunction step);
    Deferred<> iterate(StepFunction step);

    detail::Ref<detail::CooperatorState> state_;
};

}  // namespace plait

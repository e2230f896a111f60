#include "plait/deferred/cooperator.hpp"

#include "plait/deferred/contain.hpp"
#include "plait/deferred/detail/cooperator_state.hpp"
#include "plait/deferred/detail/keep.hpp"

namespace plait {

TaskFinished::~TaskFinished() = default;
TaskDone::TaskDone() : TaskFinished("This task is done: it can be neither paused, resumed nor stopped.") {}
TaskDone::~TaskDone() = default;
TaskFailed::TaskFailed() : TaskFinished("This task has failed; when_done() tells with what.") {}
TaskFailed::~TaskFailed() = default;
TaskStopped::TaskStopped() : TaskFinished("This task was stopped before it was done.") {}
TaskStopped::~TaskStopped() = default;
SchedulerStopped::SchedulerStopped()
    : TaskFinished("The Cooperator of this task was stopped or destroyed: start() it before adding tasks.") {}
SchedulerStopped::~SchedulerStopped() = default;
NotPaused::NotPaused() : InvalidState("A task was resumed that is not paused: each resume() takes one pause() back.") {}
NotPaused::~NotPaused() = default;

namespace detail {

// A task -------------------------------------------------------------------------------------------------------------

CooperativeState::CooperativeState(CooperatorState& scheduler, UniqueFunction<Deferred<TaskStep>()> step)
    : scheduler_(scheduler), generation_(scheduler.generation()), step_(make_counted<StepHolder>(std::move(step))) {}

CooperativeState::~CooperativeState() {
    if (end_ == TaskEnd::failed && !told_) report_unhandled_failure(*failure_, failure_->origin());
}

void CooperativeState::require_unfinished() const {
    switch (end_) {
        case TaskEnd::none:
            return;
        case TaskEnd::done:
            throw TaskDone();
        case TaskEnd::failed:
            throw TaskFailed();
        case TaskEnd::stopped:
            throw TaskStopped();
        case TaskEnd::scheduler_stopped:
            throw SchedulerStopped();
    }
}

void CooperativeState::pause() {
    require_unfinished();
    if (++pauses_ == 1) scheduler_.place(*this);
}

void CooperativeState::resume() {
    require_unfinished();
    if (pauses_ == 0) throw NotPaused();
    if (--pauses_ == 0) scheduler_.place(*this);
}

void CooperativeState::stop() {
    require_unfinished();
    end(TaskEnd::stopped);
}

void CooperativeState::abandon() noexcept {
    Waiters unheard = std::move(waiters_);
    if (!ended()) end(TaskEnd::stopped);
}

Deferred<> CooperativeState::when_done() {
    if (!ended()) return waiters_.add();
    if (end_ == TaskEnd::done) return succeed();
    told_ = true;
    return fail(*failure_);
}

void CooperativeState::run_step() {
    const Ref<CooperativeState> keep(this);
    const Ref<StepHolder> step = step_;
    Deferred<TaskStep> taken = step->step();
    if (ended()) return;  // from inside; `taken` is dropped
    if (taken.ready()) return took_step(taken.take());
    keep_with(taken, Kept<Ref<StepHolder>>::make(step));
    waiting_ = true;
    wait_ = std::move(taken).add_both([this](const Result<TaskStep>& result) { waited(result); });
    scheduler_.place(*this);
}

void CooperativeState::waited(const Result<TaskStep>& result) {
    const Ref<CooperativeState> keep(this);
    const Deferred<> over = std::move(wait_);
    waiting_ = false;
    took_step(result);
    if (!ended()) scheduler_.place(*this);
}

void CooperativeState::took_step(const Result<TaskStep>& result) {
    if (!result.has_value()) return end(TaskEnd::failed, &result.failure());
    if (result.value() == TaskStep::done) end(TaskEnd::done);
}

// Who waits is told when the task is gone from everywhere: they may stop the Cooperator, or look at the task.
void CooperativeState::end(TaskEnd how, const Failure* failure) noexcept {
    const Ref<CooperativeState> keep(this);
    end_ = how;
    scheduler_.remove(*this);
    wait_ = Deferred<>();
    step_ = Ref<StepHolder>();  // a coroutine that is inside holds it, too
    Waiters told = std::move(waiters_);
    if (how == TaskEnd::done) return told.callback();
    if (how == TaskEnd::failed) {
        failure_ = *failure;
    } else {
        failure_ = how == TaskEnd::stopped ? make_failure(TaskStopped()) : make_failure(SchedulerStopped());
    }
    if (told.errback(*failure_)) told_ = true;
}

// The Cooperator -----------------------------------------------------------------------------------------------------

Ref<CooperativeState> CooperatorState::add(UniqueFunction<Deferred<TaskStep>()> step) {
    auto task = make_counted<CooperativeState>(*this, std::move(step));
    if (running_) {
        place(*task);
    } else {
        task->end(TaskEnd::scheduler_stopped);
    }
    return task;
}

void CooperatorState::place(CooperativeState& task) {
    if (task.generation() != generation_) return;  // stop() is about to come to it
    task.unlink();
    (task.can_go_on() ? ready_ : resting_).push_back(task);
    schedule();
}

void CooperatorState::remove(CooperativeState& task) noexcept {
    task.unlink();
    schedule();
}

void CooperatorState::start() {
    running_ = true;
}

void CooperatorState::stop() noexcept {
    const Ref<CooperatorState> keep(this);
    running_ = false;
    ++generation_;
    stopping_.take_all(ready_);
    stopping_.take_all(resting_);
    schedule();
    while (!stopping_.empty())
        stopping_.front().end(TaskEnd::scheduler_stopped);
}

void CooperatorState::schedule() noexcept {
    if (in_slice_) return;
    if (ready_.empty()) {
        next_slice_ = Deferred<>();
    } else if (!next_slice_.valid()) {
        next_slice_ =
            clock_.sleep(Duration::zero()).add_callbacks([this] { tick(); }, [this](const Failure&) { stop(); });
    }
}

void CooperatorState::tick() {
    const Ref<CooperatorState> keep(this);
    const Deferred<> waited = std::move(next_slice_);
    const TimePoint begun = clock_.now();
    in_slice_ = true;
    std::size_t steps = 0;
    while (!ready_.empty()) {
        CooperativeState& task = ready_.front();
        task.unlink();
        ready_.push_back(task);
        task.run_step();
        if (slice_ends(begun, ++steps)) break;
    }
    in_slice_ = false;
    schedule();
}

bool CooperatorState::slice_ends(TimePoint begun, std::size_t steps) noexcept {
    if (!end_of_slice_) return clock_.now() - begun >= slice_;
    bool ends = true;
    contain([&] { ends = end_of_slice_(steps); });
    return ends;
}

}  // namespace detail

using detail::CooperativeState;
using detail::CooperatorState;

CooperativeTask::CooperativeTask(detail::Ref<CooperativeState> state) noexcept : state_(std::move(state)) {}
CooperativeTask::CooperativeTask(CooperativeTask&& other) noexcept = default;

CooperativeTask& CooperativeTask::operator=(CooperativeTask&& other) noexcept {
    if (this == &other) return *this;
    const CooperativeTask old(std::exchange(state_, std::move(other.state_)));
    return *this;
}

CooperativeTask::~CooperativeTask() {
    if (state_ && !state_->ended()) state_->end(detail::TaskEnd::stopped);
}

CooperativeState& CooperativeTask::state() const {
    if (!state_) throw InvalidState("A CooperativeTask was used that had been moved from.");
    return *state_;
}

void CooperativeTask::pause() {
    state().pause();
}

void CooperativeTask::resume() {
    state().resume();
}

void CooperativeTask::stop() {
    state().stop();
}

Deferred<> CooperativeTask::when_done() {
    return state().when_done();
}

Cooperator::Cooperator(Clock& clock, Duration slice)
    : state_(detail::make_counted<CooperatorState>(clock, slice, nullptr)) {}

Cooperator::Cooperator(Clock& clock, UniqueFunction<bool(std::size_t)> end_of_slice) {
    if (!end_of_slice)
        throw UsageError("A Cooperator was given an empty function: nobody would say when a slice ends.");
    state_ = detail::make_counted<CooperatorState>(clock, Duration::zero(), std::move(end_of_slice));
}

Cooperator::~Cooperator() {
    state_->stop();
}

CooperativeTask Cooperator::add(StepFunction step) {
    return CooperativeTask(state_->add(std::move(step)));
}

Deferred<> Cooperator::iterate(StepFunction step) {
    CooperativeTask task = add(std::move(step));
    CooperativeState& state = task.state();
    if (state.ended()) return state.when_done();
    auto pair = make_deferred([owner = std::move(task)] { owner.state().abandon(); });
    state.add_waiter(std::move(pair.promise));
    return std::move(pair.deferred);
}

Deferred<> Cooperator::yield() {
    return iterate([] { return succeed(TaskStep::done); });
}

void Cooperator::stop() {
    state_->stop();
}

void Cooperator::start() {
    state_->start();
}

bool Cooperator::running() const noexcept {
    return state_->running();
}

}  // namespace plait

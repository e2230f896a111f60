// What Cooperator and CooperativeTask are made of.
// A task is owned by its CooperativeTask and by the frames that are inside it; the Cooperator only lists it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "plait/deferred/cooperator.hpp"
#include "plait/deferred/detail/ring.hpp"
#include "plait/deferred/detail/waiters.hpp"

namespace plait::detail {

enum class TaskEnd : std::uint8_t { none, done, failed, stopped, scheduler_stopped };

/// Also held by a coroutine it has started, which may use its captures.
class StepHolder final : public Counted {
public:
    explicit StepHolder(UniqueFunction<Deferred<TaskStep>()> function) : step(std::move(function)) {}
    UniqueFunction<Deferred<TaskStep>()> step;

private:
    ~StepHolder() override = default;
};

class CooperativeState final : public Counted, public RingLink {
public:
    CooperativeState(CooperatorState& scheduler, UniqueFunction<Deferred<TaskStep>()> step);

    void pause();
    void resume();
    void stop();
    Deferred<> when_done();
    void add_waiter(Promise<> waiter) { waiters_.add(std::move(waiter)); }
    /// Ends it and tells nobody.
    void abandon() noexcept;

    void run_step();
    void end(TaskEnd how, const Failure* failure = nullptr) noexcept;
    std::uint64_t generation() const noexcept { return generation_; }
    bool ended() const noexcept { return end_ != TaskEnd::none; }
    bool can_go_on() const noexcept { return !ended() && pauses_ == 0 && !waiting_; }

private:
    ~CooperativeState() override;
    void require_unfinished() const;
    void took_step(const Result<TaskStep>& result);
    void waited(const Result<TaskStep>& result);

    CooperatorState& scheduler_;  // there for as long as the task has not ended
    const std::uint64_t generation_;
    Ref<StepHolder> step_;
    Deferred<> wait_;
    Waiters waiters_;
    std::optional<Failure> failure_;
    std::uint32_t pauses_ = 0;
    TaskEnd end_ = TaskEnd::none;
    bool waiting_ = false;
    bool told_ = false;
};

class CooperatorState final : public Counted {
public:
    /// Without a function the time limit holds.
    CooperatorState(Clock& clock, Duration slice, UniqueFunction<bool(std::size_t)> end_of_slice)
        : clock_(clock), slice_(slice), end_of_slice_(std::move(end_of_slice)) {}

    Ref<CooperativeState> add(UniqueFunction<Deferred<TaskStep>()> step);
    /// Lists the task where it belongs now.
    void place(CooperativeState& task);
    void remove(CooperativeState& task) noexcept;
    void start();
    void stop() noexcept;
    bool running() const noexcept { return running_; }
    /// Tasks of an earlier one end: stop() is about to come to them.
    std::uint64_t generation() const noexcept { return generation_; }

private:
    ~CooperatorState() override = default;
    void schedule() noexcept;
    void tick();
    bool slice_ends(TimePoint begun, std::size_t steps) noexcept;

    Clock& clock_;
    const Duration slice_;
    UniqueFunction<bool(std::size_t)> end_of_slice_;
    Ring<CooperativeState> ready_;
    Ring<CooperativeState> resting_;   // paused or waiting
    Ring<CooperativeState> stopping_;  // stop() has yet to come to these
    Deferred<> next_slice_;
    std::uint64_t generation_ = 0;
    bool running_ = true;
    bool in_slice_ = false;
};

}  // namespace plait::detail

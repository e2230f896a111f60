// What goes on in a retry(): attempts and delays in turn. The part that knows the type is only the two ends.
// Held by the canceller of retry()'s Deferred, by each stack frame that is inside, and by an attempt under way.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "plait/deferred/backoff.hpp"
#include "plait/deferred/clock.hpp"
#include "plait/deferred/detail/counted.hpp"
#include "plait/deferred/detail/keep.hpp"
#include "plait/deferred/detail/work.hpp"

namespace plait {
struct RetryPolicy;
}

namespace plait::detail {

class RetryState : public Counted {
protected:
    RetryState(Clock& clock, const RetryPolicy& policy);
    ~RetryState() override;

    void begin();
    void attempt_failed(const Failure& failure);
    /// Gives the attempt, to be destroyed by the caller, inside its own callback.
    [[nodiscard]] Deferred<> attempt_ended() noexcept {
        in_attempt_ = false;
        return std::move(attempt_);
    }
    void stop_deadline() noexcept { deadline_.cancel(); }
    /// The part of the canceller that needs no type. True: an answer will come later.
    template <typename T>
    bool cancelled(const Promise<T>& asked) {
        if (!asked.wanted()) {
            drop();
            return false;
        }
        cancelled_ = true;
        cancel_attempt();
        if (in_attempt_ && !asked.wanted()) drop();
        return in_attempt_ && !dropped_;
    }
    void drop() noexcept;

    virtual void attempt() = 0;
    virtual void fail(const Failure& failure) = 0;

    Deferred<> attempt_;           // once it is known to be pending
    bool cancel_attempt_ = false;  // asked for before the function had returned
    bool dropped_ = false;

private:
    void next_attempt();
    void cancel_attempt();
    void deadline_passed();
    void wait(const Failure& failure);
    void give_up(const Failure& failure);
    Failure timed_out() const;

    Clock& clock_;
    const std::unique_ptr<const RetryPolicy> policy_;
    Backoff backoff_;
    TimePoint end_;
    DelayedCall deadline_;
    Deferred<> wait_;
    std::optional<Failure> before_;
    std::uint32_t attempts_ = 0;
    bool in_attempt_ = false;
    bool cancelled_ = false;
    bool past_deadline_ = false;
};

template <typename T>
class RetryOf final : public RetryState {
public:
    static Deferred<T> start(Clock& clock, const RetryPolicy& policy, UniqueFunction<Deferred<T>()> function) {
        const auto state = Ref<RetryOf>::adopt(new RetryOf(clock, policy, std::move(function)));
        auto pair = make_deferred<T>(Canceller{state});
        state->promise_ = std::move(pair.promise);
        state->begin();
        return std::move(pair.deferred);
    }

private:
    RetryOf(Clock& clock, const RetryPolicy& policy, UniqueFunction<Deferred<T>()> function)
        : RetryState(clock, policy), function_(std::move(function)) {}
    ~RetryOf() override = default;

    struct Canceller {
        Ref<RetryOf> state;
        void operator()(const Promise<T>& asked) const {
            const Ref<RetryOf> keep = state;
            if (keep->cancelled(asked)) answer_later(keep->promise_, Canceller{keep});
        }
    };

    /// Not a callback with a Result, which would not be called for a value that cannot be moved there.
    struct Ended {
        RetryOf* state;
        void run(Slot<T>& in, Slot<Unit>& out) {
            out.set_value();
            state->ended(in);
        }
    };

    void attempt() override {
        Deferred<T> started = function_();
        if (cancel_attempt_ && !dropped_) started.cancel();
        if (dropped_) return;
        if (started.ready()) {
            Slot<T> outcome;
            Access::move_into(started, outcome);
            return ended(outcome);
        }
        keep_with(started, Kept<Ref<RetryOf>>::make(this));
        attempt_ = Access::append<Unit>(started, Ended{this}, SourceLocation::current());
    }

    void ended(Slot<T>& outcome) {
        const Ref<RetryOf> keep(this);
        if (outcome.is_failure()) return attempt_failed(outcome.failure());
        const Deferred<> over = attempt_ended();
        stop_deadline();
        Access::fire_with(std::move(promise_), outcome);
    }

    void fail(const Failure& failure) override {
        Promise<T> told = std::move(promise_);
        told.errback(failure);
    }

    UniqueFunction<Deferred<T>()> function_;
    Promise<T> promise_;
};

}  // namespace plait::detail

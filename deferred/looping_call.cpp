#include "plait/deferred/looping_call.hpp"

#include <string>

#include "plait/deferred/detail/keep.hpp"
#include "plait/deferred/errors.hpp"

namespace plait {

namespace detail {

// Held by the LoopingCall, by each stack frame that is inside it, and by the coroutine of a call under way: whose
// captures are those of `beat_`.
class LoopingState final : public Counted {
public:
    LoopingState(Clock& clock, UniqueFunction<Deferred<>(std::uint64_t)> beat)
        : clock_(clock), beat_(std::move(beat)) {}

    Deferred<> start(Duration interval, bool now);
    void stop();
    void reset();
    void set_interval(Duration interval);
    void destroy() noexcept;
    bool running() const noexcept { return running_; }

private:
    ~LoopingState() override = default;

    void require_running(const char* wish) const;
    void schedule();
    void call();
    void call_ended(const Result<>& result);
    void end(const Failure* failure);
    void cancelled(const Promise<>& asked);
    void drop_call() noexcept;

    /// Whole intervals from the start to `time`.
    std::uint64_t beats_until(TimePoint time) const noexcept {
        return static_cast<std::uint64_t>((time - start_) / interval_);
    }
    std::uint64_t beats_since_last(TimePoint now) const noexcept {
        return interval_ == Duration::zero() ? 0 : beats_until(now) - beats_until(last_);
    }

    Clock& clock_;
    UniqueFunction<Deferred<>(std::uint64_t)> beat_;
    Duration interval_{};
    TimePoint start_;
    TimePoint last_;          // of the last call, or the start
    std::uint64_t owed_ = 0;  // beats to be counted that are not between last_ and now
    Promise<> promise_;
    Deferred<> wait_;
    Deferred<> call_;  // once it is known to be pending
    bool running_ = false;
    bool calling_ = false;
    bool cancel_call_ = false;  // asked for before beat_ had returned
    bool drop_call_ = false;
};

Deferred<> LoopingState::start(Duration interval, bool now) {
    if (running_) throw InvalidState("This LoopingCall was started and is running: stop() it first.");
    if (calling_)
        throw InvalidState(
            "The last call of this LoopingCall has not ended: wait for the Deferred of start() before you start it "
            "again.");
    set_interval(interval);
    const Ref<LoopingState> keep(this);
    auto pair = make_deferred([this](const Promise<>& asked) { cancelled(asked); });
    promise_ = std::move(pair.promise);
    running_ = true;
    start_ = last_ = clock_.now();
    owed_ = now ? 1 : 0;
    if (now) {
        call();
    } else {
        schedule();
    }
    return std::move(pair.deferred);
}

void LoopingState::require_running(const char* wish) const {
    if (!running_) throw InvalidState(std::string("A LoopingCall that is not running cannot be ") + wish + ".");
}

void LoopingState::stop() {
    require_running("stopped");
    running_ = false;
    if (!calling_) end(nullptr);
}

void LoopingState::reset() {
    require_running("reset");
    const TimePoint now = clock_.now();
    owed_ += beats_since_last(now);
    start_ = last_ = now;
    if (!calling_) schedule();
}

void LoopingState::set_interval(Duration interval) {
    if (interval < Duration::zero())
        throw UsageError("A LoopingCall was given a negative interval: time does not go back.");
    interval_ = interval;
    if (running_ && !calling_) schedule();
}

void LoopingState::schedule() {
    const Duration delay = interval_ == Duration::zero() ? interval_ : interval_ - (clock_.now() - start_) % interval_;
    wait_ =
        clock_.sleep(delay).add_callbacks([this] { call(); }, [this](const Failure& clock_gone) { end(&clock_gone); });
}

void LoopingState::call() {
    const Ref<LoopingState> keep(this);
    const Deferred<> waited = std::move(wait_);
    const TimePoint now = clock_.now();
    const std::uint64_t count = interval_ == Duration::zero() ? 1 : owed_ + beats_since_last(now);
    if (count == 0) return schedule();
    last_ = now;
    owed_ = 0;
    calling_ = true;
    cancel_call_ = drop_call_ = false;
    Deferred<> started = beat_(count);
    if (cancel_call_ && !drop_call_) started.cancel();
    if (drop_call_) {
        calling_ = false;
        return;
    }
    keep_with(started, Kept<Ref<LoopingState>>::make(this));
    if (started.ready()) return call_ended(started.take());
    call_ = std::move(started).add_both([this](const Result<>& result) { call_ended(result); });
}

void LoopingState::call_ended(const Result<>& result) {
    const Ref<LoopingState> keep(this);
    const Deferred<> ended = std::move(call_);
    calling_ = false;
    if (!result.has_value()) return end(&result.failure());
    if (running_) return schedule();
    end(nullptr);
}

void LoopingState::end(const Failure* failure) {
    const Ref<LoopingState> keep(this);
    running_ = false;
    const Deferred<> waited = std::move(wait_);
    Promise<> told = std::move(promise_);
    if (failure != nullptr) {
        told.errback(*failure);
    } else {
        told.callback();
    }
}

// The canceller of start()'s Deferred. Where nothing is under way it gives no answer, so that says Cancelled.
void LoopingState::cancelled(const Promise<>& asked) {
    const Ref<LoopingState> keep(this);
    running_ = false;
    wait_ = Deferred<>();
    if (!calling_) return;
    if (!asked.wanted()) return drop_call();
    cancel_call_ = true;
    if (call_.valid()) call_.cancel();
    if (!calling_) return;
    if (asked.wanted()) {
        answer_later(promise_, [this](const Promise<>& again) { cancelled(again); });
    } else if (!promise_.wanted()) {  // dropped by the answer, not started anew by it
        drop_call();
    }
}

void LoopingState::drop_call() noexcept {
    drop_call_ = true;
    if (!call_.valid()) return;
    calling_ = false;
    call_ = Deferred<>();
}

void LoopingState::destroy() noexcept {
    const Ref<LoopingState> keep(this);
    running_ = false;
    wait_ = Deferred<>();
    drop_call();
    const Failure gone = make_failure(Cancelled());
    if (promise_.wanted()) end(&gone);
}

}  // namespace detail

using detail::LoopingState;

LoopingCall::LoopingCall(Clock& clock, Beat beat)
    : state_(detail::make_counted<LoopingState>(clock, std::move(beat))) {}

LoopingCall::LoopingCall(LoopingCall&& other) noexcept = default;

LoopingCall& LoopingCall::operator=(LoopingCall&& other) noexcept {
    if (this == &other) return *this;
    if (const auto old = std::exchange(state_, std::move(other.state_))) old->destroy();
    return *this;
}

LoopingCall::~LoopingCall() {
    if (state_) state_->destroy();
}

LoopingState& LoopingCall::state() const {
    if (!state_) throw InvalidState("A LoopingCall was used that had been moved from.");
    return *state_;
}

Deferred<> LoopingCall::start(Duration interval, bool now) {
    return state().start(interval, now);
}

void LoopingCall::stop() {
    state().stop();
}

void LoopingCall::reset() {
    state().reset();
}

void LoopingCall::set_interval(Duration interval) {
    state().set_interval(interval);
}

bool LoopingCall::running() const noexcept {
    return state_ && state_->running();
}

}  // namespace plait

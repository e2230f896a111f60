#include "plait/deferred/retry.hpp"

#include <cstdio>

#include "plait/deferred/contain.hpp"

namespace plait {

bool is_worth_another_try(const Failure& failure) {
    return failure.check<Error>() != nullptr;
}

namespace detail {

RetryState::RetryState(Clock& clock, const RetryPolicy& policy)
    : clock_(clock), policy_(std::make_unique<RetryPolicy>(policy)), backoff_(policy.backoff), end_(TimePoint::max()) {
    if (policy.max_attempts == 0) throw UsageError("RetryPolicy::max_attempts is 0: there would be no attempt at all.");
    if (policy.deadline <= Duration::zero())
        throw UsageError("RetryPolicy::deadline is not after now: there would be no time for an attempt.");
    if (!policy.worth_another) throw UsageError("RetryPolicy::worth_another is empty: nobody decides on a failure.");
}

RetryState::~RetryState() = default;

void RetryState::begin() {
    const TimePoint now = clock_.now();
    if (policy_->deadline < TimePoint::max() - now) {
        end_ = now + policy_->deadline;
        if (policy_->cut_attempt) deadline_ = clock_.call_later(policy_->deadline, [this] { deadline_passed(); });
    }
    next_attempt();
}

void RetryState::next_attempt() {
    const Ref<RetryState> keep(this);
    const Deferred<> waited = std::move(wait_);
    ++attempts_;
    in_attempt_ = true;
    attempt();
}

void RetryState::attempt_failed(const Failure& failure) {
    const Deferred<> ended = attempt_ended();
    if (past_deadline_ && !cancelled_ && failure.check<Cancelled>() != nullptr) return give_up(timed_out());
    if (cancelled_ || attempts_ >= policy_->max_attempts) return give_up(failure);
    try {
        if (!policy_->worth_another(failure)) return give_up(failure);
    } catch (...) {
        return give_up(Failure::current());
    }
    if (!cancelled_ && !dropped_) wait(failure);
}

// Sets the timer first: the observer may cancel or drop it all.
void RetryState::wait(const Failure& failure) {
    const Duration delay = backoff_.next();
    if (end_ != TimePoint::max() && delay >= end_ - clock_.now()) return give_up(failure);
    before_ = failure;
    wait_ = clock_.sleep(delay).add_callbacks([this] { next_attempt(); },
                                              [this](const Failure& clock_gone) { give_up(clock_gone); });
    if (policy_->on_retry) contain([&] { policy_->on_retry(RetryNote{attempts_, delay, failure}); });
}

// Where it was cancelled or dropped meanwhile, nobody hears.
void RetryState::give_up(const Failure& failure) {
    const Ref<RetryState> keep(this);
    deadline_.cancel();
    fail(failure);
}

void RetryState::deadline_passed() {
    const Ref<RetryState> keep(this);
    past_deadline_ = true;
    if (in_attempt_) cancel_attempt();
}

void RetryState::cancel_attempt() {
    deadline_.cancel();
    wait_ = Deferred<>();
    cancel_attempt_ = true;
    if (attempt_.valid()) attempt_.cancel();
}

void RetryState::drop() noexcept {
    dropped_ = true;
    deadline_.cancel();
    wait_ = Deferred<>();
    attempt_ = Deferred<>();
}

Failure RetryState::timed_out() const {
    char limit[64];
    std::snprintf(limit, sizeof limit, " took longer than %g s, in attempt %u",
                  std::chrono::duration<double>(policy_->deadline).count(), static_cast<unsigned>(attempts_));
    std::string sentence = policy_->what + limit;
    if (before_) sentence += "; the one before had failed with " + before_->message();
    return make_failure(TimeoutError(sentence));
}

}  // namespace detail
}  // namespace plait

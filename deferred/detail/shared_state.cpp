#include "plait/deferred/detail/shared_state.hpp"

namespace plait::detail {

SharedState::~SharedState() {
    if (failure_ && !told_) report_unhandled_failure(*failure_, made_);
}

// Those made while others are being told wait for their turn, so that branches fire in the order they were made.
Deferred<> SharedState::wait(SourceLocation made) {
    if (ready() && !telling_) {
        if (!failure_) return plait::succeed();
        told_ = true;
        return plait::fail(*failure_);
    }
    auto [branch, promise] = make_deferred<>(made);
    waiting_.push_back(std::move(promise));
    const auto place = std::prev(waiting_.end());
    place->on_cancel([self = Ref<SharedState>(this), place] { self->waiting_.erase(place); });
    return std::move(branch);
}

void SharedState::cancel() {
    const Ref<SharedState> keep(this);
    if (!ready()) source_.cancel();
}

void SharedState::succeed(std::shared_ptr<const void> value) noexcept {
    value_ = std::move(value);
    tell();
}

void SharedState::fail(Failure failure) noexcept {
    failure_ = std::move(failure);
    tell();
}

// One by one, for a callback may add to them, drop some, or drop all that share this.
void SharedState::tell() noexcept {
    const Ref<SharedState> keep(this);
    telling_ = true;
    while (!waiting_.empty()) {
        Promise<> next = std::move(waiting_.front());
        waiting_.pop_front();
        if (failure_) {
            told_ = true;
            next.errback(*failure_);
        } else {
            next.callback();
        }
    }
    telling_ = false;
}

}  // namespace plait::detail

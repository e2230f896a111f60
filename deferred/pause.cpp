#include "plait/deferred/pause.hpp"

#include "plait/deferred/detail/core.hpp"

namespace plait {

Pause::Pause(detail::Core& core) noexcept : core_(&core), next_(core.pauses_) {
    if (next_ != nullptr) next_->previous_ = this;
    core.pauses_ = this;
    core.paused_ = true;
}

void Pause::take(Pause& other) noexcept {
    core_ = std::exchange(other.core_, nullptr);
    if (core_ == nullptr) return;
    next_ = other.next_;
    previous_ = other.previous_;
    if (next_ != nullptr) next_->previous_ = this;
    (previous_ != nullptr ? previous_->next_ : core_->pauses_) = this;
}

void Pause::unlink() noexcept {
    if (next_ != nullptr) next_->previous_ = previous_;
    (previous_ != nullptr ? previous_->next_ : core_->pauses_) = next_;
    core_ = nullptr;
}

void Pause::unpause() noexcept {
    if (core_ == nullptr) return;
    detail::Core& core = *core_;
    unlink();
    if (core.pauses_ == nullptr) core.go_on();
}

void detail::Core::go_on() noexcept {
    paused_ = false;
    // While it runs, the loop that runs it goes on.
    if (fired_ && !running_) advance(this);
}

void detail::Core::let_go_of_pauses() noexcept {
    for (Pause* pause = std::exchange(pauses_, nullptr); pause != nullptr; pause = pause->next_)
        pause->core_ = nullptr;
    paused_ = false;
}

}  // namespace plait

#include "plait/reactor/detail/blocking_call.hpp"

#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::detail {

BlockingCall::~BlockingCall() = default;

void BlockingCall::run(Reactor& reactor) {
    core_ = &reactor.core();
    core_->mailbox()->post_blocking(shared_from_this());
    std::unique_lock lock(mutex_);
    over_.wait(lock, [this] { return state_ != State::waiting; });
    if (state_ == State::abandoned)
        throw ReactorStopped("the reactor was stopped before the call from a thread had ended");
}

void BlockingCall::begin() {
    if (!left_ && start()) finish();
}

void BlockingCall::ended() {
    // Not from inside the callback: what was called is still on the stack, and has to be gone before the thread goes
    // on.
    core_->call_soon([self = shared_from_this()] { self->finish(); });
}

void BlockingCall::finish() noexcept {
    if (left_) return;
    drop();
    core_->mailbox()->blocking_call_ended(*this);
    leave(State::ended);
}

void BlockingCall::abandon() noexcept {
    drop();
    leave(State::abandoned);
}

void BlockingCall::leave(State as) noexcept {
    left_ = true;
    const std::lock_guard lock(mutex_);
    state_ = as;
    over_.notify_all();
}

}  // namespace plait::detail

#include "plait/reactor/detail/thread_calls.hpp"

#include <algorithm>

#include "plait/deferred/context.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/reactor/detail/blocking_call.hpp"
#include "plait/reactor/errors.hpp"

namespace plait::detail {

void ThreadMailbox::post(UniqueFunction<void()> function) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    calls_.push_back(std::move(function));
    wake();
}

void ThreadMailbox::post_blocking(std::shared_ptr<BlockingCall> call) {
    UniqueFunction<void()> function = carry_context([call] { call->begin(); });
    const std::lock_guard lock(mutex_);
    if (running_in_ == std::thread::id())
        throw ReactorNotRunning("a thread asked for a call in a reactor that does not run, and would wait for ever");
    if (running_in_ == std::this_thread::get_id())
        throw InvalidState("a reactor's own thread asked to wait for a call in it: make the call itself");
    waiting_.push_back(std::move(call));
    calls_.push_back(std::move(function));
    wake();
}

void ThreadMailbox::wake() noexcept {
    // Inside the lock: the reactor cannot take this call, and be destroyed by it, before the descriptor is done with.
    if (!awake_) wakeup_.set();
    awake_ = true;
}

void ThreadMailbox::take(std::vector<UniqueFunction<void()>>& calls) {
    // Cleared before the queue is taken: a post in between is taken as well, and one after it wakes the loop anew.
    wakeup_.clear();
    const std::lock_guard lock(mutex_);
    awake_ = false;
    calls_.swap(calls);
}

std::size_t ThreadMailbox::size() {
    const std::lock_guard lock(mutex_);
    return calls_.size();
}

void ThreadMailbox::begin_running() {
    const std::lock_guard lock(mutex_);
    running_in_ = std::this_thread::get_id();
}

void ThreadMailbox::end_running() noexcept {
    std::list<std::shared_ptr<BlockingCall>> left;
    {
        const std::lock_guard lock(mutex_);
        running_in_ = std::thread::id();
        left.swap(waiting_);
    }
    for (const auto& call : left)
        call->abandon();
}

void ThreadMailbox::blocking_call_ended(BlockingCall& call) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& each) { return each.get() == &call; });
    if (found != waiting_.end()) waiting_.erase(found);
}

void ThreadMailbox::close() noexcept {
    std::vector<UniqueFunction<void()>> dropped;  // destroyed outside the lock: their captures may post
    const std::lock_guard lock(mutex_);
    closed_ = true;
    calls_.swap(dropped);
}

ThreadCalls::ThreadCalls(IOPS& loop, UniqueFunction<void()> taken)
    : taken_(std::move(taken)), mailbox_(std::make_shared<ThreadMailbox>()), watch_(loop, mailbox_->fd(), *this) {
    watch_.watch(IOFlags::read);
}

ThreadCalls::~ThreadCalls() {
    close();
}

void ThreadCalls::event_ready(IOFlags) noexcept {
    taken_();
}

}  // namespace plait::detail

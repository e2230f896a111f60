#include "plait/reactor/detail/thread_calls.hpp"

#include "plait/deferred/contain.hpp"

namespace plait::detail {

ThreadCalls::ThreadCalls(IOPS& loop, UniqueFunction<void()> taken)
    : taken_(std::move(taken)), watch_(loop, wakeup_.fd(), *this) {
    watch_.watch(IOFlags::read);
}

ThreadCalls::~ThreadCalls() {
    close();
}

void ThreadCalls::post(UniqueFunction<void()> function) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    calls_.push_back(std::move(function));
    // Inside the lock: the reactor cannot take this call, and be destroyed by it, before the descriptor is done with.
    if (!awake_) wakeup_.set();
    awake_ = true;
}

void ThreadCalls::take(std::vector<UniqueFunction<void()>>& calls) {
    // Cleared before the queue is taken: a post in between is taken as well, and one after it wakes the loop anew.
    wakeup_.clear();
    const std::lock_guard lock(mutex_);
    awake_ = false;
    calls_.swap(calls);
}

std::size_t ThreadCalls::size() {
    const std::lock_guard lock(mutex_);
    return calls_.size();
}

void ThreadCalls::close() noexcept {
    std::vector<UniqueFunction<void()>> dropped;  // destroyed outside the lock: their captures may post
    const std::lock_guard lock(mutex_);
    closed_ = true;
    calls_.swap(dropped);
}

void ThreadCalls::event_ready(IOFlags) noexcept {
    taken_();
}

}  // namespace plait::detail

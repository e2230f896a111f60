#include "plait/deferred/scope.hpp"

#include "plait/deferred/contain.hpp"

namespace plait {

ScopeClosed::ScopeClosed()
    : InvalidState("This Scope is closing and takes no more tasks. Spawn before close(), or ask closing() first.") {}
ScopeClosed::~ScopeClosed() = default;

Scope::Scope(UniqueFunction<void(const Failure&)> on_failure)
    : state_(detail::make_counted<detail::ScopeState>(std::move(on_failure))) {}

Scope::~Scope() {
    state_->destroy();
}

void Scope::cancel() {
    state_->cancel_all();
}

Deferred<> Scope::close() {
    return state_->close();
}

Deferred<> Scope::when_empty() {
    return state_->when_empty();
}

namespace detail {

ScopeState::ScopeState(Sink sink) : sink_(std::move(sink)) {
    if (!sink_) throw InvalidState("A Scope was made without a sink: give it a function for its tasks' failures.");
}

ScopeState::~ScopeState() = default;

void ScopeState::require_open() const {
    if (closing_) throw ScopeClosed();
}

void ScopeState::require_task(bool valid) {
    if (!valid) throw InvalidState("An empty Deferred was spawned: it was default-made, moved from, or taken.");
}

void ScopeState::end(ScopeTask& task, const Failure* failure) noexcept {
    const Ref<ScopeState> keep(this);
    const bool told = failure != nullptr && !(task.cancelled && is_cancelled(*failure));
    task.unlink();
    delete &task;  // with the Deferred whose callback this is; `failure` stays until it has returned
    leave(told ? failure : nullptr);
}

void ScopeState::leave(const Failure* told) noexcept {
    --size_;
    if (destroyed_) return;
    if (told != nullptr) contain([&] { sink_(*told); });
    if (size_ == 0 && !destroyed_) waiters_.callback();
}

// Those to be cancelled are set apart, since each answer may spawn tasks, end tasks, or destroy the Scope.
void ScopeState::cancel_all() noexcept {
    const Ref<ScopeState> keep(this);
    ++cancels_;
    cancelling_.take_all(tasks_);
    while (!cancelling_.empty()) {
        ScopeTask& next = cancelling_.front();
        next.unlink();
        tasks_.push_back(next);
        next.cancelled = true;
        next.task.cancel();
    }
}

Deferred<> ScopeState::close() {
    closing_ = true;
    return when_empty();
}

Deferred<> ScopeState::when_empty() {
    return size_ == 0 ? succeed() : waiters_.add();
}

void ScopeState::destroy() noexcept {
    const Ref<ScopeState> keep(this);
    closing_ = destroyed_ = true;
    tasks_.take_all(cancelling_);
    while (!tasks_.empty()) {
        ScopeTask& last = tasks_.back();
        last.unlink();
        --size_;
        delete &last;
    }
    if (!waiters_.empty()) waiters_.errback(make_failure(Cancelled()));
}

}  // namespace detail
}  // namespace plait

#include "plait/deferred/clock.hpp"

#include "plait/deferred/context.hpp"
#include "plait/deferred/detail/timer_queue.hpp"
#include "plait/deferred/errors.hpp"

namespace plait {

namespace {
detail::TimerNode& active_node(detail::TimerNode* node, const char* wish) {
    if (node == nullptr || node->queue == nullptr)
        throw InvalidState(std::string("cannot ") + wish + " a delayed call that was made or cancelled before");
    return *node;
}
}  // namespace

DelayedCall::DelayedCall(DelayedCall&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}

DelayedCall& DelayedCall::operator=(DelayedCall&& other) noexcept {
    const DelayedCall old(std::exchange(node_, std::exchange(other.node_, nullptr)));
    return *this;
}

DelayedCall::~DelayedCall() {
    if (detail::TimerNode* node = std::exchange(node_, nullptr)) {
        if (node->queue != nullptr) node->queue->cancel(*node);
        node->let_go();
    }
}

bool DelayedCall::active() const noexcept {
    return node_ != nullptr && node_->queue != nullptr;
}

void DelayedCall::cancel() noexcept {
    if (active()) node_->queue->cancel(*node_);
}

void DelayedCall::reset(Duration delay) {
    detail::TimerNode& node = active_node(node_, "reset");
    node.queue->reset(node, node.queue->after(delay));
}

void DelayedCall::delay(Duration by) {
    detail::TimerNode& node = active_node(node_, "delay");
    const TimePoint due = node.queue->deadline(node);
    const bool overflows = by > Duration::zero() && by > TimePoint::max() - due;
    node.queue->reset(node, overflows ? TimePoint::max() : due + by);
}

TimePoint DelayedCall::time() const {
    const detail::TimerNode& node = active_node(node_, "tell the time of");
    return node.queue->deadline(node);
}

void DelayedCall::detach() && noexcept {
    if (detail::TimerNode* node = std::exchange(node_, nullptr)) node->let_go();
}

Clock::Clock() : timers_(std::make_unique<detail::TimerQueue>(*this, [](Clock& clock) { clock.deadline_changed(); })) {}

Clock::~Clock() = default;

DelayedCall Clock::call_later(Duration delay, UniqueFunction<void()> function) {
    function = carry_context(std::move(function));  // may throw; what follows leaves no call without a function
    detail::TimerNode& node = timers_->add(delay);
    node.function = std::move(function);
    return detail::TimerQueue::hold(node);
}

Deferred<> Clock::sleep(Duration delay) {
    auto pair = make_deferred<>();
    detail::TimerNode& node = timers_->add(delay);
    pair.promise.on_cancel([call = detail::TimerQueue::hold(node)]() mutable { call.cancel(); });
    node.function = [awake = std::move(pair.promise)]() mutable { awake.callback(); };
    return std::move(pair.deferred);
}

std::size_t Clock::pending_calls() const noexcept {
    return timers_->size();
}

TimePoint Clock::next_deadline() const noexcept {
    return timers_->next_deadline();
}

std::size_t Clock::run_due_calls(TimePoint until) {
    return timers_->run_due(until);
}

void Clock::drop_calls() noexcept {
    timers_->close();
}

}  // namespace plait

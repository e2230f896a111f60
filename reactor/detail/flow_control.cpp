#include "plait/reactor/detail/flow_control.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/errors.hpp"

namespace plait::detail {

void FlowControl::set_watermarks(std::size_t low, std::size_t high) {
    if (low >= high)
        throw std::invalid_argument("set_write_watermarks: the low mark (" + std::to_string(low) +
                                    ") has to be below the high one (" + std::to_string(high) + ")");
    low_ = low;
    high_ = high;
}

void FlowControl::register_producer(Producer& producer, std::size_t level) {
    if (producer_ != nullptr)
        throw InvalidState("register_producer: this transport has a producer already; unregister that one first");
    producer_ = &producer;
    paused_ = false;
    try {
        queued(level);
    } catch (...) {
        if (producer_ == &producer) unregister_producer();  // who fails to register it may destroy it
        throw;
    }
}

void FlowControl::unregister_producer() noexcept {
    producer_ = nullptr;
    paused_ = false;
}

Deferred<> FlowControl::drained(std::size_t level) {
    if (level <= low_) return Deferred<>::succeed();
    waiting_.remove_if([](const Promise<>& promise) { return !promise.wanted(); });
    auto [deferred, promise] = make_deferred<>();
    waiting_.push_back(std::move(promise));
    return std::move(deferred);
}

void FlowControl::pause() {
    paused_ = true;
    producer_->pause_producing();
}

bool FlowControl::wake_one() {
    if (std::exchange(paused_, false)) {
        producer_->resume_producing();
        return true;
    }
    std::list<Promise<>> one;
    one.splice(one.begin(), waiting_, waiting_.begin());
    one.front().callback();
    return true;
}

void FlowControl::end(const Failure& reason) noexcept {
    paused_ = false;
    if (Producer* producer = std::exchange(producer_, nullptr)) contain([&] { producer->stop_producing(); });
    std::list<Promise<>> waiting = std::exchange(waiting_, {});
    for (Promise<>& promise : waiting)
        promise.errback(reason);
}

}  // namespace plait::detail

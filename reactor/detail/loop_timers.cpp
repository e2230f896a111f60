#include "plait/reactor/detail/loop_timers.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace plait::detail {

namespace {

constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

// Far enough, and the sum with the present never overflows.
constexpr std::chrono::microseconds longest = std::chrono::hours(24 * 365);

}  // namespace

struct LoopTimer final : TimerEvent {
    using TimerEvent::TimerEvent;

    bool before(const LoopTimer& other) const noexcept {
        return due != other.due ? due < other.due : order < other.order;
    }

    LoopTimers::Time due;
    std::uint64_t order = 0;
    std::size_t place = nowhere;
};

std::unique_ptr<TimerEvent> LoopTimers::make(EventHandler& handler) {
    return std::make_unique<LoopTimer>(handler);
}

void LoopTimers::update(TimerEvent& event, EventAction action, std::chrono::microseconds delay) {
    auto& timer = static_cast<LoopTimer&>(event);
    if (timer.place != nowhere) remove(timer);
    if (action != EventAction::watch) return;
    heap_.push_back(&timer);  // first, since it alone may throw
    timer.due = std::chrono::steady_clock::now() + std::clamp(delay, std::chrono::microseconds::zero(), longest);
    timer.order = count_++;
    timer.place = heap_.size() - 1;
    rise(timer.place);
}

LoopTimers::Time LoopTimers::next() const noexcept {
    return heap_.empty() ? Time::max() : heap_.front()->due;
}

void LoopTimers::tell_due() noexcept {
    if (heap_.empty()) return;
    const Time now = std::chrono::steady_clock::now();
    const std::uint64_t set_before = count_;
    while (!heap_.empty()) {
        LoopTimer& first = *heap_.front();
        if (first.due > now || first.order >= set_before) return;
        remove(first);
        first.ready(IOFlags::none);
    }
}

void LoopTimers::remove(LoopTimer& timer) noexcept {
    const std::size_t place = std::exchange(timer.place, nowhere);
    LoopTimer* const last = heap_.back();
    heap_.pop_back();
    if (last == &timer) return;
    put(place, last);
    rise(place);
    sink(last->place);
}

void LoopTimers::put(std::size_t place, LoopTimer* timer) noexcept {
    heap_[place] = timer;
    timer->place = place;
}

void LoopTimers::rise(std::size_t place) noexcept {
    LoopTimer* const timer = heap_[place];
    while (place > 0 && timer->before(*heap_[(place - 1) / 2])) {
        put(place, heap_[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(place, timer);
}

void LoopTimers::sink(std::size_t place) noexcept {
    LoopTimer* const timer = heap_[place];
    for (std::size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
        if (child + 1 < heap_.size() && heap_[child + 1]->before(*heap_[child])) ++child;
        if (!heap_[child]->before(*timer)) break;
        put(place, heap_[child]);
        place = child;
    }
    put(place, timer);
}

}  // namespace plait::detail

#include "plait/deferred/detail/timer_queue.hpp"

#include <algorithm>
#include <memory>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/detail/context_switch.hpp"

namespace plait::detail {

namespace {
constexpr std::size_t children = 4;
constexpr std::size_t least_room = 1024;  // entries; less is not worth giving back
constexpr std::size_t shrink_below = 8;   // one in so many is used
// Captures that set further calls while they are destroyed are given up on (and leaked) after so many.
constexpr int close_rounds = 1000;
}  // namespace

TimerNode& TimerQueue::add(Duration delay) {
    auto node = std::make_unique<TimerNode>();
    node->queue = this;
    const TimePoint deadline = after(delay);
    heap_.emplace_back();
    sift_up(heap_.size() - 1, Entry{deadline, next_order_++, node.get()});
    tell_if_changed();
    return *node.release();
}

TimePoint TimerQueue::after(Duration delay) const noexcept {
    if (closed_) return TimePoint::max();
    const TimePoint now = clock_.now();
    if (delay <= Duration::zero()) return now;
    return delay > TimePoint::max() - now ? TimePoint::max() : now + delay;
}

std::size_t TimerQueue::run_due(TimePoint until) {
    // Calls set during this pass have a later order; as they cannot be due before what is due already, they come last.
    const std::uint64_t end = next_order_;
    std::size_t made = 0;
    ++passes_;
    for (; !heap_.empty() && heap_.front().deadline <= until && heap_.front().order < end; ++made)
        run_first();
    --passes_;
    tell_if_changed();
    return made;
}

void TimerQueue::run_first() noexcept {
    TimerNode* node = heap_.front().node;
    remove(0);
    node->queue = nullptr;
    UniqueFunction<void()> function = std::move(node->function);
    node->let_go();
    const ContextGuard context;
    leave_all_contexts();
    contain(function);
}

void TimerQueue::cancel(TimerNode& node) noexcept {
    // Destroyed last: the captures may own the handle, this queue's clock, anything.
    const UniqueFunction<void()> dropped = std::move(node.function);
    remove(node.position);
    node.queue = nullptr;
    node.let_go();
    tell_if_changed();
}

void TimerQueue::reset(TimerNode& node, TimePoint deadline) noexcept {
    settle(node.position, Entry{deadline, next_order_++, &node});
    tell_if_changed();
}

void TimerQueue::close() noexcept {
    closed_ = true;
    for (int round = 0; round < close_rounds && !heap_.empty(); ++round) {
        std::vector<Entry> entries;
        entries.swap(heap_);
        for (const Entry& entry : entries)
            entry.node->queue = nullptr;
        for (const Entry& entry : entries) {
            entry.node->function.reset();
            entry.node->let_go();
        }
    }
}

void TimerQueue::tell_if_changed() noexcept {
    if (closed_ || passes_ != 0 || next_deadline() == told_) return;
    told_ = next_deadline();
    contain([this] { changed_(clock_); });
}

void TimerQueue::remove(std::size_t position) noexcept {
    const Entry last = heap_.back();
    heap_.pop_back();
    if (position < heap_.size()) settle(position, last);
    if (heap_.capacity() > least_room && heap_.size() < heap_.capacity() / shrink_below) give_back();
}

/// After a crowd has gone, its room goes as well.
void TimerQueue::give_back() noexcept {
    contain([this] {
        std::vector<Entry> smaller;
        smaller.reserve(heap_.size() * 2);
        smaller.assign(heap_.begin(), heap_.end());
        heap_.swap(smaller);
    });
}

void TimerQueue::place(std::size_t position, const Entry& entry) noexcept {
    heap_[position] = entry;
    entry.node->position = position;
}

void TimerQueue::settle(std::size_t position, const Entry& entry) noexcept {
    if (position > 0 && entry.before(heap_[(position - 1) / children])) {
        sift_up(position, entry);
    } else {
        sift_down(position, entry);
    }
}

void TimerQueue::sift_up(std::size_t position, const Entry& entry) noexcept {
    while (position > 0) {
        const std::size_t parent = (position - 1) / children;
        if (!entry.before(heap_[parent])) break;
        place(position, heap_[parent]);
        position = parent;
    }
    place(position, entry);
}

void TimerQueue::sift_down(std::size_t position, const Entry& entry) noexcept {
    for (;;) {
        const std::size_t first = position * children + 1;
        if (first >= heap_.size()) break;
        const std::size_t end = std::min(first + children, heap_.size());
        std::size_t least = first;
        for (std::size_t child = first + 1; child < end; ++child)
            if (heap_[child].before(heap_[least])) least = child;
        if (!heap_[least].before(entry)) break;
        place(position, heap_[least]);
        position = least;
    }
    place(position, entry);
}

}  // namespace plait::detail

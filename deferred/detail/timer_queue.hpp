// TimerQueue: the calls a Clock has to make, in order. Not a clock: it is told what is due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "plait/deferred/clock.hpp"

namespace plait::detail {

/// One call. Shared by its queue, while it is pending, and its DelayedCall, while that lives; the last one frees it.
struct TimerNode {
    UniqueFunction<void()> function;
    TimerQueue* queue = nullptr;  // null once made, cancelled, or the clock is gone
    std::size_t position = 0;     // in the heap
    int holders = 2;

    void let_go() noexcept {
        if (--holders == 0) delete this;
    }
};

/// A four-ary heap by deadline and order of setting; each node knows its position, so that taking a call back is as
/// cheap as making it and nothing cancelled stays behind.
///
/// Destroying it destroys the functions unrun; handles become inactive.
class TimerQueue {
public:
    /// `changed` is called whenever the first deadline becomes another one.
    TimerQueue(Clock& clock, void (*changed)(Clock&)) noexcept : clock_(clock), changed_(changed) {}
    TimerQueue(const TimerQueue&) = delete;
    TimerQueue& operator=(const TimerQueue&) = delete;
    ~TimerQueue() { close(); }

    /// A call whose function is still to be set, and a handle to be made, before anything else happens.
    TimerNode& add(Duration delay);
    static DelayedCall hold(TimerNode& node) noexcept { return DelayedCall(&node); }

    /// Returns: how many calls were made.
    std::size_t run_due(TimePoint until);
    TimePoint next_deadline() const noexcept { return heap_.empty() ? TimePoint::max() : heap_.front().deadline; }
    std::size_t size() const noexcept { return heap_.size(); }

    /// Drops all calls. Those set afterwards are dropped as well, by the destructor: a clock on its way out may not be
    /// asked for the time.
    void close() noexcept;

    // For DelayedCall.
    void cancel(TimerNode& node) noexcept;
    void reset(TimerNode& node, TimePoint deadline) noexcept;
    TimePoint deadline(const TimerNode& node) const noexcept { return heap_[node.position].deadline; }
    TimePoint after(Duration delay) const noexcept;

private:
    struct Entry {
        TimePoint deadline;
        std::uint64_t order;
        TimerNode* node;

        bool before(const Entry& other) const noexcept {
            return deadline != other.deadline ? deadline < other.deadline : order < other.order;
        }
    };

    void remove(std::size_t position) noexcept;
    void give_back() noexcept;
    void place(std::size_t position, const Entry& entry) noexcept;
    void sift_up(std::size_t position, const Entry& entry) noexcept;
    void sift_down(std::size_t position, const Entry& entry) noexcept;
    void settle(std::size_t position, const Entry& entry) noexcept;
    void run_first() noexcept;
    void tell_if_changed() noexcept;

    Clock& clock_;
    void (*changed_)(Clock&);
    std::vector<Entry> heap_;
    std::uint64_t next_order_ = 0;
    TimePoint told_ = TimePoint::max();
    int passes_ = 0;
    bool closed_ = false;
};

}  // namespace plait::detail

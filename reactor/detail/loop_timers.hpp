// LoopTimers: the timers of a loop that has none of its own, or coarse ones: a heap by deadline. Not the reactor's own
// timers: all of those stand over one TimerEvent.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "plait/reactor/iops.hpp"

namespace plait::detail {

struct LoopTimer;

/// Equal deadlines are due in the order they were set. Destroying it forgets all timers and tells nobody.
class LoopTimers {
public:
    using Time = std::chrono::steady_clock::time_point;

    static std::unique_ptr<TimerEvent> make(EventHandler& handler);

    /// See IOPS::update_timer; for timers from `make` only. A negative delay is none, an endless one is years.
    void update(TimerEvent& timer, EventAction action, std::chrono::microseconds delay);

    /// When the first is due; Time::max() when there is none.
    Time next() const noexcept;

    /// Tells those that are due, but none that is set meanwhile.
    void tell_due() noexcept;

    std::size_t size() const noexcept { return heap_.size(); }

private:
    void remove(LoopTimer& timer) noexcept;
    void put(std::size_t place, LoopTimer* timer) noexcept;
    void rise(std::size_t place) noexcept;
    void sink(std::size_t place) noexcept;

    std::vector<LoopTimer*> heap_;
    std::uint64_t count_ = 0;
};

}  // namespace plait::detail

// SharedWatch: all events on one descriptor, for loops that watch each descriptor once only, as epoll does. What it
// takes to watch it is the loop's.
#pragma once

#include <cstdint>
#include <vector>

#include "plait/reactor/iops.hpp"

namespace plait::detail {

class SharedWatch;

/// What such a loop's factory makes.
struct SharedEvent final : IOEvent {
    using IOEvent::IOEvent;

    SharedWatch* watch = nullptr;  ///< Of its descriptor; null until first watched, and after cleanup.
    IOFlags wanted = IOFlags::none;
    std::uint64_t round = 0;
};

class SharedWatch {
public:
    SharedWatch() = default;
    SharedWatch(const SharedWatch&) = delete;
    SharedWatch& operator=(const SharedWatch&) = delete;

    /// `event` is on this descriptor, watched or not, until it leaves.
    void join(SharedEvent& event);
    void leave(SharedEvent& event) noexcept;
    bool empty() const noexcept { return events_.empty(); }

    /// What all of them together are watched for.
    IOFlags wanted() const noexcept;

    /// Tells each event what happened of what it is watched for; none that joins or is watched anew meanwhile. An error
    /// is told to all, with all that they are watched for, and ends the watching. Keep this object alive until it
    /// returns, whatever the events do.
    void tell(IOFlags happened) noexcept;

    /// An update of an event that has joined; `none` when it is not watched any more.
    void want(SharedEvent& event, IOFlags flags) noexcept;

private:
    SharedEvent* next_untold() noexcept;

    std::vector<SharedEvent*> events_;
    std::uint64_t round_ = 0;
};

}  // namespace plait::detail

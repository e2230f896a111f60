// IOWatch: one descriptor watched in the loop below, with the bookkeeping the seam asks for. Not the descriptor's
// owner.
#pragma once

#include <memory>

#include "plait/reactor/iops.hpp"

namespace plait::detail {

/// Destroying it ends the watching, also inside the event's own `ready()`; close the descriptor afterwards.
class IOWatch {
public:
    /// Watches nothing yet.
    IOWatch(IOPS& loop, int fd, EventHandler& handler) : loop_(loop), event_(loop.io_event_factory(fd, handler)) {}
    IOWatch(const IOWatch&) = delete;
    IOWatch& operator=(const IOWatch&) = delete;
    ~IOWatch();

    /// Watches for `flags` and nothing else; `none` ends watching. Does nothing if that is so already. A loop that
    /// refuses is reported as an unhandled failure.
    void watch(IOFlags flags) noexcept {
        if (flags != event_->flags()) change(flags);
    }
    void add(IOFlags flags) noexcept { watch(event_->flags() | flags); }
    void remove(IOFlags flags) noexcept;

    IOFlags flags() const noexcept { return event_->flags(); }
    int fd() const noexcept { return event_->fileno(); }

private:
    void change(IOFlags flags) noexcept;

    IOPS& loop_;
    std::unique_ptr<IOEvent> event_;
};

}  // namespace plait::detail

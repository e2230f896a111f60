// PollLoop: an event loop that is nothing but poll(2) and a heap of timers. Not fast with thousands of descriptors,
// which it hands to the system anew for each pass; it needs no library and runs wherever there is POSIX.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "plait/reactor/iops.hpp"

namespace plait {

/// Watches as many descriptors as the process may open, whatever their numbers, and several events on one descriptor.
///
/// Passes are told (`watch_passes`). Timers are never early, and due to the microsecond.
/// Destroying it is allowed once its events have been cleaned up, and not from inside itself.
/// Threads: one.
class PollLoop : public IOPS {
public:
    PollLoop();
    ~PollLoop() override;

    void update_event(IOEvent& event, EventAction action, IOFlags flags) override;
    void update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) override;

    /// Runs until `stop_watching()`, or until nothing is watched any more.
    /// Throws std::system_error when poll(2) fails for another reason than a signal.
    void start_watching() override;
    void stop_watching() override;

    void watch_passes(PassHandler* handler) override;
    std::unique_ptr<IOEvent> io_event_factory(int fd, EventHandler& handler) override;
    std::unique_ptr<TimerEvent> timer_event_factory(EventHandler& handler) override;

    /// One pass: waits until something happens, or a signal comes, or `longest` is over, and tells what happened. For
    /// those who have a loop of their own to do it in. Throws as `start_watching()`, and InvalidState from inside
    /// itself.
    void step(std::chrono::microseconds longest = std::chrono::microseconds::max());

    /// How many events and timers are watched.
    std::size_t size() const noexcept;

private:
    struct State;

    std::unique_ptr<State> state_;
};

}  // namespace plait

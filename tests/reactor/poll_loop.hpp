// PollLoop: somebody else's event loop, as its owner would put it under Plait: poll(2) and two maps, using nothing but
// the public IOPS. Not fast, and not shipped: it proves the seam.
#pragma once

#include <poll.h>

#include <chrono>
#include <map>
#include <vector>

#include "plait/reactor/iops.hpp"

namespace plait::testing {

class PollLoop : public IOPS {
public:
    void update_event(IOEvent& event, EventAction action, IOFlags flags) override {
        if (action == EventAction::watch) {
            watched_[&event] = flags;
        } else {
            watched_.erase(&event);
        }
    }

    void update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) override {
        if (action == EventAction::watch) {
            timers_[&timer] = Clock::now() + delay;
        } else {
            timers_.erase(&timer);
        }
    }

    void start_watching() override {
        for (stopped_ = false; !stopped_;)
            step();
    }
    void stop_watching() override { stopped_ = true; }

    /// Waits for something and tells it.
    void step() {
        std::vector<IOEvent*> events;
        std::vector<pollfd> fds;
        for (const auto& [event, flags] : watched_) {
            events.push_back(event);
            fds.push_back({event->fileno(), wanted(flags), 0});
        }
        ::poll(fds.data(), fds.size(), patience());
        for (std::size_t i = 0; i < fds.size(); ++i) {
            const auto still = watched_.find(events[i]);  // what was told before may have changed it
            if (still == watched_.end()) continue;
            if (const IOFlags ready = happened(fds[i].revents) & still->second; any(ready)) events[i]->ready(ready);
        }
        run_timers();
    }

    std::size_t size() const { return watched_.size() + timers_.size(); }

private:
    using Clock = std::chrono::steady_clock;

    static short wanted(IOFlags flags) {
        int events = 0;
        if (any(flags & IOFlags::read)) events |= POLLIN;
        if (any(flags & IOFlags::write)) events |= POLLOUT;
        return static_cast<short>(events);
    }

    static IOFlags happened(short events) {
        IOFlags flags = IOFlags::none;
        if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) flags = flags | IOFlags::read;
        if ((events & (POLLOUT | POLLHUP | POLLERR)) != 0) flags = flags | IOFlags::write;
        return flags;
    }

    int patience() const {
        if (timers_.empty()) return -1;
        Clock::time_point first = Clock::time_point::max();
        for (const auto& [timer, due] : timers_)
            first = std::min(first, due);
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now()).count();
        return left <= 0 ? 0 : static_cast<int>(std::min<long>(left, 1000));
    }

    void run_timers() {
        const Clock::time_point now = Clock::now();
        std::vector<TimerEvent*> due;
        for (const auto& [timer, when] : timers_)
            if (when <= now) due.push_back(timer);
        for (TimerEvent* timer : due)
            if (timers_.erase(timer) != 0) timer->ready(IOFlags::none);
    }

    std::map<IOEvent*, IOFlags> watched_;
    std::map<TimerEvent*, Clock::time_point> timers_;
    bool stopped_ = false;
};

}  // namespace plait::testing

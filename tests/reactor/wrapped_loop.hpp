// WrappedLoop: the loop of this run, whichever that is, with room in between to look at what is asked of it and what it
// tells. Not a loop of its own.
#pragma once

#include <chrono>
#include <memory>

#include "plait/reactor/detail/default_loop.hpp"
#include "plait/reactor/iops.hpp"

namespace plait::testing {

class WrappedLoop : public IOPS {
public:
    void update_event(IOEvent& event, EventAction action, IOFlags flags) override {
        below_->update_event(event, action, flags);
    }
    void update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) override {
        below_->update_timer(timer, action, delay);
    }
    void start_watching() override { below_->start_watching(); }
    void stop_watching() override { below_->stop_watching(); }
    void watch_passes(PassHandler* handler) override { below_->watch_passes(handler); }
    std::unique_ptr<IOEvent> io_event_factory(int fd, EventHandler& handler) override {
        return below_->io_event_factory(fd, handler);
    }
    std::unique_ptr<TimerEvent> timer_event_factory(EventHandler& handler) override {
        return below_->timer_event_factory(handler);
    }

private:
    std::unique_ptr<IOPS> below_ = plait::detail::make_default_loop();
};

}  // namespace plait::testing

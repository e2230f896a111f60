// EvIOPS: the default loop behind the seam: a libev loop of its own. The only user of <ev.h>.
#pragma once

#include <memory>

#include "plait/reactor/detail/pass_teller.hpp"
#include "plait/reactor/iops.hpp"

struct ev_loop;

namespace plait::detail {

/// Not libev's default loop: that one takes SIGCHLD, and other code in the process may use it.
///
/// Destroying it frees the loop; its events have to be gone by then.
class EvIOPS final : public IOPS {
public:
    /// Throws std::runtime_error when the system gives no event back end (out of descriptors).
    EvIOPS();
    ~EvIOPS() override;

    void update_event(IOEvent& event, EventAction action, IOFlags flags) override;
    void update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) override;
    void start_watching() override;
    void stop_watching() override;
    void watch_passes(PassHandler* handler) override;
    std::unique_ptr<IOEvent> io_event_factory(int fd, EventHandler& handler) override;
    std::unique_ptr<TimerEvent> timer_event_factory(EventHandler& handler) override;

private:
    static void call_what_is_ready(struct ev_loop* loop);

    struct ev_loop* loop_;
    PassTeller passes_;
};

}  // namespace plait::detail

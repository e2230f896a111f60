#include "plait/reactor/detail/ev_iops.hpp"

#define EV_COMPAT3 0  // no old names without a prefix
#include <ev.h>
#include <fcntl.h>

#include <stdexcept>

namespace plait::detail {

namespace {

// libev counts READ 1 and WRITE 2 where the seam counts 2 and 4.
static_assert(EV_READ * 2 == static_cast<int>(IOFlags::read) && EV_WRITE * 2 == static_cast<int>(IOFlags::write));

struct EvIOEvent final : IOEvent {
    EvIOEvent(int fd, EventHandler& handler) noexcept : IOEvent(fd, handler) {
        ev_io_init(&watcher, &EvIOEvent::fired, fd, 0);
        watcher.data = this;
    }

    static void fired(struct ev_loop*, ev_io* watcher, int events) {
        auto flags = static_cast<IOFlags>((events & watcher->events & (EV_READ | EV_WRITE)) * 2);
        if ((events & EV_ERROR) != 0) flags = flags | IOFlags::error;  // libev has stopped watching it
        static_cast<EvIOEvent*>(watcher->data)->ready(flags);
    }

    ev_io watcher;
};

struct EvTimerEvent final : TimerEvent {
    explicit EvTimerEvent(EventHandler& handler) noexcept : TimerEvent(handler) {
        ev_timer_init(&watcher, &EvTimerEvent::fired, 0., 0.);
        watcher.data = this;
    }

    static void fired(struct ev_loop*, ev_timer* watcher, int) {
        static_cast<EvTimerEvent*>(watcher->data)->ready(IOFlags::none);
    }

    ev_timer watcher;
};

/// libev ends a wait after a minute at most, in case somebody has set the system's clock, unless a timerfd tells it
/// that. It makes one, and keeps it, when the first ev_periodic is started: from then on it waits 17 days. Without a
/// timerfd (no descriptor left for it, a libev before 4.33) all is as it was.
void wait_for_long(struct ev_loop* loop) noexcept {
    ev_periodic never;
    ev_periodic_init(&never, [](struct ev_loop*, ev_periodic*, int) {}, 0., 0., nullptr);
    ev_periodic_start(loop, &never);
    ev_periodic_stop(loop, &never);
}

}  // namespace

EvIOPS::EvIOPS() : loop_(ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV | EVFLAG_NOINOTIFY | EVFLAG_NOSIGMASK)) {
    if (loop_ == nullptr)
        throw std::runtime_error("cannot make an event loop: libev found no usable back end (out of descriptors?)");
    wait_for_long(loop_);
    ev_set_userdata(loop_, &passes_);
    ev_set_invoke_pending_cb(loop_, &EvIOPS::call_what_is_ready);
}

EvIOPS::~EvIOPS() {
    ev_loop_destroy(loop_);
}

void EvIOPS::update_event(IOEvent& event, EventAction action, IOFlags flags) {
    ev_io& watcher = static_cast<EvIOEvent&>(event).watcher;
    const bool known_open = ev_is_active(&watcher) != 0;
    ev_io_stop(loop_, &watcher);
    if (action != EventAction::watch) return;
    ev_io_modify(&watcher, static_cast<int>(flags) / 2);
    if (!known_open && ::fcntl(event.fileno(), F_GETFD) < 0) {
        // Some builds of libev abort the program when they find out themselves.
        return ev_feed_event(loop_, &watcher, EV_ERROR | EV_READ | EV_WRITE);
    }
    ev_io_start(loop_, &watcher);
}

void EvIOPS::update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) {
    ev_timer& watcher = static_cast<EvTimerEvent&>(timer).watcher;
    ev_timer_stop(loop_, &watcher);
    if (action != EventAction::watch) return;
    // libev counts from its last look at the clock, which a long callback makes stale. Zero is due next in any case.
    if (delay > std::chrono::microseconds::zero()) ev_now_update(loop_);
    ev_timer_set(&watcher, std::chrono::duration<double>(delay).count(), 0.);
    ev_timer_start(loop_, &watcher);
}

void EvIOPS::start_watching() {
    ev_run(loop_, 0);
}

void EvIOPS::stop_watching() {
    ev_break(loop_, EVBREAK_ALL);
}

// In the place of libev's own: all that one look at the descriptors and timers has found is called from here.
void EvIOPS::call_what_is_ready(struct ev_loop* loop) {
    PassTeller& passes = *static_cast<PassTeller*>(ev_userdata(loop));
    // Nothing is pending before the first look, and after one that found nothing. The end of a pass may feed an event
    // (update_event), which libev would call after its next wait only.
    while (ev_pending_count(loop) != 0) {
        passes.begin();
        ev_invoke_pending(loop);
        passes.end();
    }
}

void EvIOPS::watch_passes(PassHandler* handler) {
    passes_.set(handler);
}

std::unique_ptr<IOEvent> EvIOPS::io_event_factory(int fd, EventHandler& handler) {
    return std::make_unique<EvIOEvent>(fd, handler);
}

std::unique_ptr<TimerEvent> EvIOPS::timer_event_factory(EventHandler& handler) {
    return std::make_unique<EvTimerEvent>(handler);
}

}  // namespace plait::detail

// UvLoop: Plait inside a libuv loop, yours or one of its own; in the library plait-uv. Not a wrapper of libuv: of it,
// it uses what watches descriptors and what keeps the time.
#pragma once

#include <chrono>
#include <memory>

#include "plait/reactor/iops.hpp"

struct uv_loop_s;  // uv_loop_t

namespace plait {

/// Any number of them, each with a Reactor, may share one libuv loop with everything else that is in it.
///
///     uv_loop_t* loop = uv_default_loop();
///     plait::UvLoop below(loop);
///     plait::Reactor reactor(below);
///     …                                   // start clients, uv timers, uv servers
///     uv_run(loop, UV_RUN_DEFAULT);       // runs all of them; nobody calls reactor.run()
///
/// As long as a Reactor stands on it, the libuv loop is alive: uv_run() returns after uv_stop(), or when it is gone.
///
/// Descriptors: libuv makes those it watches non-blocking, and takes each once only: several events here may share one,
/// but one that a handle of yours watches in the same loop is told of as an error. Regular files, which it refuses, are
/// always ready.
/// Timers are never early, and late by up to a millisecond.
///
/// Lifetime: the libuv loop must outlive it. Destroying it, after its events have been cleaned up, closes its handles;
///           they are gone after the next turn of the loop: run it once more before uv_loop_close(). A libuv loop of
///           its own it runs for some turns, without waiting, so that handles of yours which are closing are gone, too.
///           Any that you leave open are not closed: that loop then stays in memory with them, is not run any more, and
///           an unhandled failure says so.
/// Threads: the libuv loop's.
class UvLoop final : public IOPS {
public:
    /// On a libuv loop of its own. Throws std::runtime_error when the system gives none (out of descriptors).
    UvLoop();

    /// Inside `loop`. Throws std::runtime_error when libuv refuses its handles.
    explicit UvLoop(uv_loop_s* loop);

    ~UvLoop() override;

    void update_event(IOEvent& event, EventAction action, IOFlags flags) override;
    void update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) override;

    /// Runs the libuv loop until `stop_watching()`, uv_stop(), or nothing in it is alive. Not from inside one of its
    /// callbacks: libuv cannot run a loop in itself. There, its owner runs it and nobody calls this.
    void start_watching() override;
    void stop_watching() override;

    void watch_passes(PassHandler* handler) override;
    std::unique_ptr<IOEvent> io_event_factory(int fd, EventHandler& handler) override;
    std::unique_ptr<TimerEvent> timer_event_factory(EventHandler& handler) override;

    uv_loop_s* loop() const noexcept;

private:
    struct State;

    std::unique_ptr<State> state_;
};

}  // namespace plait

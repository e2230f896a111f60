// AsioLoop: Plait inside an Asio io_context, yours or one of its own; in the library plait-asio. For Asio without Boost
// (libasio-dev), not for Boost.Asio, whose io_context is another class.
#pragma once

#include <chrono>
#include <memory>

#include "plait/reactor/iops.hpp"

namespace asio {
class io_context;
}  // namespace asio

namespace plait {

/// Any number of them, each with a Reactor, may share one io_context with everything else that is in it.
///
///     asio::io_context context;
///     plait::AsioLoop below(context);
///     plait::Reactor reactor(below);
///     …                                // start clients, asio timers, asio servers
///     context.run();                   // runs all of them; nobody calls reactor.run()
///
/// As long as a Reactor stands on it, the io_context has work: run() returns after stop(), or when it is gone.
///
/// Descriptors: Asio takes each once only: several events here may share one, but one that a socket of yours has in the
/// same io_context is told of as an error. Regular files are always ready.
/// Timers are never early.
///
/// Lifetime: the io_context must outlive it. Destroying it, after its events have been cleaned up, takes back all that
///           it waits for; the descriptors stay open.
/// Threads: one. The io_context is run by one thread at a time, the one that uses the reactor.
class AsioLoop final : public IOPS {
public:
    /// On an io_context of its own.
    AsioLoop();

    explicit AsioLoop(asio::io_context& context);

    ~AsioLoop() override;

    void update_event(IOEvent& event, EventAction action, IOFlags flags) override;
    void update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) override;

    /// Runs the io_context until `stop_watching()`, its own stop(), or nothing is left to do in it.
    void start_watching() override;
    void stop_watching() override;

    void watch_passes(PassHandler* handler) override;
    std::unique_ptr<IOEvent> io_event_factory(int fd, EventHandler& handler) override;
    std::unique_ptr<TimerEvent> timer_event_factory(EventHandler& handler) override;

    asio::io_context& context() const noexcept;

private:
    struct State;

    std::unique_ptr<State> state_;
};

}  // namespace plait

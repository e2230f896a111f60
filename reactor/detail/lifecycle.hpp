// Lifecycle: when a reactor runs, from run() over its system events to the loop's end. Knows nothing of what a turn is
// made of.
#pragma once

#include <optional>
#include <vector>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/detail/system_events.hpp"
#include "plait/reactor/signals.hpp"

namespace plait::detail {

class ReactorCore;

/// See Reactor for what the members mean. Destroying it is a crash.
class Lifecycle {
public:
    explicit Lifecycle(ReactorCore& core) noexcept : core_(core), events_(core) {}
    Lifecycle(const Lifecycle&) = delete;
    Lifecycle& operator=(const Lifecycle&) = delete;
    ~Lifecycle() = default;

    void run(bool stop_on_signals);
    void stop();
    void crash() noexcept;
    void iterate(Duration longest);
    void call_when_running(UniqueFunction<void()> function);
    bool running() const noexcept { return running_; }
    bool stopping() const noexcept { return stop_asked_; }
    /// The signal that stopped the last run, or 0.
    int stop_signal() const noexcept { return stop_signal_; }

    /// For run_until(): the loop without events, until `end_waiting()`.
    void run_waiting();
    void end_waiting() noexcept;

    /// Throws ReactorAlreadyRunning.
    void require_idle() const;
    bool in_loop() const noexcept { return in_loop_; }

    SystemEvents& events() noexcept { return events_; }
    void fire_custom(std::string_view event);

    /// The reactor is being destroyed.
    void close() noexcept;

private:
    enum class State {
        idle,
        starting,  // "startup" is being fired, or waited with
        started,
        stopping,  // "shutdown", likewise
        waiting,   // run_until()
    };
    class InLoop;

    void enter(State as);
    void leave() noexcept;
    void watch();
    void started(bool stop_on_signals);
    void shut_down();
    void close_everything();
    void signalled(int number);

    ReactorCore& core_;
    SystemEvents events_;
    std::vector<SignalSubscription> signals_;
    State state_ = State::idle;
    bool running_ = false;
    bool in_loop_ = false;  // inside start_watching()
    bool stop_asked_ = false;
    int stop_signal_ = 0;
};

}  // namespace plait::detail

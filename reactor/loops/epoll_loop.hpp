// EpollLoop: an event loop that is nothing but Linux's epoll and one timer of the system. Not portable, and not what a
// Reactor takes when it is given nothing; docs/performance.md says where it is faster than that.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "plait/reactor/iops.hpp"

namespace plait {

/// A pass costs one system call, whatever is watched and whatever is set for later: what to watch is told to the system
/// when it has changed, the next deadline when it has come nearer. The wait itself has no time limit, which a wait
/// pays for; an idle loop makes no system call at all.
///
///     plait::EpollLoop loop;
///     plait::Reactor reactor(loop);
///
/// All of it is behind one descriptor. A program with a loop of its own, whatever kind that is, watches this one for
/// reading and makes a pass when it is readable:
///
///     plait::EpollLoop below;
///     plait::Reactor reactor(below);                               // nobody calls run()
///     their_loop.watch(below.fileno(), [&] { below.step(0us); });  // timers are due, and calls of threads come, this
///     way
///
/// Several events may watch one descriptor. Regular files, which epoll refuses, are always ready.
/// Passes are told (`watch_passes`). Timers are never early, and due to the microsecond.
///
/// Lifetime: destroying it is allowed once its events have been cleaned up, and not from inside itself.
/// Threads:  one. A child process made by fork() must not use it.
class EpollLoop : public IOPS {
public:
    /// Throws std::system_error when the system gives no descriptors; it takes two.
    EpollLoop();
    ~EpollLoop() override;

    void update_event(IOEvent& event, EventAction action, IOFlags flags) override;
    void update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) override;

    /// Runs until `stop_watching()`, or until nothing is watched any more. Throws as `step()`.
    void start_watching() override;
    void stop_watching() override;

    void watch_passes(PassHandler* handler) override;
    std::unique_ptr<IOEvent> io_event_factory(int fd, EventHandler& handler) override;
    std::unique_ptr<TimerEvent> timer_event_factory(EventHandler& handler) override;

    /// One pass: waits until something happens, or a signal comes, or `longest` is over, and tells what happened.
    /// Throws std::system_error when epoll fails, and InvalidState from inside itself.
    void step(std::chrono::microseconds longest = std::chrono::microseconds::max());

    /// Readable when `step()` would not wait: for poll(2), for another epoll, for any loop. It stays the loop's.
    int fileno() const noexcept;

    /// How many events and timers are watched.
    std::size_t size() const noexcept;

private:
    struct State;
    class Inside;

    std::unique_ptr<State> state_;
};

}  // namespace plait

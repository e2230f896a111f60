// IOPS: the seam under the reactor. What an event loop must offer so that everything in Plait runs on it: watch a
// descriptor, fire a timer. Not a loop of its own: libev stands behind it by default, your own loop can.
#pragma once

#include <chrono>
#include <memory>

namespace plait {

/// What happens to a descriptor; a set of bits with libcouchbase's numbers.
enum class IOFlags : int {
    none = 0,
    read = 0x02,   ///< LCB_READ_EVENT: readable, or at its end
    write = 0x04,  ///< LCB_WRITE_EVENT: writable, or failed
    error = 0x08,  ///< LCB_ERROR_EVENT: it cannot be watched; told, never asked for
    rw = 0x06,     ///< LCB_RW_EVENT
};

constexpr IOFlags operator|(IOFlags a, IOFlags b) noexcept {
    return static_cast<IOFlags>(static_cast<int>(a) | static_cast<int>(b));
}
constexpr IOFlags operator&(IOFlags a, IOFlags b) noexcept {
    return static_cast<IOFlags>(static_cast<int>(a) & static_cast<int>(b));
}
constexpr bool any(IOFlags flags) noexcept {
    return flags != IOFlags::none;
}

/// What a loop is asked to do with an event; the numbers of PYCBC_EVACTION_*.
enum class EventAction : int {
    watch = 1,     ///< Put it on the watch list, or replace what it is watched for.
    unwatch = 2,   ///< Take it off; it may be watched again.
    suspend = 4,   ///< Reserved by the original, never sent.
    resume = 8,    ///< Reserved by the original, never sent.
    cleanup = 16,  ///< Forget it for good: its descriptor may be closed right after. Never sent while active.
};

/// Who is told that an event is ready. One per event, set when the event is made.
class EventHandler {
public:
    /// `flags` says what is ready; `none` for a timer. May destroy the event, change it, or watch others.
    virtual void event_ready(IOFlags flags) noexcept = 0;

protected:
    ~EventHandler() = default;
};

/// Something that will happen: a descriptor becoming ready, or time passing. A loop calls `ready()` when it does.
///
/// Lifetime: owned by whoever asked the factory for it, who sends `cleanup` before destroying it. An event may be
///           destroyed inside its own `ready()`: a loop does not touch it again after that call unless it knows better.
/// Source:   `Event` of the Couchbase Python client's iops/base.py.
class Event {
public:
    enum class Type : int { io = 0, timer = 1 };
    enum class State : int { initialized = 0, active = 1, suspended = 2, freed = 3 };

    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    virtual ~Event() = default;

    /// Tells the handler. Does nothing once freed. The last thing a loop does with an event in one turn.
    void ready(IOFlags flags) noexcept {
        if (state_ != State::freed) handler_->event_ready(flags);
    }

    Type type() const noexcept { return type_; }

    State state() const noexcept { return state_; }
    /// For the reactor, which keeps the state beside each update it sends.
    void set_state(State state) noexcept { state_ = state; }

protected:
    Event(Type type, EventHandler& handler) noexcept : handler_(&handler), type_(type) {}

private:
    EventHandler* handler_;
    Type type_;
    State state_ = State::initialized;
};

/// A descriptor to watch. Loops derive from it to add what they need (see `IOPS::io_event_factory`).
class IOEvent : public Event {
public:
    IOEvent(int fd, EventHandler& handler) noexcept : Event(Type::io, handler), fd_(fd) {}

    int fileno() const noexcept { return fd_; }

    /// What it is watched for. During `IOPS::update_event` still what it was watched for before.
    IOFlags flags() const noexcept { return flags_; }
    /// For the reactor, after each update it sends.
    void set_flags(IOFlags flags) noexcept { flags_ = flags; }

    void ready_r() noexcept { ready(IOFlags::read); }
    void ready_w() noexcept { ready(IOFlags::write); }
    void ready_rw() noexcept { ready(IOFlags::rw); }

private:
    int fd_;
    IOFlags flags_ = IOFlags::none;
};

/// The passage of time. Fires once each time it is watched.
class TimerEvent : public Event {
public:
    explicit TimerEvent(EventHandler& handler) noexcept : Event(Type::timer, handler) {}
};

/// Who is told where the loop is: between finding events and waiting for more.
class PassHandler {
public:
    /// The loop has found events and calls `ready()` on them next.
    virtual void pass_begins() noexcept = 0;
    /// That is done; the loop waits again after this, or ends. May change events and timers.
    virtual void pass_ends() noexcept = 0;

protected:
    ~PassHandler() = default;
};

/// An event loop, seen from Plait. Implement it to run a reactor inside your own loop: docs/foreign_loops.md shows how,
/// and testing/loop_conformance.hpp checks the result.
///
/// Contract, as found in the original's glue code rather than its documentation. A loop promises:
/// - Watching is persistent and level-triggered: a watched descriptor is reported for as long as it is ready, until the
///   watch is changed. It is not one-shot.
/// - Only what is watched for is reported, at the time of the report: not what was found in the same pass before the
///   watch was changed. A stream that has ended, or failed, is ready for whatever it is watched for.
/// - A descriptor that cannot be watched (it is not open, or the system refuses it) is reported once, with `error` and
///   what it was to be watched for, and is not watched. A regular file may be one of these; better it is always ready.
/// - `watch` on a watched event replaces its flags. `unwatch` and `cleanup` of what is not watched do nothing.
/// - A timer is one-shot and relative, and never early; `watch` on an active timer moves it. Timers are reported in the
///   order of their deadlines. One that is set by what a pass reports waits for another pass, in which descriptors have
///   their turn, too.
/// - `ready()` is never called from inside `update_event` or `update_timer`, and its event may be gone when it returns.
///
/// The reactor promises, and others who use a loop should:
/// - Identical updates of descriptors are not sent. During an update `flags()` and `state()` are what they were before
///   it.
/// - `cleanup` comes last and once, when the event is not active any more, also from inside its own `ready()`. Until
///   then its descriptor stays open, and no other event watches the same one.
/// - One reactor to a loop: it is the one that is told of passes.
///
/// Threads: one; all calls and all `ready()` come from the thread that runs the loop.
/// Source:  `IOPS` of the Couchbase Python client's iops/base.py and its C glue.
class IOPS {
public:
    IOPS() = default;
    IOPS(const IOPS&) = delete;
    IOPS& operator=(const IOPS&) = delete;
    virtual ~IOPS() = default;

    /// Starts, changes or ends watching a descriptor. `flags` counts for `watch` only.
    virtual void update_event(IOEvent& event, EventAction action, IOFlags flags) = 0;

    /// Starts, moves or ends a timer. `delay` counts from now, for `watch` only.
    virtual void update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) = 0;

    /// Runs the loop until `stop_watching()`; it may also return when nothing is watched any more. The default does
    /// nothing, for loops that others run.
    virtual void start_watching() {}

    /// Asks `start_watching()` to return after the present turn. Without effect on a later one.
    virtual void stop_watching() {}

    /// Optional, and only for speed: tells `handler` of each pass over ready events, until called with null. What a
    /// whole pass wrote then leaves at its end, rather than what each event wrote. The default never tells.
    virtual void watch_passes(PassHandler* handler) { static_cast<void>(handler); }

    /// Makes an event for a descriptor. Override to return a class of your own with room for your loop's handle.
    virtual std::unique_ptr<IOEvent> io_event_factory(int fd, EventHandler& handler) {
        return std::make_unique<IOEvent>(fd, handler);
    }

    /// Makes a timer. Override as above.
    virtual std::unique_ptr<TimerEvent> timer_event_factory(EventHandler& handler) {
        return std::make_unique<TimerEvent>(handler);
    }
};

// The original's names for the same, for those who come from there.
inline constexpr EventAction PYCBC_EVACTION_WATCH = EventAction::watch;
inline constexpr EventAction PYCBC_EVACTION_UNWATCH = EventAction::unwatch;
inline constexpr EventAction PYCBC_EVACTION_SUSPEND = EventAction::suspend;
inline constexpr EventAction PYCBC_EVACTION_RESUME = EventAction::resume;
inline constexpr EventAction PYCBC_EVACTION_CLEANUP = EventAction::cleanup;
inline constexpr IOFlags LCB_READ_EVENT = IOFlags::read;
inline constexpr IOFlags LCB_WRITE_EVENT = IOFlags::write;
inline constexpr IOFlags LCB_ERROR_EVENT = IOFlags::error;
inline constexpr IOFlags LCB_RW_EVENT = IOFlags::rw;
inline constexpr Event::Type PYCBC_EVTYPE_IO = Event::Type::io;
inline constexpr Event::Type PYCBC_EVTYPE_TIMER = Event::Type::timer;
inline constexpr Event::State PYCBC_EVSTATE_INITIALIZED = Event::State::initialized;
inline constexpr Event::State PYCBC_EVSTATE_ACTIVE = Event::State::active;
inline constexpr Event::State PYCBC_EVSTATE_SUSPENDED = Event::State::suspended;
inline constexpr Event::State PYCBC_EVSTATE_FREED = Event::State::freed;

}  // namespace plait

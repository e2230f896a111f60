// LoopLab: one loop under check, and what a check needs to ask it something with: events that keep the seam's manners,
// timers, descriptors. Not a test framework.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plait/reactor/iops.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

class LoopLab {
public:
    explicit LoopLab(std::unique_ptr<IOPS> loop) : loop_(std::move(loop)) {}

    IOPS& loop() noexcept { return *loop_; }

    /// Runs it until `stop()`.
    void run() { loop_->start_watching(); }
    /// Runs it for at least so long; ended by a timer of its own.
    void run_for(std::chrono::microseconds time);
    void stop() { loop_->stop_watching(); }

    void expect(bool kept, const std::string& otherwise) {
        if (!kept) complaints_.push_back(otherwise);
    }
    const std::vector<std::string>& complaints() const noexcept { return complaints_; }

    /// Calls into the loop; whoever is told of something meanwhile is told too early.
    template <typename Update>
    void updating(Update update) {
        updating_ = true;
        update(*loop_);
        updating_ = false;
    }
    void told() { expect(!updating_, "ready() was called from inside update_event() or update_timer()"); }

private:
    std::unique_ptr<IOPS> loop_;
    std::vector<std::string> complaints_;
    bool updating_ = false;
};

/// Destroying it unwatches and cleans up the event; allowed while it is told.
class WatchedEvent final : private EventHandler {
public:
    using Told = std::function<void(IOFlags)>;

    WatchedEvent(LoopLab& lab, int fd, Told told = {});
    WatchedEvent(const WatchedEvent&) = delete;
    WatchedEvent& operator=(const WatchedEvent&) = delete;
    ~WatchedEvent();

    void watch(IOFlags flags);
    void unwatch() { watch(IOFlags::none); }

    IOEvent& event() noexcept { return *event_; }
    int times() const noexcept { return times_; }
    /// Everything it was told since `forget()`.
    IOFlags seen() const noexcept { return seen_; }
    void forget() noexcept {
        times_ = 0;
        seen_ = IOFlags::none;
    }

    Told told;

private:
    void event_ready(IOFlags flags) noexcept override;

    LoopLab& lab_;
    std::unique_ptr<IOEvent> event_;
    int times_ = 0;
    IOFlags seen_ = IOFlags::none;
};

/// Destroying it unwatches and cleans up the timer; allowed while it is told.
class WatchedTimer final : private EventHandler {
public:
    explicit WatchedTimer(LoopLab& lab, std::function<void()> told = {});
    WatchedTimer(const WatchedTimer&) = delete;
    WatchedTimer& operator=(const WatchedTimer&) = delete;
    ~WatchedTimer();

    void set(std::chrono::microseconds delay);
    void unwatch();

    TimerEvent& event() noexcept { return *event_; }
    int times() const noexcept { return times_; }

    std::function<void()> told;

private:
    void event_ready(IOFlags flags) noexcept override;

    LoopLab& lab_;
    std::unique_ptr<TimerEvent> event_;
    int times_ = 0;
};

/// Two connected ends: a socket pair, or a pipe (`near` reads, `far` writes).
struct TwoEnds {
    static TwoEnds sockets();
    static TwoEnds pipe();

    void send() const;     ///< A byte, to `near`.
    void receive() const;  ///< All there is, from `near`.

    UniqueFd near, far;
};

struct LoopCheck {
    const char* name;
    void (*run)(LoopLab& lab);
};

std::vector<LoopCheck> descriptor_checks();
std::vector<LoopCheck> shared_descriptor_checks();
std::vector<LoopCheck> timer_checks();
std::vector<LoopCheck> running_checks();

}  // namespace plait::detail

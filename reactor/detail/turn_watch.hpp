// TurnWatch: when the present call from the loop began, and what it is doing: to be measured when it ends, and to be
// looked at by another thread while it lasts. Made only when somebody asks; who looks is somebody else.
#pragma once

#include <atomic>
#include <cstdint>
#include <typeinfo>

#include "plait/reactor/metrics.hpp"

namespace plait::detail {

/// Is told of each call that took long. Called in the reactor's thread.
class StallListener {
public:
    virtual void call_was_long(std::int64_t began, Duration lasted) noexcept = 0;

protected:
    ~StallListener() = default;
};

class TurnWatch {
public:
    // Reactor's thread.
    void begins() noexcept {
        of_.store(nullptr, std::memory_order_relaxed);
        what_.store("an event", std::memory_order_relaxed);
        began_.store(now(), std::memory_order_release);
    }
    void doing(const char* what, const std::type_info* of) noexcept {
        what_.store(what, std::memory_order_relaxed);
        of_.store(of, std::memory_order_relaxed);
    }
    void ends() noexcept {
        const std::int64_t began = began_.load(std::memory_order_relaxed);
        const Duration lasted(now() - began);
        if (measuring) histograms.turn_time.record(lasted);
        if (listener_ != nullptr && lasted >= limit_) listener_->call_was_long(began, lasted);
        began_.store(0, std::memory_order_release);
    }

    /// One at a time; null ends it.
    void listen(StallListener* listener, Duration limit) noexcept {
        listener_ = listener;
        limit_ = limit;
    }
    bool has_listener() const noexcept { return listener_ != nullptr; }

    // Any thread.
    /// Nanoseconds of the steady clock; 0 between two calls.
    std::int64_t began() const noexcept { return began_.load(std::memory_order_acquire); }
    const char* what() const noexcept { return what_.load(std::memory_order_relaxed); }
    const std::type_info* of() const noexcept { return of_.load(std::memory_order_relaxed); }

    std::int64_t now() const noexcept { return clock_(); }

    static std::int64_t nanoseconds_now() noexcept {
        return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()).count();
    }

    // Reactor's thread.
    /// For tests: another clock. Before anybody looks.
    void set_clock(std::int64_t (*nanoseconds)() noexcept) noexcept { clock_ = nanoseconds; }

    bool measuring = false;
    ReactorHistograms histograms;

private:
    std::atomic<std::int64_t> began_{0};
    std::atomic<const char*> what_{"an event"};
    std::atomic<const std::type_info*> of_{nullptr};
    std::int64_t (*clock_)() noexcept = &nanoseconds_now;
    StallListener* listener_ = nullptr;
    Duration limit_{};
};

}  // namespace plait::detail

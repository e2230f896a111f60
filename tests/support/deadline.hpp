// Waiting with an end, for the code that drives real servers from outside. Not for tests of Plait itself: those have a
// clock they advance by hand.
#pragma once

#include <chrono>
#include <string>

namespace plait::support {

/// A point in time after which waiting is a failure.
class Deadline {
public:
    explicit Deadline(std::chrono::milliseconds from_now) : end_(std::chrono::steady_clock::now() + from_now) {}

    bool passed() const { return std::chrono::steady_clock::now() >= end_; }

    /// What is left, never negative; fit for poll(2).
    int left_ms() const {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now());
        return left.count() < 0 ? 0 : static_cast<int>(left.count());
    }

private:
    std::chrono::steady_clock::time_point end_;
};

/// A short pause between two questions to somebody who cannot tell us.
void pause_between_tries();

/// Asks `condition` again and again until it says yes.
/// Fails: with std::runtime_error "waited 5000 ms for WHAT" when it did not within `limit`.
template <typename Condition>
void wait_until(const std::string& what, std::chrono::milliseconds limit, Condition condition);

[[noreturn]] void throw_waited(const std::string& what, std::chrono::milliseconds limit);

template <typename Condition>
void wait_until(const std::string& what, std::chrono::milliseconds limit, Condition condition) {
    const Deadline deadline(limit);
    while (!condition()) {
        if (deadline.passed()) throw_waited(what, limit);
        pause_between_tries();
    }
}

}  // namespace plait::support

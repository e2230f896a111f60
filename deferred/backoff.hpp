// How long to wait before the next try: longer each time, with a cap, and never all clients at the same moment.
// Not a timer and not a loop: it only tells the delay. retry.hpp has the loop.
#pragma once

#include <cstdint>
#include <optional>

#include "plait/deferred/clock.hpp"

namespace plait {

struct BackoffPolicy {
    Duration initial = std::chrono::milliseconds(100);  ///< the first delay, before jitter
    double factor = 2;                                  ///< each delay is so many times the one before; at least 1
    Duration cap = std::chrono::seconds(30);            ///< no delay is longer, jitter included
    double jitter = 0.25;                               ///< 0 to 1: how far a delay may be off, as a part of it
    std::optional<std::uint64_t> seed{};                ///< of the jitter; unset: another one each time
};

/// Delays that grow by `factor` from `initial` to `cap`. Each is chosen evenly between `jitter` below and `jitter`
/// above; what would pass the cap is not cut down to it, but chosen anew below it, so that clients that have waited
/// long do not meet at the cap.
///
///     Backoff backoff;
///     ... on failure:  timer_ = clock.call_later(backoff.next(), [this] { connect(); });
///     ... on success:  backoff.reset();
///
/// Copies go on alike. Nothing is allocated.
class Backoff {
public:
    /// Throws UsageError when the policy makes no sense: a negative delay, a cap below the first delay, a factor below
    /// 1, a jitter outside 0 to 1.
    explicit Backoff(const BackoffPolicy& policy = {});

    /// The delay before the next try.
    Duration next();

    /// The next delay is the first one again.
    void reset() noexcept;

    /// Delays given since the beginning or reset().
    std::uint32_t given() const noexcept { return given_; }

private:
    double random() noexcept;

    BackoffPolicy policy_;
    double delay_;
    std::uint64_t random_;
    std::uint32_t given_ = 0;
};

}  // namespace plait

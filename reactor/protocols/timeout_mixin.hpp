// TimeoutMixin: a Protocol's own patience: a timer that it sets, and sets again whenever something happened.
// Not the transport's idle time-out, which knows bytes only: here the protocol says what counts.
#pragma once

#include <optional>

#include "plait/deferred/clock.hpp"

namespace plait {

class Protocol;

/// Derive from it beside a Protocol:
///
///     class Patient : public LineReceiver, public TimeoutMixin {
///     public:
///         explicit Patient(Clock& clock) : TimeoutMixin(clock, *this) {}
///         void connection_made() override { set_timeout(30s); }
///         void line_received(Bytes) override { reset_timeout(); }
///         void connection_lost(const Failure&) override { set_timeout(std::nullopt); }
///     };
///
/// Lifetime: destroying it takes the timer back. The clock must outlive it.
/// Source:   TimeoutMixin of Twisted.
class TimeoutMixin {
public:
    TimeoutMixin(Clock& clock, Protocol& protocol) noexcept : clock_(clock), protocol_(protocol) {}
    TimeoutMixin(const TimeoutMixin&) = delete;
    TimeoutMixin& operator=(const TimeoutMixin&) = delete;
    virtual ~TimeoutMixin();

    /// Calls timeout_connection() when `limit` passes without reset_timeout(). Counts from now; nullopt: never. Returns
    /// what was set before.
    std::optional<Duration> set_timeout(std::optional<Duration> limit);

    /// Counts from now again. Without effect when no time-out is set, or it has passed.
    void reset_timeout();

    std::optional<Duration> timeout() const noexcept { return limit_; }

    /// The time has passed; called once for each set_timeout(). The default loses the connection in good order; where
    /// the peer may not read, abort it instead. May destroy this.
    virtual void timeout_connection();

private:
    Clock& clock_;
    Protocol& protocol_;
    std::optional<Duration> limit_;
    DelayedCall call_;
};

}  // namespace plait

// TransportTimeouts: notices that a connection has stood still for too long, by looking at its counters now and then.
// Moving bytes costs nothing for it. Knows no transport: it is shown the traffic and says what is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/unique_function.hpp"

namespace plait::detail {

/// The idle and the write time-out of one transport.
///
/// Looks four times in each limit. Movement counts from the look that saw it, so a connection is never lost early, and
/// at most a quarter of its limit late.
///
/// Lifetime: may be destroyed by what it calls.
class TransportTimeouts {
public:
    struct Traffic {
        std::uint64_t received;
        std::uint64_t sent;
        std::size_t queued;
    };

    /// `expired` is called once, with a text such as "was idle for 30 s".
    TransportTimeouts(Clock& clock, UniqueFunction<Traffic()> look, UniqueFunction<void(const std::string&)> expired)
        : clock_(clock), look_(std::move(look)), expired_(std::move(expired)) {}

    /// Counts from now; zero or less is none.
    void set_idle(Duration limit);
    void set_write(Duration limit);

private:
    /// How long one counter has stood still.
    struct Limit {
        Duration limit{};
        std::uint64_t seen = 0;
        bool counting = false;
        TimePoint since{};

        void set(Duration to, TimePoint now, std::uint64_t counter, bool counts) noexcept;
        /// Returns whether the limit is over.
        bool look(TimePoint now, std::uint64_t counter, bool counts) noexcept;
        TimePoint next_look(TimePoint now) const noexcept;
    };

    void look();
    void expire(const std::string& what);
    void schedule(TimePoint now);

    Clock& clock_;
    UniqueFunction<Traffic()> look_;
    UniqueFunction<void(const std::string&)> expired_;
    Limit idle_;
    Limit write_;
    DelayedCall timer_;
};

}  // namespace plait::detail

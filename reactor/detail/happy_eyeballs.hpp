// HappyEyeballs: in which order, and when, the addresses of a host are tried (RFC 8305). Knows no socket and no
// resolver: it is told of addresses and failures, and says what to open.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/address.hpp"

namespace plait::detail {

/// One race. Who runs it keeps what is open, and closes the losers.
///
///   found an address -> nothing under way: open it, but an IPv4 one not until `resolution_delay` has passed for IPv6
///   attempt_delay passed, or one failed -> open the next, of the other family if there is one
///   none under way, none left, no more to come -> exhausted()
class HappyEyeballs {
public:
    static constexpr std::size_t most_addresses = 32;

    class Sockets {
    public:
        /// Begins to connect. Returns: 0, or why that is impossible, an errno.
        virtual int open(const Address& to) = 0;
        /// Every address has failed. The last call; may come from inside any call but the constructor.
        virtual void exhausted() = 0;

    protected:
        ~Sockets() = default;
    };

    struct Timing {
        Duration attempt_delay;
        Duration resolution_delay;
        bool ipv6_wanted;
    };

    struct Failed {
        Address address;
        int error;
    };

    HappyEyeballs(Clock& clock, Sockets& sockets, const Timing& timing)
        : clock_(clock), sockets_(sockets), timing_(timing) {}

    /// More addresses were found. Those known, and those beyond the limit, are left out.
    void add(const std::vector<Address>& found);

    /// No more will be found.
    void no_more();

    /// An attempt under way has failed.
    void failed(const Address& address, int error);

    /// No call of ours comes after this.
    void stop() noexcept {
        next_.cancel();
        resolution_.cancel();
    }

    bool found_any() const noexcept { return !known_.empty(); }
    const std::vector<Failed>& failures() const noexcept { return failures_; }

private:
    void go_on();
    void open_next();
    bool waits_for_ipv6() const noexcept;
    Address take_next();

    Clock& clock_;
    Sockets& sockets_;
    Timing timing_;
    std::vector<Address> known_;
    std::deque<Address> ipv6_;
    std::deque<Address> ipv4_;
    std::vector<Failed> failures_;
    std::size_t under_way_ = 0;
    bool last_was_ipv6_ = false;
    bool began_ = false;
    bool complete_ = false;
    bool waited_ = false;  ///< for IPv6, long enough
    DelayedCall next_;
    DelayedCall resolution_;
};

}  // namespace plait::detail

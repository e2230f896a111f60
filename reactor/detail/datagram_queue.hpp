// DatagramQueue: datagrams on their way to a socket, in order, sent many to a system call. Bounded.
// Knows no events: who owns it says when to send.
#pragma once

#include <cstddef>
#include <vector>

#include "plait/reactor/bytes.hpp"
#include "plait/reactor/detail/socket.hpp"

namespace plait::detail {

class DatagramQueue {
public:
    /// What a queued datagram counts for, beside its bytes.
    static constexpr std::size_t overhead = 192;

    explicit DatagramQueue(std::size_t most) noexcept : most_(most) {}

    /// With an empty `to` it goes to the connected peer.
    /// Returns: whether there was room. There is always room for one.
    bool push(Bytes data, const SocketAddress& to);

    bool empty() const noexcept { return first_ == waiting_.size(); }
    std::size_t count() const noexcept { return waiting_.size() - first_; }
    /// Bytes, without the overhead.
    std::size_t size() const noexcept { return bytes_; }

    struct Sent {
        std::size_t count = 0;
        int error = 0;  ///< of the datagram that is first now; 0 when all are sent
    };
    /// Hands what there is to the system, until it refuses one.
    Sent send(int fd) noexcept;

    /// Where the first one goes. Precondition: not empty.
    const SocketAddress& first_to() const noexcept { return waiting_[first_].to; }
    std::size_t first_size() const noexcept { return waiting_[first_].data.size(); }
    void drop_first() noexcept { drop(1); }
    void clear() noexcept { drop(count()); }

private:
    struct Datagram {
        Bytes data;
        SocketAddress to;
    };

    void drop(std::size_t count) noexcept;

    std::size_t most_;
    std::vector<Datagram> waiting_;
    std::size_t first_ = 0;  ///< of waiting_; those before it are gone
    std::size_t bytes_ = 0;
};

}  // namespace plait::detail

// ReceiveQueue: bytes as they arrived, taken off the front in other portions.
// Not a parser: it knows sizes only.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "plait/reactor/bytes.hpp"

namespace plait {

/// Received bytes, in order.
///
///     queue.push(data);
///     while (queue.size() >= record_size) use(queue.take(record_size));
///     queue.settle();
///
/// What lies within one received piece is taken as a slice of it; what straddles pieces is copied together, once.
class ReceiveQueue {
public:
    void push(Bytes data);

    std::size_t size() const noexcept { return gathered_.size() - taken_ + size_; }
    bool empty() const noexcept { return size() == 0; }

    /// The first bytes, as many as lie together: at least one unless empty. Lifetime: until the next call of another
    /// member.
    std::string_view front() const noexcept;

    /// The first `count` bytes, together. Precondition: there are so many. Lifetime: as above.
    std::string_view peek(std::size_t count);

    /// Takes the first `count` bytes. Precondition: there are so many.
    Bytes take(std::size_t count);
    void drop(std::size_t count) noexcept;
    void clear() noexcept;

    /// What is left is to wait for more: copies it together, so that a few bytes do not keep the buffers alive that
    /// they came in. Cheap to call each time: no byte is copied twice for it.
    void settle();

private:
    std::string_view gathered() const noexcept { return std::string_view(gathered_).substr(taken_); }
    void gather(std::size_t count);
    void forget_taken() noexcept;

    std::string gathered_;      // the beginning, copied together
    std::size_t taken_ = 0;     // of gathered_
    std::deque<Bytes> pieces_;  // what follows; none is empty
    std::size_t size_ = 0;      // of pieces_
};

}  // namespace plait

// WriteQueue: bytes on their way to a descriptor, in order. Holds slices, gathers small pieces, and hands everything to
// the kernel in one call. Knows no events and no water marks.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "plait/reactor/bytes.hpp"

namespace plait::detail {

/// What is waiting to be written. An empty queue holds next to no memory.
class WriteQueue {
public:
    /// Pieces up to this size are copied behind the previous one: cheaper than an entry of their own.
    static constexpr std::size_t small_piece = 512;
    /// Pieces given to one system call.
    static constexpr std::size_t most_vectors = 1024;

    WriteQueue() noexcept = default;
    WriteQueue(const WriteQueue&) = delete;
    WriteQueue& operator=(const WriteQueue&) = delete;
    ~WriteQueue();

    void push(Bytes data);
    void push(std::string_view text);

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    /// All that was ever consumed.
    std::uint64_t sent() const noexcept { return sent_; }

    /// The front of the queue as vectors for one writev; never more than `room` or `most_vectors`, nor than `most`
    /// bytes, which is not 0.
    std::size_t gather(std::span<iovec> room, std::uint64_t most = UINT64_MAX) const noexcept;

    /// The first `count` bytes are written: lets them go.
    void consume(std::size_t count) noexcept;

    /// Sends what the socket takes, gathered.
    /// Returns: 0 when the queue is empty or the kernel is full, else the errno of what failed.
    int send_to(int fd) noexcept;

    void clear() noexcept;

private:
    struct Tail;

    void append(std::string_view text);
    void copy_into_tail(std::string_view text) noexcept;
    void drop_tail() noexcept;

    std::vector<Bytes> pieces_;
    std::size_t first_ = 0;  ///< of pieces_; those before it are written
    std::size_t size_ = 0;
    std::uint64_t sent_ = 0;
    Tail* tail_ = nullptr;  ///< the block that the last piece may be extended in
    bool tail_is_last_ = false;
};

}  // namespace plait::detail

// RequestBuffer: the memory requests are encoded into: large blocks, many requests one after the other in each.
// Not a queue: it knows which bytes were not taken for sending yet, not which requests they are.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "plait/reactor/bytes.hpp"

namespace plait::zk::detail {

/// Each request is a slice of a block, which lives until the last of its requests is answered. What was added since the
/// last flush() is one piece a block, however many requests it holds: one write, no copy.
class RequestBuffer {
public:
    RequestBuffer() = default;
    RequestBuffer(const RequestBuffer&) = delete;
    RequestBuffer& operator=(const RequestBuffer&) = delete;
    ~RequestBuffer();

    /// Room for a request of `size` bytes: written through `at` at once, kept as the slice returned.
    Bytes add(std::size_t size, char*& at);

    /// Gives the pieces added since the last call, in order, to `send(std::span<const Bytes>)`.
    template <typename Send>
    void flush(Send&& send) {
        if (!has_unsent()) return;
        if (unsent_ < used_) pieces_.push_back(piece());
        unsent_ = used_;
        send(std::span<const Bytes>(pieces_));
        pieces_.clear();
    }

    /// Forgets that anything is unsent.
    void drop_unsent() noexcept;

    bool has_unsent() const noexcept { return !pieces_.empty() || unsent_ < used_; }

private:
    struct Block;

    Bytes piece() const noexcept;
    void start_block(std::size_t size);
    void let_go() noexcept;

    Block* block_ = nullptr;
    std::size_t used_ = 0;       // of block_
    std::size_t unsent_ = 0;     // of block_: where its unsent bytes begin
    std::vector<Bytes> pieces_;  // unsent, of blocks before block_
};

}  // namespace plait::zk::detail

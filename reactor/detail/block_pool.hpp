// BlockPool: where received bytes are put: counted blocks, used again as long as nobody kept a slice of them. Not a
// general allocator: one reader at a time, and one pool serves all connections of a reactor.
#pragma once

#include <cstddef>
#include <span>

#include "plait/reactor/bytes.hpp"

namespace plait::detail {

/// Hands out the memory for the next read.
///
///     auto room = pool.room();
///     auto got = ::recv(fd, room.data(), room.size(), 0);
///     protocol.data_received(pool.take(got));
///
/// If every slice of the block has been dropped, the next read starts at the block's beginning; otherwise it goes
/// behind what was kept, and into a fresh block when little is left. So a protocol that keeps slices never causes a
/// copy, one that does not never causes an allocation, and an idle connection holds no memory for reading at all.
///
/// Lifetime: slices outlive the pool.
class BlockPool {
public:
    static constexpr std::size_t block_size = 64 * 1024;
    /// A read with less room than this is not worth a system call.
    static constexpr std::size_t least_room = 16 * 1024;

    BlockPool() noexcept = default;
    BlockPool(const BlockPool&) = delete;
    BlockPool& operator=(const BlockPool&) = delete;
    ~BlockPool();

    /// Writable memory of `least_room` to `block_size` bytes, valid until the next call.
    std::span<char> room();

    /// The first `size` bytes of the room, as a slice.
    Bytes take(std::size_t size) noexcept;

    /// Blocks that had to be replaced since the last `forget_renewals()`, because slices of them are still held.
    unsigned renewals() const noexcept { return renewals_; }
    void forget_renewals() noexcept { renewals_ = 0; }

private:
    struct Block;

    void renew();

    Block* block_ = nullptr;
    std::size_t used_ = 0;
    unsigned renewals_ = 0;
};

}  // namespace plait::detail

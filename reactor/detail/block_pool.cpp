#include "plait/reactor/detail/block_pool.hpp"

#include <new>

namespace plait::detail {

struct BlockPool::Block : BytesBlock {
    Block() noexcept : BytesBlock(&free) {}

    static void free(BytesBlock* block) noexcept { delete static_cast<Block*>(block); }

    char bytes[block_size];
};

BlockPool::~BlockPool() {
    if (block_ != nullptr && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) Block::free(block_);
}

std::span<char> BlockPool::room() {
    // Ours is the only reference left: no slice exists, and none can be made behind our back.
    if (block_ != nullptr && block_->references.load(std::memory_order_acquire) == 1) used_ = 0;
    if (block_ == nullptr || block_size - used_ < least_room) renew();
    return {block_->bytes + used_, block_size - used_};
}

Bytes BlockPool::take(std::size_t size) noexcept {
    Bytes slice = Bytes::share(block_->bytes + used_, size, block_);
    used_ += size;
    return slice;
}

void BlockPool::renew() {
    auto* fresh = new Block;
    if (block_ != nullptr && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) Block::free(block_);
    block_ = fresh;
    used_ = 0;
    ++renewals_;
}

}  // namespace plait::detail

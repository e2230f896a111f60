#include "plait/zk/detail/request_buffer.hpp"

#include <algorithm>
#include <new>

namespace plait::zk::detail {

struct RequestBuffer::Block : plait::detail::BytesBlock {
    static constexpr std::size_t usual_size = 16 * 1024;

    explicit Block(std::size_t room) noexcept : BytesBlock(&free), size(room) {}

    static Block* make(std::size_t room) { return new (::operator new(sizeof(Block) + room)) Block(room); }

    static void free(plait::detail::BytesBlock* block) noexcept {
        auto* self = static_cast<Block*>(block);
        self->~Block();
        ::operator delete(self);
    }

    char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }

    std::size_t size;
};

RequestBuffer::~RequestBuffer() {
    let_go();
}

Bytes RequestBuffer::add(std::size_t size, char*& at) {
    if (block_ == nullptr || block_->size - used_ < size) start_block(size);
    at = block_->bytes() + used_;
    used_ += size;
    return Bytes::share(at, size, block_);
}

void RequestBuffer::drop_unsent() noexcept {
    pieces_.clear();
    unsent_ = used_;
}

Bytes RequestBuffer::piece() const noexcept {
    return Bytes::share(block_->bytes() + unsent_, used_ - unsent_, block_);
}

void RequestBuffer::start_block(std::size_t size) {
    if (block_ != nullptr && unsent_ < used_) pieces_.push_back(piece());
    let_go();
    block_ = Block::make(std::max(size, Block::usual_size));
    used_ = unsent_ = 0;
}

void RequestBuffer::let_go() noexcept {
    if (block_ == nullptr) return;
    const auto last = Bytes::share(nullptr, 0, block_);
    block_->references.fetch_sub(1, std::memory_order_acq_rel);
    block_ = nullptr;
}

}  // namespace plait::zk::detail

#include "plait/reactor/bytes.hpp"

#include <algorithm>
#include <cstring>

namespace plait {
namespace {

/// Block and bytes in one allocation.
struct CopiedBlock : detail::BytesBlock {
    CopiedBlock() noexcept : BytesBlock(&free) {}

    static CopiedBlock* make(std::size_t size) { return new (::operator new(sizeof(CopiedBlock) + size)) CopiedBlock; }

    char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }

    static void free(detail::BytesBlock* block) noexcept {
        auto* self = static_cast<CopiedBlock*>(block);
        self->~CopiedBlock();
        ::operator delete(self);
    }
};

struct StringBlock : detail::BytesBlock {
    explicit StringBlock(std::string taken) noexcept : BytesBlock(&free), text(std::move(taken)) {}

    static void free(detail::BytesBlock* block) noexcept { delete static_cast<StringBlock*>(block); }

    std::string text;
};

}  // namespace

Bytes Bytes::copy(std::string_view text) {
    if (text.empty()) return {};
    auto* block = CopiedBlock::make(text.size());
    std::memcpy(block->bytes(), text.data(), text.size());
    return Bytes(block->bytes(), text.size(), block);
}

Bytes Bytes::own(std::string text) {
    if (text.empty()) return {};
    auto* block = new StringBlock(std::move(text));
    return Bytes(block->text.data(), block->text.size(), block);
}

Bytes Bytes::slice(std::size_t offset, std::size_t count) const noexcept {
    offset = std::min(offset, size_);
    count = std::min(count, size_ - offset);
    return share(data_ + offset, count, block_);
}

}  // namespace plait

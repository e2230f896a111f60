// Bytes: an immutable slice of a counted buffer. What a transport hands up, what a row or a znode's data is, and what
// is queued for writing. Not a builder: gather text in a std::string and give it away with Bytes::own().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace plait {

namespace detail {

/// The counted memory behind slices. `release` frees it when the last slice lets go.
struct BytesBlock {
    using Release = void (*)(BytesBlock*) noexcept;

    explicit BytesBlock(Release how) noexcept : release(how) {}

    std::atomic<std::uint32_t> references{1};
    Release release;
};

}  // namespace detail

/// Some bytes that stay where they are for as long as anybody holds a slice of them.
///
/// Copying and slicing never copy the bytes themselves: they count one more holder of the same buffer. A small slice
/// keeps the whole buffer alive; `compact()` where a few bytes of a large buffer are kept for long.
///
/// Threads: the bytes never change and the count is atomic, so slices may be handed to other threads.
class Bytes {
public:
    static constexpr std::size_t npos = static_cast<std::size_t>(-1);

    /// No bytes.
    Bytes() noexcept = default;

    /// A buffer of its own, holding a copy of `text`. One allocation.
    static Bytes copy(std::string_view text);

    /// Takes over the string's memory.
    static Bytes own(std::string text);

    /// Refers to memory that outlives every slice, such as a literal. Never freed, never counted.
    static Bytes borrow(std::string_view forever) noexcept { return Bytes(forever.data(), forever.size(), nullptr); }

    /// A slice of `block`, counting one more holder. For transports and parsers that manage their own buffers.
    static Bytes share(const char* data, std::size_t size, detail::BytesBlock* block) noexcept {
        if (block != nullptr) block->references.fetch_add(1, std::memory_order_relaxed);
        return Bytes(data, size, block);
    }

    Bytes(const Bytes& other) noexcept : data_(other.data_), size_(other.size_), block_(other.block_) {
        if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
    }
    Bytes(Bytes&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          block_(std::exchange(other.block_, nullptr)) {}
    Bytes& operator=(Bytes other) noexcept {
        swap(other);
        return *this;
    }
    ~Bytes() { drop(); }

    void swap(Bytes& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(block_, other.block_);
    }

    const char* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const char* begin() const noexcept { return data_; }
    const char* end() const noexcept { return data_ + size_; }

    /// Valid while any slice of the same buffer lives.
    std::string_view view() const noexcept { return {data_, size_}; }
    operator std::string_view() const noexcept { return view(); }
    std::string str() const { return std::string(view()); }

    /// Part of these bytes, sharing the buffer. `offset` and `count` are cut to what is there.
    Bytes slice(std::size_t offset, std::size_t count = npos) const noexcept;

    /// The slice of this buffer that `part`, a view into these bytes, covers.
    /// Precondition: `part` lies within view().
    Bytes slice_of(std::string_view part) const noexcept { return share(part.data(), part.size(), block_); }

    /// Drops the first `count` bytes from this slice. Precondition: there are so many.
    void remove_prefix(std::size_t count) noexcept {
        data_ += count;
        size_ -= count;
    }

    /// The same bytes in a buffer of just their size: lets a large buffer go while a few of its bytes stay.
    Bytes compact() const { return copy(view()); }

    friend bool operator==(const Bytes& a, const Bytes& b) noexcept { return a.view() == b.view(); }
    friend bool operator==(const Bytes& a, std::string_view b) noexcept { return a.view() == b; }

private:
    Bytes(const char* data, std::size_t size, detail::BytesBlock* block) noexcept
        : data_(data), size_(size), block_(block) {}

    void drop() noexcept {
        if (block_ != nullptr && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1)
            block_->release(block_);
    }

    const char* data_ = nullptr;
    std::size_t size_ = 0;
    detail::BytesBlock* block_ = nullptr;
};

}  // namespace plait

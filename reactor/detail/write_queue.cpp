#include "plait/reactor/detail/write_queue.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "plait/reactor/detail/kernel_room.hpp"

namespace plait::detail {
namespace {

constexpr std::size_t first_tail = 960;  // small enough for the allocator's fast path: most turns write one message
constexpr std::size_t later_tail = 16 * 1024;
constexpr std::size_t most_at_once = 128 * 1024;  // of a large piece: still cached when a peer on this machine reads it
constexpr std::size_t kept_pieces = 8;            // capacity an empty queue may keep

}  // namespace

/// A block that small pieces are copied into, one behind the other. Only the queue writes to it, and only behind what
/// was queued before: slices already made never change.
struct WriteQueue::Tail : BytesBlock {
    explicit Tail(std::size_t room) noexcept : BytesBlock(&free), capacity(room) {}

    static Tail* make(std::size_t room) { return new (::operator new(sizeof(Tail) + room)) Tail(room); }

    static void free(BytesBlock* block) noexcept {
        auto* self = static_cast<Tail*>(block);
        self->~Tail();
        ::operator delete(self);
    }

    char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
    std::size_t room() const noexcept { return capacity - used; }

    std::size_t capacity;
    std::size_t used = 0;
};

WriteQueue::~WriteQueue() {
    drop_tail();
}

void WriteQueue::push(Bytes data) {
    if (data.empty()) return;
    // The first piece goes as it is: an echo neither copies nor allocates.
    if (!empty() && data.size() <= small_piece) return append(data.view());
    const std::size_t size = data.size();
    pieces_.push_back(std::move(data));
    size_ += size;
    tail_is_last_ = false;
}

void WriteQueue::push(std::string_view text) {
    if (text.empty()) return;
    if (text.size() > later_tail) return push(Bytes::copy(text));
    append(text);
}

void WriteQueue::append(std::string_view text) {
    if (tail_ != nullptr && tail_is_last_) {
        // Fill the last block to its end, so that a stream of small writes leaves in full blocks.
        const std::string_view fits = text.substr(0, tail_->room());
        copy_into_tail(fits);
        text.remove_prefix(fits.size());
        if (text.empty()) return;
    }
    if (tail_ == nullptr || tail_->room() < text.size()) {
        const std::size_t wanted = empty() ? first_tail : later_tail;
        Tail* fresh = Tail::make(std::max(wanted, text.size()));
        drop_tail();
        tail_ = fresh;
    }
    pieces_.push_back(Bytes::share(tail_->bytes() + tail_->used, 0, tail_));
    tail_is_last_ = true;
    copy_into_tail(text);
}

void WriteQueue::copy_into_tail(std::string_view text) noexcept {
    if (text.empty()) return;
    std::memcpy(tail_->bytes() + tail_->used, text.data(), text.size());
    tail_->used += text.size();
    Bytes& last = pieces_.back();
    last = Bytes::share(last.data(), last.size() + text.size(), tail_);
    size_ += text.size();
}

std::size_t WriteQueue::gather(std::span<iovec> room, std::uint64_t most) const noexcept {
    const std::size_t count = std::min({room.size(), most_vectors, pieces_.size() - first_});
    for (std::size_t i = 0; i < count; ++i) {
        const Bytes& piece = pieces_[first_ + i];
        room[i].iov_base = const_cast<char*>(piece.data());
        room[i].iov_len = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), most));
        most -= room[i].iov_len;
        if (most == 0) return i + 1;
    }
    return count;
}

void WriteQueue::consume(std::size_t count) noexcept {
    size_ -= count;
    sent_ += count;
    if (size_ == 0) return clear();
    while (count >= pieces_[first_].size()) {
        count -= pieces_[first_].size();
        pieces_[first_++] = Bytes();
    }
    pieces_[first_].remove_prefix(count);
    // Written entries are moved out in bulk: constant cost a piece, and never more than half of the list is dead.
    if (first_ > kept_pieces && first_ * 2 > pieces_.size()) {
        pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

int WriteQueue::send_to(int fd) noexcept {
    std::array<iovec, most_vectors> vectors;
    while (!empty()) {
        const std::size_t pieces = pieces_.size() - first_;
        ssize_t sent;
        if (pieces == 1) {
            const Bytes& only = pieces_[first_];
            sent = ::send(fd, only.data(), std::min(only.size(), most_at_once), MSG_NOSIGNAL | MSG_DONTWAIT);
        } else {
            msghdr message{};
            message.msg_iov = vectors.data();
            message.msg_iovlen = gather(vectors);
            sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        if (sent < 0) {
            if (errno == EINTR) continue;
            return would_block(errno) ? 0 : errno;
        }
        const std::size_t before = size_;
        consume(static_cast<std::size_t>(sent));
        // A short count says that the kernel is full; asking again would only be told so.
        if (static_cast<std::size_t>(sent) < before && pieces <= most_vectors) return 0;
    }
    return 0;
}

void WriteQueue::clear() noexcept {
    pieces_.clear();
    if (pieces_.capacity() > kept_pieces) pieces_.shrink_to_fit();
    first_ = 0;
    size_ = 0;
    drop_tail();
}

void WriteQueue::drop_tail() noexcept {
    if (tail_ != nullptr && tail_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) Tail::free(tail_);
    tail_ = nullptr;
    tail_is_last_ = false;
}

}  // namespace plait::detail

#include "plait/couch_async/detail/mark_cursor.hpp"

#include <algorithm>

namespace plait::couch_async::detail {

// Room for a mark a byte, for write_marks() to write eight more, and for the `none` behind the last. One word of quotes
// more than the piece has, since a string may open with the piece's last byte.
MarkCursor::MarkCursor(ScanFunction scan)
    : scan_(scan),
      marks_(new std::uint32_t[largest_piece + 9]),
      quotes_(new std::uint64_t[largest_piece / 64 + 1]),
      mark_(marks_.get()) {
    *mark_ = none;
}

void MarkCursor::refill() {
    while (*mark_ == none && bad_ == none && piece_end_ != size_) {
        const std::size_t piece = std::min<std::size_t>(next_piece_, size_ - piece_end_);
        next_piece_ = std::min(next_piece_ * 2, largest_piece);
        piece_begin_ = piece_end_;
        piece_end_ += static_cast<std::uint32_t>(piece);
        mark_ = marks_.get();
        ScanOutput out{mark_, mark_, quotes_.get()};
        scan_(text_ + piece_begin_, piece, piece_begin_, carry_, out);
        *out.end = none;
        bad_ = out.bad;
        quotes_[(piece + 63) / 64] = 0;
    }
}

std::uint32_t MarkCursor::closing_quote_by_bytes(std::uint32_t open, std::uint32_t limit) const noexcept {
    for (std::uint32_t at = open + 1; at < limit; ++at) {
        if (text_[at] == '"') return at;
        if (text_[at] == '\\') ++at;
    }
    return limit;
}

}  // namespace plait::couch_async::detail

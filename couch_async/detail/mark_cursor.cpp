#include "plait/couch_async/detail/mark_cursor.hpp"

#include <algorithm>

namespace plait::couch_async::detail {

// Room for a mark a byte, for the scan to write sixteen more, and for the `none` behind the last. Two words of no
// quotes more than the piece has: strings are looked up by unaligned words, and may open with the piece's last byte.
MarkCursor::MarkCursor(ScanFunction scan)
    : scan_(scan),
      marks_(new std::uint32_t[largest_piece + 17]),
      quotes_(new std::uint64_t[largest_piece / 64 + 2]),
      mark_(marks_.get()) {
    marks_[0] = none;
}

void MarkCursor::refill() {
    while (*mark_ == none && bad_ == none && piece_end_ != size_) {
        const std::size_t piece = std::min<std::size_t>(next_piece_, size_ - piece_end_);
        next_piece_ = std::min(next_piece_ * 2, largest_piece);
        piece_begin_ = piece_end_;
        piece_end_ += static_cast<std::uint32_t>(piece);
        carry_.saw_backslash = false;
        const std::size_t words = (piece + 63) / 64;
        ScanOutput out{marks_.get(), marks_.get(), quotes_.get()};
        scan_(text_ + piece_begin_, piece, piece_begin_, carry_, out);
        if (out.bad != none)
            std::fill_n(quotes_.get() + (out.bad - piece_begin_) / 64 + 1, words - (out.bad - piece_begin_) / 64 - 1,
                        0);
        quotes_[words] = quotes_[words + 1] = 0;
        *out.end = none;
        bad_ = out.bad;
        mark_ = marks_.get();
    }
}

}  // namespace plait::couch_async::detail

// MarkCursor: the brackets and commas of one contiguous text, one after another, found a piece at a time.
// Not resumable across texts by itself: carry() of one text starts the next.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <string_view>

#include "plait/couch_async/detail/structural_scan.hpp"

namespace plait::couch_async::detail {

/// Pieces keep the marks in the nearest cache between the two passes, and bound the room for them.
class MarkCursor {
public:
    static constexpr std::uint32_t none = ScanOutput::no_position;
    static constexpr std::size_t largest_piece = 8 * 1024;
    /// For a text of which probably little is needed: pieces start here and double.
    static constexpr std::size_t smallest_piece = 256;

    explicit MarkCursor(ScanFunction scan = best_scan());

    /// Goes to `from` in `text`. The text must stay while the cursor is used, and be shorter than 4 GiB.
    void start(std::string_view text, std::size_t from, std::size_t first_piece = largest_piece, ScanCarry carry = {}) {
        text_ = text.data();
        size_ = static_cast<std::uint32_t>(text.size());
        piece_begin_ = piece_end_ = static_cast<std::uint32_t>(from);
        next_piece_ = first_piece;
        carry_ = carry;
        bad_ = none;
        mark_ = marks_.get();
        *mark_ = none;
    }

    /// The position of the next mark; `none` after the last one, and where bad() is next.
    std::uint32_t peek() {
        if (*mark_ == none) [[unlikely]]
            refill();
        return *mark_;
    }

    /// Precondition: peek() gave a mark.
    void skip() noexcept { ++mark_; }

    /// After peek() gave `none`: the byte that ends the scan, or `none` where the text just ended.
    std::uint32_t bad() const noexcept { return bad_; }

    /// After peek() gave `none` without a bad byte: how the text ended.
    const ScanCarry& carry() const noexcept { return carry_; }

    const char* text() const noexcept { return text_; }
    std::uint32_t size() const noexcept { return size_; }

    /// Whether the text so far was scanned without meeting a backslash.
    bool no_backslashes() const noexcept { return !carry_.saw_backslash; }

    /// The closing quote of the string that opens at `open`, which lies before the next mark `limit`; `limit` where
    /// there is none.
    std::uint32_t closing_quote(std::uint32_t open, std::uint32_t limit) const noexcept {
        // The usual string is short and begins in this piece: one look at the bits.
        const std::uint32_t from = open + 1 - piece_begin_;
        if (open < piece_begin_) [[unlikely]]
            return closing_quote_by_bytes(open, limit);
        std::uint32_t word = from / 64;
        std::uint64_t bits = quotes_[word] >> (from % 64) << (from % 64);
        while (bits == 0) {
            ++word;
            if (piece_begin_ + word * 64 >= limit) return limit;
            bits = quotes_[word];
        }
        const std::uint32_t found = piece_begin_ + word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
        return found < limit ? found : limit;
    }

private:
    void refill();
    std::uint32_t closing_quote_by_bytes(std::uint32_t open, std::uint32_t limit) const noexcept;

    ScanFunction scan_;
    std::unique_ptr<std::uint32_t[]> marks_;
    std::unique_ptr<std::uint64_t[]> quotes_;
    std::uint32_t* mark_;
    const char* text_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t piece_begin_ = 0;
    std::uint32_t piece_end_ = 0;
    std::uint32_t bad_ = none;
    std::size_t next_piece_ = largest_piece;
    ScanCarry carry_;
};

}  // namespace plait::couch_async::detail

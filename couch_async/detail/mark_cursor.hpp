// MarkCursor: the brackets of one contiguous text outside its strings, one after another, found a piece at a time.
// Not resumable across texts by itself: carry() of one text starts the next.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "plait/couch_async/detail/structural_scan.hpp"

namespace plait::couch_async::detail {

/// Where strings of one piece open and close: a bit for each byte.
class QuoteBits {
public:
    /// `words` has two words of zeros behind those of the piece.
    QuoteBits(const std::uint64_t* words, std::uint32_t piece_begin) noexcept : words_(words), begin_(piece_begin) {}

    /// The bits of the bytes from `from` on, at_once of them or more. Precondition: `from` lies in the piece, or is its
    /// end.
    static constexpr std::uint32_t at_once = 57;
    std::uint64_t from(std::uint32_t from) const noexcept {
        const std::uint32_t bit = from - begin_;
        if constexpr (std::endian::native == std::endian::little) {
            // One load wherever the string lies, so that there is no branch for the processor to guess.
            std::uint64_t word;
            std::memcpy(&word, reinterpret_cast<const char*>(words_) + bit / 8, sizeof word);
            return word >> bit % 8;
        } else {
            const std::uint64_t low = words_[bit / 64] >> bit % 64;
            return bit % 64 == 0 ? low : low | words_[bit / 64 + 1] << (64 - bit % 64);
        }
    }

private:
    const std::uint64_t* words_;
    std::uint32_t begin_;
};

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
        marks_[0] = none;
        mark_ = marks_.get();
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

    /// Whether the piece that the next mark is in has no backslash at all.
    bool no_backslashes() const noexcept { return !carry_.saw_backslash; }

    /// The closing quote of the string that opens at `open`, or `none` where it is not in the piece that was scanned
    /// last.
    std::uint32_t closing_quote(std::uint32_t open) const noexcept {
        if (open < piece_begin_ || open + 1 >= piece_end_) return none;
        for (std::uint32_t from = open + 1; from < piece_end_; from += QuoteBits::at_once) {
            const std::uint64_t bits = quotes().from(from);
            if (bits != 0) return from + static_cast<std::uint32_t>(std::countr_zero(bits));
        }
        return none;
    }

    // For a reader that keeps its place in a register: marks from here() up to `none` are those of one piece.

    const std::uint32_t* here() const noexcept { return mark_; }
    void go_to(const std::uint32_t* mark) noexcept { mark_ = mark; }

    /// Behind the last byte of the piece that was scanned last.
    std::uint32_t piece_end() const noexcept { return piece_end_; }

    /// Of the piece that was scanned last.
    QuoteBits quotes() const noexcept { return QuoteBits(quotes_.get(), piece_begin_); }

private:
    void refill();

    ScanFunction scan_;
    std::unique_ptr<std::uint32_t[]> marks_;
    std::unique_ptr<std::uint64_t[]> quotes_;
    const std::uint32_t* mark_;
    const char* text_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t piece_begin_ = 0;
    std::uint32_t piece_end_ = 0;
    std::uint32_t bad_ = none;
    std::size_t next_piece_ = largest_piece;
    ScanCarry carry_;
};

}  // namespace plait::couch_async::detail

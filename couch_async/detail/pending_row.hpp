// PendingRow: a row that the end of a chunk has cut. Collects its text and finds its end, across any number of chunks.
// Not a reader: the joined text is read like any other once it is complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "plait/couch_async/detail/bracket_stack.hpp"
#include "plait/couch_async/detail/mark_cursor.hpp"

namespace plait::couch_async::detail {

class PendingRow {
public:
    enum class State : std::uint8_t {
        none,       ///< no row is pending
        open,       ///< all that was given belongs to the row, and it goes on
        ended,      ///< take() gives the whole row; a number, true, false or null with the byte that ends it
        broken,     ///< the text ends with a byte that cannot be there
        too_large,  ///< the row is longer than the limit; the text is as much of it as the limit allows
    };

    PendingRow(std::size_t row_bytes, std::size_t depth) noexcept : row_bytes_(row_bytes), depth_(depth) {}

    /// The row begins with the first byte of `rest`, at byte `offset` of the body.
    State begin(MarkCursor& marks, std::string_view rest, std::uint64_t offset);

    /// The row goes on at `from` in `chunk`. `used` is then the position behind it; behind what was looked at, where
    /// it is still open.
    State go_on(MarkCursor& marks, std::string_view chunk, std::size_t from, std::size_t& used);

    State state() const noexcept { return state_; }
    std::uint64_t offset() const noexcept { return offset_; }

    /// Hands the text over; no row is pending then.
    std::string take();

private:
    enum class Kind : std::uint8_t { nested, string, literal };

    State stop(State state, std::string_view chunk, std::size_t from, std::size_t end);
    State go_on_nested(MarkCursor& marks, std::string_view chunk, std::size_t from, std::size_t& used);
    State go_on_string(std::string_view chunk, std::size_t from, std::size_t& used);
    State go_on_literal(std::string_view chunk, std::size_t from, std::size_t& used);

    std::size_t row_bytes_;
    std::size_t depth_;
    State state_ = State::none;
    Kind kind_ = Kind::nested;
    std::uint64_t offset_ = 0;
    BracketStack open_;
    ScanCarry carry_;
    std::string text_;
};

}  // namespace plait::couch_async::detail

// RowReader: rows of one contiguous text into a batch. The second pass: it goes from name to value, and over nested
// values from bracket to bracket. Not for rows cut by the end of the text: it says `incomplete`, and is given the
// joined row later.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plait/couch_async/detail/bracket_stack.hpp"
#include "plait/couch_async/detail/mark_cursor.hpp"
#include "plait/couch_async/view/body_error.hpp"
#include "plait/couch_async/view/row_splitter.hpp"
#include "plait/couch_async/view/rows.hpp"

namespace plait::couch_async::detail {

/// What numbers, true, false and null are spelled with, right or wrong. The first other byte ends them.
inline bool is_literal_byte(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' ||
           c == '.';
}

struct RowFault {
    BodyFault fault = BodyFault::not_json;
    std::uint32_t at = 0;  ///< position in the text
    const char* what = "";
};

class RowReader {
public:
    /// What may come next in the array.
    enum class Expect : std::uint8_t { row_or_end, row, comma_or_end };

    enum class Stop : std::uint8_t {
        row,         ///< one row was added
        full,        ///< the batch is; a row begins at `at`
        used_up,     ///< the text, between two rows
        incomplete,  ///< the text ended within the row that begins at `at`
        end,         ///< `at` is behind the closing bracket of the array
        fault,       ///< fault() says which
    };

    explicit RowReader(const SplitLimits& limits) noexcept : limits_(limits) {}

    /// Reads rows from `at` on into `rows`, which is to hold `buffer`. `marks` stands at the same place. `at` follows.
    Stop read_rows(MarkCursor& marks, std::uint32_t& at, Expect& expect, Rows& rows, const BatchBound& bound,
                   const Bytes& buffer);

    /// Reads one row that begins at `begin`, where `marks` stands. `end` is then behind it.
    Stop read_row(MarkCursor& marks, std::uint32_t begin, std::uint32_t& end, Rows& rows, const Bytes& buffer);

    const RowFault& fault() const noexcept { return fault_; }

private:
    enum class Step : std::uint8_t { ok, stopped };

    bool read_usual_rows(MarkCursor& marks, std::uint32_t& at, Rows& rows, const BatchBound& bound);

    Step read_object(MarkCursor& marks, std::uint32_t begin, std::uint32_t& end, ViewRow& row);
    Step read_name(MarkCursor& marks, std::uint32_t at, ViewRow& row, ViewRow::Part*& slot, std::uint32_t& behind);
    Step skip_value(MarkCursor& marks, std::uint32_t at, std::size_t depth, std::uint32_t& behind);
    Step skip_string(MarkCursor& marks, std::uint32_t at, std::uint32_t& behind);
    Step skip_literal(MarkCursor& marks, std::uint32_t at, std::uint32_t& behind);
    Step skip_nested(MarkCursor& marks, std::size_t depth, std::uint32_t& behind);
    Step take_id(MarkCursor& marks, ViewRow& row, Rows& rows);

    /// The text ends here: the row goes on in another, or never.
    Step ends() noexcept { return Step::stopped; }
    Step fail(BodyFault fault, std::uint32_t at, std::uint32_t seen, const char* what) noexcept;
    Step fail(std::uint32_t at, const char* what) noexcept { return fail(BodyFault::not_json, at, at, what); }

    SplitLimits limits_;
    BracketStack open_;
    RowFault fault_;
    std::uint32_t seen_ = 0;  ///< how far the text was looked at when the fault was found
    bool faulty_ = false;
};

}  // namespace plait::couch_async::detail

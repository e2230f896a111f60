// RowReader: rows of one contiguous text into a batch. The second pass: it looks at brackets and commas that the scan
// found. Not for rows cut by the end of the text: it says `incomplete` and forgets, and is given the joined row later.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plait/couch_async/detail/bracket_stack.hpp"
#include "plait/couch_async/detail/mark_cursor.hpp"
#include "plait/couch_async/view/body_error.hpp"
#include "plait/couch_async/view/row_splitter.hpp"
#include "plait/couch_async/view/rows.hpp"

namespace plait::couch_async::detail {

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
        full,        ///< the batch is; a row begins at at()
        used_up,     ///< the text, between two rows
        incomplete,  ///< the text ended within the row that begins at at()
        end,         ///< at() is behind the closing bracket of the array
        fault,       ///< fault() says which
    };

    explicit RowReader(const SplitLimits& limits) noexcept : limits_(limits) {}

    /// Reads rows from `at` on into `rows`. `marks` stands at the same place. `at` follows.
    Stop read_rows(MarkCursor& marks, std::uint32_t& at, Expect& expect, Rows& rows, const BatchBound& bound,
                   const Bytes& buffer);

    /// Reads one row that begins at `begin`, where `marks` stands. `end` is then behind it.
    /// Stop::full where the row is complete and was added.
    Stop read_row(MarkCursor& marks, std::uint32_t begin, std::uint32_t& end, Rows& rows, const Bytes& buffer);

    const RowFault& fault() const noexcept { return fault_; }

private:
    enum class Step : std::uint8_t { ok, stopped };

    Step read_object(MarkCursor& marks, std::uint32_t begin, std::uint32_t& end, ViewRow& row);
    Step read_scalar_row(MarkCursor& marks, std::uint32_t begin, std::uint32_t& end, std::uint32_t& after);
    Step skip_nested(MarkCursor& marks, std::size_t depth, std::uint32_t& end);
    Step skip_deep(MarkCursor& marks, std::size_t depth, std::uint64_t stack, std::uint32_t& end);
    Step read_name(MarkCursor& marks, std::uint32_t at, std::uint32_t mark, ViewRow& row, ViewRow::Part*& slot,
                   std::uint32_t& colon);
    Step check_scalar(MarkCursor& marks, std::uint32_t begin, std::uint32_t mark, std::uint32_t& end);
    Step take_id(MarkCursor& marks, ViewRow& row, Rows& rows);
    Step stop_at_end(MarkCursor& marks) noexcept;
    Step fail(BodyFault fault, std::uint32_t at, std::uint32_t seen, const char* what) noexcept;
    Step fail(std::uint32_t at, std::uint32_t seen, const char* what) noexcept {
        return fail(BodyFault::not_json, at, seen, what);
    }

    SplitLimits limits_;
    BracketStack deep_;
    RowFault fault_;
    std::uint32_t seen_ = 0;  ///< how far the text was looked at when the fault was found
    bool faulty_ = false;
};

}  // namespace plait::couch_async::detail

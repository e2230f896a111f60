// RowSplitter: the body of a view in, batches of rows out, while the body is still arriving. No I/O, no loop, no
// callbacks. Not a JSON parser: it finds where rows and their members begin and end, and decodes only ids and the
// envelope.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "plait/couch_async/view/body_error.hpp"
#include "plait/couch_async/view/meta.hpp"
#include "plait/couch_async/view/rows.hpp"
#include "plait/reactor/bytes.hpp"

namespace plait::couch_async {

/// What one body may make the splitter keep. Units: bytes, levels.
struct SplitLimits {
    std::size_t row_bytes = 64 * 1024 * 1024;  ///< one row; at most 1 GiB
    std::size_t meta_bytes = 1024 * 1024;      ///< all that is not rows, header and trailer together
    std::size_t depth = 512;                   ///< nested brackets of one row or header member, its own included
};

/// How much a batch may hold after take(), counting what it held before. A batch is full once it reaches either; an
/// empty batch takes one row whatever the bound.
struct BatchBound {
    std::size_t rows = 1000;
    std::size_t bytes = 1024 * 1024;
};

/// What take() stopped at.
enum class Split : std::uint8_t {
    more,    ///< the batch is full; there is more to take
    hungry,  ///< all that was fed is used up: feed() or finish()
    done,    ///< the body is complete, every row was taken, meta() is final
    failed,  ///< the body is broken, see error(); rows before the fault were delivered
};

/// Splits `{ ..., "rows": [ row, row, ... ], ... }` as Couchbase and CouchDB send it, or as anybody else would: order
/// of members, white space and cuts between chunks do not matter.
///
///     splitter.feed(chunk);
///     Rows rows;
///     while (splitter.take(rows) == Split::more) { use(std::move(rows)); rows = Rows(); }
///
/// The events (rows, fault, offset of the fault) are the same however the body is cut. Rows within one chunk are slices
/// of it; a row that straddles chunks is copied together once. Memory: the chunks that were fed and not yet taken, one
/// row, and the envelope; see SplitLimits.
///
/// Checked: the whole envelope is JSON; "rows" is the top-level member of that name however its name is escaped, and
/// only one; commas between rows; each row is one JSON value; members of an object row have names, colons, commas, and
/// values that are one valid scalar or one bracketed value; within these, brackets match, strings end and hold no
/// control characters, and backslashes occur in strings only. Not checked: what is between the brackets of a nested
/// value beyond that, escapes in strings other than ids and names, UTF-8, the size of numbers (they stay text).
///
/// The destructor drops what was fed and not taken. Batches live on without the splitter.
/// Threads: one at a time.
class RowSplitter {
public:
    explicit RowSplitter(SplitLimits limits = {});
    RowSplitter(RowSplitter&&) noexcept;
    RowSplitter& operator=(RowSplitter&&) noexcept;
    ~RowSplitter();

    /// More of the body. Queued behind what has not been taken yet; best called when take() said `hungry`.
    /// Ignored after a fault.
    void feed(Bytes chunk);

    /// The body has ended. Call take() once more: it says whether it ended where it should.
    void finish();

    /// Appends complete rows to `rows` until the bound is reached or the input is used up. After `done` or `failed`
    /// it says the same again.
    Split take(Rows& rows, BatchBound bound = {});

    /// Bytes fed and not yet split. Bytes of a row that is not complete yet count as split.
    std::size_t waiting_bytes() const noexcept;

    /// True from the first byte of the "rows" array on: the header members of meta() are known.
    bool header_known() const noexcept;

    /// True once the closing `}` was seen; only white space may follow.
    bool complete() const noexcept;

    /// Rows delivered since the beginning.
    std::uint64_t rows_taken() const noexcept;

    /// Empty before header_known(), the header's members until `done`, then everything. After BodyFault::no_rows it is
    /// the whole document, so that a caller can see what came instead.
    const ViewMeta& meta() const noexcept;

    /// Precondition: take() returned `failed`.
    const ViewBodyError& error() const noexcept;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace plait::couch_async

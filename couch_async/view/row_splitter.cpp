#include "plait/couch_async/view/row_splitter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "plait/couch_async/detail/envelope.hpp"
#include "plait/couch_async/detail/mark_cursor.hpp"
#include "plait/couch_async/detail/pending_row.hpp"
#include "plait/couch_async/detail/row_reader.hpp"

namespace plait::couch_async {

using detail::Envelope;
using detail::MarkCursor;
using detail::PendingRow;
using detail::RowReader;

namespace {

/// Positions in a text are 32 bits wide.
constexpr std::size_t largest_text = std::size_t{1} << 30;

SplitLimits within_reach(SplitLimits limits) {
    limits.row_bytes = std::clamp<std::size_t>(limits.row_bytes, 1, largest_text);
    limits.meta_bytes = std::max<std::size_t>(limits.meta_bytes, 2);
    limits.depth = std::max<std::size_t>(limits.depth, 1);
    return limits;
}

/// The beginning of what broke, for the message: a server that fails in the middle often says why right there.
std::string excerpt(std::string_view text) {
    std::string shown;
    for (char c : text.substr(0, 120))
        shown.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
    return shown;
}

}  // namespace

class RowSplitter::Impl {
public:
    explicit Impl(SplitLimits limits)
        : limits_(within_reach(limits)),
          envelope_(limits_),
          reader_(limits_),
          pending_(limits_.row_bytes, limits_.depth) {}

    void feed(Bytes chunk) {
        if (failed() || ended_) return;
        for (; chunk.size() > largest_text; chunk.remove_prefix(largest_text))
            queue_.push_back(chunk.slice(0, largest_text));
        if (!chunk.empty()) queue_.push_back(std::move(chunk));
    }

    void finish() noexcept { ended_ = true; }

    Split take(Rows& rows, const BatchBound& bound) {
        const std::size_t before = rows.size();
        const Split said = split(rows, bound);
        rows_taken_ += rows.size() - before;
        if (said == Split::failed) {
            queue_.clear();
            chunk_ = {};
            at_ = 0;
        }
        return said;
    }

    std::size_t waiting_bytes() const noexcept {
        std::size_t waiting = chunk_.size() - at_;
        for (const Bytes& chunk : queue_)
            waiting += chunk.size();
        return waiting;
    }

    bool header_known() const noexcept { return header_known_; }
    bool complete() const noexcept { return envelope_.closed(); }
    std::uint64_t rows_taken() const noexcept { return rows_taken_; }
    const ViewMeta& meta() const noexcept { return header_known_ || complete() ? envelope_.meta() : no_meta_; }
    const ViewBodyError& error() const noexcept { return *envelope_.error(); }

private:
    bool failed() const noexcept { return envelope_.error().has_value(); }
    std::uint64_t offset(std::uint64_t at) const noexcept { return base_ + at; }

    Split split(Rows& rows, const BatchBound& bound) {
        while (!failed()) {
            if (at_ == chunk_.size() && !next_chunk()) return ended_ ? end_of_body() : Split::hungry;
            if (!in_rows_) {
                read_envelope();
            } else if (pending_.state() == PendingRow::State::open) {
                go_on_with_row(rows);
            } else if (read_rows(rows, bound)) {
                return Split::more;
            }
        }
        return Split::failed;
    }

    bool next_chunk() {
        base_ += chunk_.size();
        chunk_ = {};
        at_ = 0;
        marks_ready_ = false;
        if (queue_.empty()) return false;
        chunk_ = std::move(queue_.front());
        queue_.pop_front();
        return true;
    }

    void read_envelope() {
        std::size_t used = 0;
        const auto event = envelope_.feed(chunk_.view().substr(at_), offset(at_), used);
        at_ += static_cast<std::uint32_t>(used);
        if (event != Envelope::Event::rows_begin) return;
        in_rows_ = true;
        header_known_ = true;
        expect_ = RowReader::Expect::row_or_end;
        marks_ready_ = false;
    }

    /// True where the batch is full.
    bool read_rows(Rows& rows, const BatchBound& bound) {
        if (!marks_ready_) marks_.start(chunk_.view(), at_);
        marks_ready_ = true;
        switch (reader_.read_rows(marks_, at_, expect_, rows, bound, chunk_)) {
            case RowReader::Stop::full:
                return true;
            case RowReader::Stop::used_up:
            case RowReader::Stop::row:
                break;
            case RowReader::Stop::incomplete:
                begin_pending();
                break;
            case RowReader::Stop::end:
                in_rows_ = false;
                envelope_.rows_ended(offset(at_ - 1));
                break;
            case RowReader::Stop::fault:
                fail(reader_.fault(), base_, chunk_.view());
                break;
        }
        return false;
    }

    void begin_pending() {
        const auto state = pending_.begin(marks_, chunk_.view().substr(at_), offset(at_));
        at_ = static_cast<std::uint32_t>(chunk_.size());
        if (state != PendingRow::State::open) fail_pending();
    }

    void go_on_with_row(Rows& rows) {
        std::size_t used = 0;
        const auto state = pending_.go_on(marks_, chunk_.view(), at_, used);
        at_ = static_cast<std::uint32_t>(used);
        marks_ready_ = false;
        if (state == PendingRow::State::open) return;
        if (state != PendingRow::State::ended) {
            fail_pending();
            return;
        }
        const std::uint64_t begin = pending_.offset();
        const Bytes joined = Bytes::own(pending_.take());
        std::uint32_t end = 0;
        marks_.start(joined.view(), 0);
        if (reader_.read_row(marks_, 0, end, rows, joined) != RowReader::Stop::row)
            fail(reader_.fault(), begin, joined);
        expect_ = RowReader::Expect::comma_or_end;
    }

    /// The pending row is broken, too large or cut off for good. What the reader finds in the text that is there comes
    /// first: the fault is then the same as when the row arrives in one piece.
    void fail_pending() {
        const bool too_large = pending_.state() == PendingRow::State::too_large;
        const std::uint64_t begin = pending_.offset();
        const std::string text = pending_.take();
        Rows nowhere;
        std::uint32_t end = 0;
        marks_.start(text, 0);
        const auto stop = reader_.read_row(marks_, 0, end, nowhere, Bytes());
        if (stop == RowReader::Stop::fault) {
            fail(reader_.fault(), begin, text);
        } else if (too_large) {
            fail({BodyFault::row_too_large, 0, "a row longer than the limit"}, begin, text);
        } else {
            fail(
                {BodyFault::truncated, static_cast<std::uint32_t>(text.size()), "the body ends in the middle of a row"},
                begin, text);
        }
    }

    void fail(const detail::RowFault& fault, std::uint64_t begin, std::string_view text) {
        std::string detail = fault.what;
        if (fault.fault == BodyFault::row_too_large) detail += fmt::format(" of {} bytes", limits_.row_bytes);
        if (fault.fault == BodyFault::not_json) detail += fmt::format(", found `{}`", excerpt(text.substr(fault.at)));
        envelope_.fail(fault.fault, begin + fault.at, detail);
    }

    Split end_of_body() {
        if (pending_.state() == PendingRow::State::open) {
            fail_pending();
        } else if (in_rows_) {
            envelope_.fail(BodyFault::truncated, base_, "the body ends in the middle of the rows");
        } else if (envelope_.finish(base_)) {
            return Split::done;
        }
        return Split::failed;
    }

    SplitLimits limits_;
    Envelope envelope_;
    RowReader reader_;
    PendingRow pending_;
    MarkCursor marks_;
    RowReader::Expect expect_ = RowReader::Expect::row_or_end;
    bool in_rows_ = false;
    bool header_known_ = false;
    bool ended_ = false;
    bool marks_ready_ = false;  ///< marks_ stands at at_ in chunk_
    std::uint32_t at_ = 0;
    std::uint64_t base_ = 0;  ///< of the first byte of chunk_
    std::uint64_t rows_taken_ = 0;
    Bytes chunk_;
    std::deque<Bytes> queue_;
    ViewMeta no_meta_;
};

RowSplitter::RowSplitter(SplitLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
RowSplitter::RowSplitter(RowSplitter&&) noexcept = default;
RowSplitter& RowSplitter::operator=(RowSplitter&&) noexcept = default;
RowSplitter::~RowSplitter() = default;

void RowSplitter::feed(Bytes chunk) {
    impl_->feed(std::move(chunk));
}
void RowSplitter::finish() {
    impl_->finish();
}
Split RowSplitter::take(Rows& rows, BatchBound bound) {
    return impl_->take(rows, bound);
}
std::size_t RowSplitter::waiting_bytes() const noexcept {
    return impl_->waiting_bytes();
}
bool RowSplitter::header_known() const noexcept {
    return impl_->header_known();
}
bool RowSplitter::complete() const noexcept {
    return impl_->complete();
}
std::uint64_t RowSplitter::rows_taken() const noexcept {
    return impl_->rows_taken();
}
const ViewMeta& RowSplitter::meta() const noexcept {
    return impl_->meta();
}
const ViewBodyError& RowSplitter::error() const noexcept {
    return impl_->error();
}

}  // namespace plait::couch_async

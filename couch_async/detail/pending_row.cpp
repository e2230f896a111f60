#include "plait/couch_async/detail/pending_row.hpp"

#include <utility>

namespace plait::couch_async::detail {

PendingRow::State PendingRow::begin(MarkCursor& marks, std::string_view rest, std::uint64_t offset) {
    offset_ = offset;
    scalar_ = rest.front() != '{' && rest.front() != '[';
    open_.clear();
    carry_ = {};
    text_.clear();
    state_ = State::open;
    std::size_t used = 0;
    return go_on(marks, rest, 0, used);
}

PendingRow::State PendingRow::go_on(MarkCursor& marks, std::string_view chunk, std::size_t from, std::size_t& used) {
    marks.start(chunk, from, MarkCursor::smallest_piece, carry_);
    const auto stop = [&](State state, std::size_t end, std::size_t next) {
        used = next;
        append(chunk.substr(from, end - from), scalar_ && state == State::ended);
        if (state_ == State::open) state_ = state;
        return state_;
    };
    for (;;) {
        const std::uint32_t mark = marks.peek();
        if (mark == MarkCursor::none) break;
        marks.skip();
        if (scalar_) return stop(State::ended, mark + 1, mark);
        const char c = chunk[mark];
        if (c == ',') continue;
        const bool square = c == '[' || c == ']';
        const std::size_t behind = mark + 1;
        if (c == '{' || c == '[') {
            if (open_.depth() == depth_) return stop(State::broken, behind, behind);
            open_.push(square);
        } else if (!open_.pop(square)) {
            return stop(State::broken, behind, behind);
        } else if (open_.depth() == 0) {
            return stop(State::ended, behind, behind);
        }
    }
    if (marks.bad() != MarkCursor::none) return stop(State::broken, marks.bad() + 1, marks.bad() + 1);
    carry_ = marks.carry();
    return stop(State::open, chunk.size(), chunk.size());
}

std::string PendingRow::take() {
    state_ = State::none;
    return std::exchange(text_, {});
}

/// The byte that ends a scalar is not counted as its own.
PendingRow::State PendingRow::append(std::string_view more, bool ends_with_mark) {
    const std::size_t extra = ends_with_mark ? 1 : 0;
    if (text_.size() + more.size() - extra > row_bytes_) {
        text_.append(more.substr(0, row_bytes_ - text_.size()));
        state_ = State::too_large;
    } else {
        text_.append(more);
    }
    return state_;
}

}  // namespace plait::couch_async::detail

#include "plait/couch_async/detail/pending_row.hpp"

#include <utility>

#include "plait/couch_async/detail/row_reader.hpp"

namespace plait::couch_async::detail {

PendingRow::State PendingRow::begin(MarkCursor& marks, std::string_view rest, std::uint64_t offset) {
    const char first = rest.front();
    kind_ = first == '{' || first == '[' ? Kind::nested : first == '"' ? Kind::string : Kind::literal;
    offset_ = offset;
    open_.clear();
    carry_ = {};
    text_.clear();
    state_ = State::open;
    std::size_t used = 0;
    return go_on(marks, rest, 0, used);
}

PendingRow::State PendingRow::go_on(MarkCursor& marks, std::string_view chunk, std::size_t from, std::size_t& used) {
    switch (kind_) {
        case Kind::nested:
            return go_on_nested(marks, chunk, from, used);
        case Kind::string:
            return go_on_string(chunk, from, used);
        default:
            return go_on_literal(chunk, from, used);
    }
}

PendingRow::State PendingRow::go_on_nested(MarkCursor& marks, std::string_view chunk, std::size_t from,
                                           std::size_t& used) {
    marks.start(chunk, from, MarkCursor::smallest_piece, carry_);
    for (;;) {
        const std::uint32_t mark = marks.peek();
        if (mark == MarkCursor::none) break;
        marks.skip();
        const char c = chunk[mark];
        const bool square = c == '[' || c == ']';
        used = mark + 1;
        if (c == '{' || c == '[') {
            if (open_.depth() == depth_) return stop(State::broken, chunk, from, used);
            open_.push(square);
        } else if (!open_.pop(square)) {
            return stop(State::broken, chunk, from, used);
        } else if (open_.depth() == 0) {
            return stop(State::ended, chunk, from, used);
        }
    }
    if (marks.bad() != MarkCursor::none) {
        used = marks.bad() + 1;
        return stop(State::broken, chunk, from, used);
    }
    carry_ = marks.carry();
    used = chunk.size();
    return stop(State::open, chunk, from, used);
}

PendingRow::State PendingRow::go_on_string(std::string_view chunk, std::size_t from, std::size_t& used) {
    for (used = from; used != chunk.size();) {
        const char c = chunk[used++];
        const bool first = text_.empty() && used == from + 1;
        if (static_cast<unsigned char>(c) < 0x20) return stop(State::broken, chunk, from, used);
        if (carry_.escaped != 0) {
            carry_.escaped = 0;
        } else if (c == '\\') {
            carry_.escaped = 1;
        } else if (c == '"' && !first) {
            return stop(State::ended, chunk, from, used);
        }
    }
    return stop(State::open, chunk, from, used);
}

PendingRow::State PendingRow::go_on_literal(std::string_view chunk, std::size_t from, std::size_t& used) {
    used = from;
    while (used != chunk.size() && is_literal_byte(chunk[used]))
        ++used;
    if (used == chunk.size()) return stop(State::open, chunk, from, used);
    return stop(State::ended, chunk, from, used + 1);
}

std::string PendingRow::take() {
    state_ = State::none;
    return std::exchange(text_, {});
}

/// Takes the bytes up to `end`. The one that ends a literal does not count as the row's own.
PendingRow::State PendingRow::stop(State state, std::string_view chunk, std::size_t from, std::size_t end) {
    const std::string_view more = chunk.substr(from, end - from);
    const std::size_t extra = kind_ == Kind::literal && state == State::ended ? 1 : 0;
    if (text_.size() + more.size() - extra > row_bytes_) {
        text_.append(more.substr(0, row_bytes_ - text_.size()));
        return state_ = State::too_large;
    }
    text_.append(more);
    return state_ = state;
}

}  // namespace plait::couch_async::detail

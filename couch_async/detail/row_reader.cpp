#include "plait/couch_async/detail/row_reader.hpp"

#include <cstring>
#include <string>

#include "plait/couch_async/detail/rows_builder.hpp"
#include "plait/couch_async/view/json_text.hpp"

namespace plait::couch_async::detail {
namespace {

bool is_space(char c) noexcept {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::uint32_t skip_space(const char* text, std::uint32_t at, std::uint32_t limit) noexcept {
    while (at != limit && is_space(text[at]))
        ++at;
    return at;
}

std::uint32_t trim_space(const char* text, std::uint32_t begin, std::uint32_t end) noexcept {
    while (end != begin && is_space(text[end - 1]))
        --end;
    return end;
}

/// The first bytes of a member, to be compared with eight bytes of text at once.
struct MemberStart {
    consteval explicit MemberStart(std::string_view spelled) : size(static_cast<std::uint32_t>(spelled.size())) {
        for (std::uint32_t i = 0; i < size; ++i) {
            const std::uint32_t shift = std::endian::native == std::endian::little ? 8 * i : 56 - 8 * i;
            bits |= static_cast<std::uint64_t>(static_cast<unsigned char>(spelled[i])) << shift;
            mask |= std::uint64_t{0xFF} << shift;
        }
    }
    bool begins(std::uint64_t word) const noexcept { return (word & mask) == bits; }

    std::uint32_t size;
    std::uint64_t bits = 0;
    std::uint64_t mask = 0;
};

constexpr MemberStart id_start{"\"id\":"};
constexpr MemberStart key_start{"\"key\":"};
constexpr MemberStart value_start{"\"value\":"};
constexpr MemberStart doc_start{"\"doc\":"};

// Two bits of its spelling tell what a mark is: { [ are ..011, } ] are ..101, the comma is ..100; bit 5 tells { from [.
unsigned opens(char mark) noexcept {
    return static_cast<unsigned>(mark) >> 1 & 1;
}
unsigned closes(char mark) noexcept {
    return static_cast<unsigned>(mark) & ~opens(mark) & 1;
}
unsigned is_square(char mark) noexcept {
    return ~static_cast<unsigned>(mark) >> 5 & 1;
}

}  // namespace

RowReader::Stop RowReader::read_rows(MarkCursor& marks, std::uint32_t& at, Expect& expect, Rows& rows,
                                     const BatchBound& bound, const Bytes& buffer) {
    const char* const text = marks.text();
    for (;;) {
        at = skip_space(text, at, marks.size());
        if (at == marks.size()) return Stop::used_up;
        const char c = text[at];
        if (expect == Expect::comma_or_end && c == ',') {
            marks.peek();
            marks.skip();
            ++at;
            expect = Expect::row;
            continue;
        }
        if (c == ']' && expect != Expect::row) {
            marks.peek();
            marks.skip();
            ++at;
            return Stop::end;
        }
        if (expect == Expect::comma_or_end) {
            fault_ = {BodyFault::not_json, at, "a comma or the end of the rows expected"};
            return Stop::fault;
        }
        if (!rows.empty() && (rows.size() >= bound.rows || rows.bytes() >= bound.bytes)) return Stop::full;
        std::uint32_t end = 0;
        const Stop stop = read_row(marks, at, end, rows, buffer);
        if (stop != Stop::full) return stop;
        at = end;
        expect = Expect::comma_or_end;
    }
}

RowReader::Stop RowReader::read_row(MarkCursor& marks, std::uint32_t begin, std::uint32_t& end, Rows& rows,
                                    const Bytes& buffer) {
    const char* const text = marks.text();
    ViewRow row;
    row.raw_ = text + begin;
    faulty_ = false;
    std::uint32_t measured = 0;
    Step step = Step::ok;
    switch (text[begin]) {
        case '{':
            step = read_object(marks, begin, end, row);
            measured = end;
            break;
        case '[':
            step = skip_nested(marks, 0, end);
            measured = end;
            break;
        default:
            step = read_scalar_row(marks, begin, end, measured);
    }
    if (step == Step::ok && measured - begin > limits_.row_bytes)
        step = fail(BodyFault::row_too_large, begin, begin, "a row longer than the limit");
    if (step == Step::ok) {
        row.raw_size_ = end - begin;
        if (row.id_json_.size != 0) step = take_id(marks, row, rows);
    }
    if (step == Step::ok) [[likely]] {
        RowsBuilder::hold(rows, buffer);
        RowsBuilder::add(rows, row);
        return Stop::full;
    }
    if (!faulty_) return Stop::incomplete;
    if (seen_ - begin >= limits_.row_bytes && fault_.fault != BodyFault::row_too_large)
        fault_ = {BodyFault::row_too_large, begin, "a row longer than the limit"};
    return Stop::fault;
}

RowReader::Step RowReader::read_object(MarkCursor& marks, std::uint32_t begin, std::uint32_t& end, ViewRow& row) {
    const char* const text = marks.text();
    if (marks.peek() == MarkCursor::none) return stop_at_end(marks);
    marks.skip();
    std::uint32_t at = begin + 1;
    for (;;) {
        std::uint32_t mark = marks.peek();
        if (mark == MarkCursor::none) return stop_at_end(marks);
        at = skip_space(text, at, mark);
        if (at == mark) {
            if (text[mark] != '}' || text[trim_space(text, begin, mark) - 1] == ',')
                return fail(mark, mark, "a member of the row expected");
            marks.skip();
            end = mark + 1;
            return Step::ok;
        }
        ViewRow::Part* slot = nullptr;
        std::uint32_t value = 0;
        if (read_name(marks, at, mark, row, slot, value) != Step::ok) return Step::stopped;
        value = skip_space(text, value, mark);
        std::uint32_t value_end = 0;
        if (value == mark) {
            if (!opens(text[mark])) return fail(mark, mark, "a value expected");
            if (skip_nested(marks, 1, value_end) != Step::ok) return Step::stopped;
            mark = marks.peek();
            if (mark == MarkCursor::none) return stop_at_end(marks);
            at = skip_space(text, value_end, mark);
            if (at != mark) return fail(at, mark, "a comma or the end of the row expected");
        } else if (check_scalar(marks, value, mark, value_end) != Step::ok) {
            return Step::stopped;
        }
        if (slot != nullptr) *slot = {value - begin, value_end - value};
        at = mark + 1;
        if (text[mark] == ',') {
            marks.skip();
            continue;
        }
        if (text[mark] != '}') return fail(mark, mark, "a comma or the end of the row expected");
        marks.skip();
        end = at;
        return Step::ok;
    }
}

RowReader::Step RowReader::read_name(MarkCursor& marks, std::uint32_t at, std::uint32_t mark, ViewRow& row,
                                     ViewRow::Part*& slot, std::uint32_t& value) {
    const char* const text = marks.text();
    if (marks.size() - at >= 8) [[likely]] {
        std::uint64_t word;
        std::memcpy(&word, text + at, sizeof word);
        const auto is = [&](const MemberStart& start, ViewRow::Part& part) noexcept {
            if (!start.begins(word)) return false;
            slot = &part;
            value = at + start.size;
            return true;
        };
        if (is(id_start, row.id_json_) || is(key_start, row.key_) || is(value_start, row.value_) ||
            is(doc_start, row.doc_))
            return Step::ok;
    }
    if (text[at] != '"') return fail(at, mark, "a member's name expected");
    const std::uint32_t close = marks.closing_quote(at, mark);
    const std::uint32_t colon = close == mark ? mark : skip_space(text, close + 1, mark);
    if (colon == mark || text[colon] != ':') return fail(colon, mark, "a colon expected");
    value = colon + 1;
    std::string_view name(text + at + 1, close - at - 1);
    std::string decoded;
    if (name.find('\\') != std::string_view::npos) {
        auto text_of_name = decode_json_string({text + at, close + 1 - at});
        if (!text_of_name) return fail(at, mark, "a name with a broken escape");
        decoded = std::move(*text_of_name);
        name = decoded;
    }
    if (name == "id") {
        slot = &row.id_json_;
    } else if (name == "key") {
        slot = &row.key_;
    } else if (name == "value") {
        slot = &row.value_;
    } else if (name == "doc") {
        slot = &row.doc_;
    } else if (name == "error") {
        slot = &row.error_;
    }
    return Step::ok;
}

/// A string, number or name between `begin` and `mark`, which ends it.
RowReader::Step RowReader::check_scalar(MarkCursor& marks, std::uint32_t begin, std::uint32_t mark,
                                        std::uint32_t& end) {
    const char* const text = marks.text();
    end = trim_space(text, begin, mark);
    if (text[begin] == '"') {
        const std::uint32_t close = marks.closing_quote(begin, mark);
        if (close + 1 != end) return fail(close == mark ? begin : close, mark, "something behind a string");
        return Step::ok;
    }
    if (!is_json_literal({text + begin, end - begin})) return fail(begin, mark, "neither a value nor a number");
    return Step::ok;
}

RowReader::Step RowReader::read_scalar_row(MarkCursor& marks, std::uint32_t begin, std::uint32_t& end,
                                           std::uint32_t& after) {
    const std::uint32_t mark = marks.peek();
    if (mark == MarkCursor::none) return stop_at_end(marks);
    after = mark;
    if (begin == mark) return fail(mark, mark, "a row expected");
    if (marks.text()[mark] != ',' && marks.text()[mark] != ']') return fail(mark, mark, "a comma expected");
    return check_scalar(marks, begin, mark, end);
}

/// Goes behind the bracketed value that begins at the next mark, within `depth` brackets of the row.
RowReader::Step RowReader::skip_nested(MarkCursor& marks, std::size_t depth, std::uint32_t& end) {
    const char* const text = marks.text();
    const std::size_t room = limits_.depth - std::min(depth, limits_.depth);
    const unsigned most = room < 64 ? static_cast<unsigned>(room) : 64;
    std::uint64_t stack = 0;
    unsigned level = 0;
    for (;;) {
        const std::uint32_t mark = marks.peek();
        if (mark == MarkCursor::none) return stop_at_end(marks);
        const char c = text[mark];
        const unsigned open = opens(c);
        const unsigned close = closes(c);
        if (level + open > most) [[unlikely]] {
            if (most != 64) return fail(BodyFault::too_deep, mark, mark, "brackets nested deeper than the limit");
            return skip_deep(marks, depth, stack, end);
        }
        if ((close & static_cast<unsigned>(stack ^ is_square(c))) != 0) [[unlikely]]
            return fail(mark, mark, "a bracket that closes another one");
        stack = close != 0 ? stack >> 1 : stack << open | (is_square(c) & open);
        level += open - close;
        marks.skip();
        if (level == 0) {
            end = mark + 1;
            return Step::ok;
        }
    }
}

/// The same from the 65th level on; `stack` holds the first 64.
RowReader::Step RowReader::skip_deep(MarkCursor& marks, std::size_t depth, std::uint64_t stack, std::uint32_t& end) {
    deep_.assign_full_word(stack);
    while (deep_.depth() != 0) {
        const std::uint32_t mark = marks.peek();
        if (mark == MarkCursor::none) return stop_at_end(marks);
        const char c = marks.text()[mark];
        if (opens(c) != 0) {
            if (depth + deep_.depth() >= limits_.depth)
                return fail(BodyFault::too_deep, mark, mark, "brackets nested deeper than the limit");
            deep_.push(is_square(c) != 0);
        } else if (closes(c) != 0 && !deep_.pop(is_square(c) != 0)) {
            return fail(mark, mark, "a bracket that closes another one");
        }
        marks.skip();
        end = mark + 1;
    }
    return Step::ok;
}

/// Resolves the escapes of the id, if it has any.
RowReader::Step RowReader::take_id(MarkCursor& marks, ViewRow& row, Rows& rows) {
    const std::string_view json = row.id_json();
    if (json.front() != '"') return Step::ok;
    row.id_ = json.data() + 1;
    row.id_size_ = static_cast<std::uint32_t>(json.size() - 2);
    if (marks.no_backslashes() || row.id().find('\\') == std::string_view::npos) return Step::ok;
    auto text = decode_json_string(json);
    if (!text) {
        const auto at = static_cast<std::uint32_t>(json.data() - marks.text());
        return fail(at, at, "an id with a broken escape");
    }
    const Bytes kept = Bytes::own(std::move(*text));
    RowsBuilder::hold(rows, kept);
    row.id_ = kept.data();
    row.id_size_ = static_cast<std::uint32_t>(kept.size());
    return Step::ok;
}

RowReader::Step RowReader::stop_at_end(MarkCursor& marks) noexcept {
    if (marks.bad() == MarkCursor::none) return Step::stopped;
    return fail(marks.bad(), marks.bad(),
                "a byte that may not be there: a control character, or a backslash outside a string");
}

RowReader::Step RowReader::fail(BodyFault fault, std::uint32_t at, std::uint32_t seen, const char* what) noexcept {
    fault_ = {fault, at, what};
    seen_ = seen;
    faulty_ = true;
    return Step::stopped;
}

}  // namespace plait::couch_async::detail

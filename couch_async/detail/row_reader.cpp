#include "plait/couch_async/detail/row_reader.hpp"

#include <string>
#include <utility>

#include "plait/couch_async/detail/rows_builder.hpp"
#include "plait/couch_async/view/json_text.hpp"

namespace plait::couch_async::detail {
namespace {

bool is_space(char c) noexcept {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::uint32_t skip_space(const MarkCursor& marks, std::uint32_t at) noexcept {
    while (at != marks.size() && is_space(marks.text()[at]))
        ++at;
    return at;
}

constexpr const char* row_goes_on = "a comma or the end of the row expected";

}  // namespace

RowReader::Stop RowReader::read_rows(MarkCursor& marks, std::uint32_t& at, Expect& expect, Rows& rows,
                                     const BatchBound& bound, const Bytes& buffer) {
    const char* const text = marks.text();
    for (;;) {
        at = skip_space(marks, at);
        if (at == marks.size()) return Stop::used_up;
        if (expect == Expect::comma_or_end && text[at] == ',') {
            ++at;
            expect = Expect::row;
            continue;
        }
        if (text[at] == ']' && expect != Expect::row) {
            ++at;
            return Stop::end;
        }
        if (expect == Expect::comma_or_end) {
            fault_ = {BodyFault::not_json, at, "a comma or the end of the rows expected"};
            return Stop::fault;
        }
        if (!rows.empty() && (rows.size() >= bound.rows || rows.bytes() >= bound.bytes)) return Stop::full;
        if (read_usual_rows(marks, at, rows, bound)) {
            RowsBuilder::hold(rows, buffer);
        } else {
            std::uint32_t end = 0;
            const Stop stop = read_row(marks, at, end, rows, buffer);
            if (stop != Stop::row) return stop;
            at = end;
        }
        expect = Expect::comma_or_end;
    }
}

RowReader::Stop RowReader::read_row(MarkCursor& marks, std::uint32_t begin, std::uint32_t& end, Rows& rows,
                                    const Bytes& buffer) {
    ViewRow row;
    row.raw_ = marks.text() + begin;
    faulty_ = false;
    Step step = *row.raw_ == '{' ? read_object(marks, begin, end, row) : skip_value(marks, begin, 0, end);
    if (step == Step::ok && end - begin > limits_.row_bytes)
        step = fail(BodyFault::row_too_large, begin, begin, "a row longer than the limit");
    if (step == Step::ok) {
        row.raw_size_ = end - begin;
        if (row.id_json_.size != 0) step = take_id(marks, row, rows);
    }
    if (step == Step::ok) {
        RowsBuilder::hold(rows, buffer);
        RowsBuilder::add(rows, row);
        return Stop::row;
    }
    if (!faulty_) return Stop::incomplete;
    if (seen_ - begin >= limits_.row_bytes) fault_ = {BodyFault::row_too_large, begin, "a row longer than the limit"};
    return Stop::fault;
}

RowReader::Step RowReader::read_object(MarkCursor& marks, std::uint32_t begin, std::uint32_t& end, ViewRow& row) {
    const char* const text = marks.text();
    marks.peek();
    marks.skip();
    std::uint32_t at = skip_space(marks, begin + 1);
    if (at != marks.size() && text[at] == '}') {
        marks.peek();
        marks.skip();
        end = at + 1;
        return Step::ok;
    }
    for (;;) {
        if (at == marks.size()) return ends();
        ViewRow::Part* slot = nullptr;
        std::uint32_t value = 0;
        if (read_name(marks, at, row, slot, value) != Step::ok) return Step::stopped;
        value = skip_space(marks, value);
        if (value == marks.size()) return ends();
        if (skip_value(marks, value, 1, at) != Step::ok) return Step::stopped;
        if (slot != nullptr) *slot = {value - begin, at - value};
        at = skip_space(marks, at);
        if (at == marks.size()) return ends();
        if (text[at] == '}') {
            marks.peek();
            marks.skip();
            end = at + 1;
            return Step::ok;
        }
        if (text[at] != ',') return fail(at, row_goes_on);
        at = skip_space(marks, at + 1);
    }
}

/// A member's name and colon. `slot` is where its value goes, if anywhere.
RowReader::Step RowReader::read_name(MarkCursor& marks, std::uint32_t at, ViewRow& row, ViewRow::Part*& slot,
                                     std::uint32_t& behind) {
    const char* const text = marks.text();
    if (text[at] != '"') return fail(at, "a member's name expected");
    if (skip_string(marks, at, behind) != Step::ok) return Step::stopped;
    std::string_view name(text + at + 1, behind - at - 2);
    std::string decoded;
    if (name.find('\\') != std::string_view::npos) {
        auto text_of_name = decode_json_string({text + at, behind - at});
        if (!text_of_name) return fail(BodyFault::not_json, at, behind - 1, "a name with a broken escape");
        decoded = std::move(*text_of_name);
        name = decoded;
    }
    behind = skip_space(marks, behind);
    if (behind == marks.size()) return ends();
    if (text[behind] != ':') return fail(behind, "a colon expected");
    ++behind;
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

RowReader::Step RowReader::skip_value(MarkCursor& marks, std::uint32_t at, std::size_t depth, std::uint32_t& behind) {
    switch (marks.text()[at]) {
        case '"':
            return skip_string(marks, at, behind);
        case '{':
        case '[':
            return skip_nested(marks, depth, behind);
        default:
            return skip_literal(marks, at, behind);
    }
}

RowReader::Step RowReader::skip_string(MarkCursor& marks, std::uint32_t at, std::uint32_t& behind) {
    const std::uint32_t close = marks.closing_quote(at);
    if (close != MarkCursor::none) {
        behind = close + 1;
        return Step::ok;
    }
    // A long string, or one across two pieces of the scan.
    const char* const text = marks.text();
    for (std::uint32_t i = at + 1; i < marks.size(); ++i) {
        if (static_cast<unsigned char>(text[i]) < 0x20) return fail(i, "a control character in a string");
        if (text[i] == '"') {
            behind = i + 1;
            return Step::ok;
        }
        if (text[i] == '\\' && i + 1 != marks.size() && static_cast<unsigned char>(text[i + 1]) >= 0x20) ++i;
    }
    return ends();
}

/// A number, true, false or null: complete when the byte behind it is there.
RowReader::Step RowReader::skip_literal(MarkCursor& marks, std::uint32_t at, std::uint32_t& behind) {
    const char* const text = marks.text();
    behind = at;
    while (behind != marks.size() && is_literal_byte(text[behind]))
        ++behind;
    if (behind == marks.size()) return ends();
    if (behind == at) return fail(at, "a value expected");
    if (!is_json_literal({text + at, behind - at}))
        return fail(BodyFault::not_json, at, behind, "neither a number nor true, false or null");
    return Step::ok;
}

/// Goes behind the bracketed value that begins at the next mark, within `depth` brackets of the row.
RowReader::Step RowReader::skip_nested(MarkCursor& marks, std::size_t depth, std::uint32_t& behind) {
    open_.clear();
    do {
        const std::uint32_t mark = marks.peek();
        if (mark == MarkCursor::none) {
            if (marks.bad() == MarkCursor::none) return ends();
            return fail(marks.bad(), "a control character in a string, or a backslash outside, expected never");
        }
        const char c = marks.text()[mark];
        const bool square = c == '[' || c == ']';
        if (c == '{' || c == '[') {
            if (depth + open_.depth() >= limits_.depth)
                return fail(BodyFault::too_deep, mark, mark, "brackets nested deeper than the limit");
            open_.push(square);
        } else if (!open_.pop(square)) {
            return fail(mark, "a bracket that closes another one");
        }
        marks.skip();
        behind = mark + 1;
    } while (open_.depth() != 0);
    return Step::ok;
}

/// Resolves the escapes of the id, if it has any.
RowReader::Step RowReader::take_id(MarkCursor& marks, ViewRow& row, Rows& rows) {
    const std::string_view json = row.id_json();
    if (json.front() != '"') return Step::ok;
    row.id_ = json.data() + 1;
    row.id_size_ = static_cast<std::uint32_t>(json.size() - 2);
    if (row.id().find('\\') == std::string_view::npos) return Step::ok;
    auto text = decode_json_string(json);
    if (!text) return fail(static_cast<std::uint32_t>(json.data() - marks.text()), "an id with a broken escape");
    const Bytes kept = Bytes::own(std::move(*text));
    RowsBuilder::hold(rows, kept);
    row.id_ = kept.data();
    row.id_size_ = static_cast<std::uint32_t>(kept.size());
    return Step::ok;
}

RowReader::Step RowReader::fail(BodyFault fault, std::uint32_t at, std::uint32_t seen, const char* what) noexcept {
    fault_ = {fault, at, what};
    seen_ = seen;
    faulty_ = true;
    return Step::stopped;
}

}  // namespace plait::couch_async::detail

// The way most rows go: no space inside, members id, key, value and doc only, all of the row in one scanned piece.
// Whatever is not like that, or is wrong, is left to RowReader::read_row(), so this needs to be right only in what it
// accepts.
#include <algorithm>
#include <cstring>

#include "plait/couch_async/detail/row_reader.hpp"
#include "plait/couch_async/detail/rows_builder.hpp"
#include "plait/couch_async/view/json_text.hpp"

namespace plait::couch_async::detail {
namespace {

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

/// So many bytes of the piece can be read behind the beginning of a member before looking whether they are there.
constexpr std::uint32_t longest_start = 16;

}  // namespace

/// One such row. Positions of marks are read through `mark`, which stays in a register.
class UsualRow {
public:
    UsualRow(const MarkCursor& marks, unsigned most_levels) noexcept
        : marks_(marks),
          quotes_(marks.quotes()),
          text_(marks.text()),
          size_(marks.size()),
          piece_end_(marks.piece_end()),
          most_levels_(most_levels) {}

    /// Reads the row at `begin` into `row`; gives the position behind it, or 0.
    [[gnu::always_inline]] std::uint32_t read(const std::uint32_t*& mark, std::uint32_t begin, ViewRow& row) const {
        if (*mark != begin || text_[begin] != '{') return 0;
        ++mark;
        // The next piece comes out of memory while this one is read.
        __builtin_prefetch(text_ + begin + MarkCursor::largest_piece);
        __builtin_prefetch(text_ + begin + MarkCursor::largest_piece + 64);
        std::uint32_t at = begin + 1;
        for (;;) {
            // Not only the text ends: a row of numbers alone would go on beyond the piece, where no quotes are known.
            if (at + longest_start > piece_end_) return 0;
            std::uint64_t word;
            std::memcpy(&word, text_ + at, sizeof word);
            ViewRow::Part* slot = nullptr;
            if (id_start.begins(word)) {
                slot = &row.id_json_;
                at += id_start.size;
            } else if (key_start.begins(word)) {
                slot = &row.key_;
                at += key_start.size;
            } else if (value_start.begins(word)) {
                slot = &row.value_;
                at += value_start.size;
            } else if (doc_start.begins(word)) {
                slot = &row.doc_;
                at += doc_start.size;
            } else {
                return 0;
            }
            const std::uint32_t behind = skip_value(mark, at);
            if (behind == 0 || behind >= size_) return 0;
            *slot = {at - begin, behind - at};
            at = behind + 1;
            if (text_[behind] == ',') continue;
            if (*mark != behind || text_[behind] != '}') return 0;
            ++mark;
            return at;
        }
    }

private:
    [[gnu::always_inline]] std::uint32_t skip_value(const std::uint32_t*& mark, std::uint32_t at) const {
        const char c = text_[at];
        if (c == '"') {
            const std::uint64_t bits = quotes_.from(at + 1);
            if (bits != 0) [[likely]]
                return at + 2 + static_cast<std::uint32_t>(std::countr_zero(bits));
            const std::uint32_t close = marks_.closing_quote(at);
            return close == MarkCursor::none ? 0 : close + 1;
        }
        if (*mark == at) {
            // Flat values are the most: the next bracket closes them. It comes two behind its opening one in ASCII.
            const std::uint32_t next = mark[1];
            if (next != MarkCursor::none && text_[next] - c == 2) [[likely]] {
                mark += 2;
                return next + 1;
            }
            return c == '{' || c == '[' ? skip_nested(mark) : 0;
        }
        std::uint32_t behind = at;
        while (behind != size_ && text_[behind] != ',' && text_[behind] != '}' && behind - at < 40)
            ++behind;
        return is_json_literal({text_ + at, behind - at}) ? behind : 0;
    }

    // Two bits of its spelling tell what a mark is: { [ are ..11, } ] are ..01; bit 5 tells { from [. No branch but the
    // loop's.
    [[gnu::always_inline]] std::uint32_t skip_nested(const std::uint32_t*& mark) const {
        std::uint64_t stack = 0;  // a bit for each open bracket, innermost lowest
        std::uint64_t mismatch = 0;
        unsigned level = 0;
        for (;;) {
            const std::uint32_t at = *mark++;
            if (at == MarkCursor::none) return 0;
            const auto c = static_cast<unsigned char>(text_[at]);
            const unsigned round = c >> 5 & 1;
            if ((c & 2) != 0) {
                if (++level > most_levels_) return 0;
                stack = stack << 1 | round;
            } else {
                mismatch |= (stack ^ round) & 1;
                stack >>= 1;
                if (--level == 0) return mismatch != 0 ? 0 : at + 1;
            }
        }
    }

    const MarkCursor& marks_;
    const QuoteBits quotes_;
    const char* const text_;
    const std::uint32_t size_;
    const std::uint32_t piece_end_;
    const unsigned most_levels_;
};

bool RowReader::read_usual_rows(MarkCursor& marks, std::uint32_t& at, Rows& rows, const BatchBound& bound) {
    if (limits_.depth < 2) return false;
    marks.peek();
    const char* const text = marks.text();
    const std::uint32_t size = marks.size();
    const UsualRow usual(marks, static_cast<unsigned>(std::min<std::size_t>(limits_.depth - 1, 64)));
    const bool plain = marks.no_backslashes();
    const std::uint32_t* mark = marks.here();
    std::uint32_t begin = at;
    bool any = false;
    for (;;) {
        ViewRow& row = RowsBuilder::add_empty(rows);
        const std::uint32_t end = usual.read(mark, begin, row);
        if (end == 0 || end - begin > limits_.row_bytes || !RowsBuilder::finish(row, text, begin, end, plain)) {
            RowsBuilder::drop_last(rows);
            return any;
        }
        RowsBuilder::count(rows, end - begin);
        marks.go_to(mark);
        at = end;
        any = true;
        if (size - end < 4 || std::memcmp(text + end, ",\r\n{", 4) != 0) return true;
        if (rows.size() >= bound.rows || rows.bytes() >= bound.bytes) return true;
        begin = end + 3;
    }
}

}  // namespace plait::couch_async::detail

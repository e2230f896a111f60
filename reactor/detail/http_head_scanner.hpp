// HttpHeadScanner: where the head of an HTTP message ends, found in pieces. Not a parser: it knows lines, not fields.
// It refuses what only a lenient reader accepts, as soon as it comes.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "plait/reactor/protocols/http_errors.hpp"

namespace plait::detail {

/// Looks for the empty line, however the head is cut. One for each head.
class HttpHeadScanner {
public:
    enum class Found { nothing, end, empty_first_line };

    /// Looks at `piece`; afterwards `taken` says how far, which is past the end when that was found.
    Found scan(std::string_view piece, std::size_t& taken) {
        taken = 0;
        while (taken < piece.size()) {
            if (line_length_ == 0 && !first_line_ && (piece[taken] == ' ' || piece[taken] == '\t')) {
                throw HttpMalformed("an HTTP header is folded over two lines, which is forbidden");
            }
            const auto line = piece.substr(taken, piece.find('\n', taken) - taken);
            const auto before = line.empty() ? last_ : line.back();
            line_length_ += line.size();
            taken += line.size();
            if (taken == piece.size()) {
                last_ = before;
                break;
            }
            ++taken;
            if (line_length_ == 0 || before != '\r') {
                throw HttpMalformed("a line in an HTTP head ends in a line feed without a carriage return");
            }
            const bool empty = line_length_ == 1;
            const bool first = std::exchange(first_line_, false);
            line_length_ = 0;
            if (empty) return first ? Found::empty_first_line : Found::end;
        }
        return Found::nothing;
    }

    /// Not one line has ended.
    bool in_first_line() const noexcept { return first_line_; }

private:
    std::size_t line_length_ = 0;
    char last_ = 0;
    bool first_line_ = true;
};

}  // namespace plait::detail

// HttpChunkScanner: where the header of a chunk ends, found in pieces: size and extensions, and after the last chunk
// the trailer. Not a parser: it knows lines, not sizes. It refuses what only a lenient reader accepts, as soon as it
// comes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "plait/reactor/protocols/http_errors.hpp"

namespace plait::detail {

/// Gathers lines until they make a chunk header, with the end of the data before it: so Beast, given all of it, sees
/// the same however it was cut. One for each body.
class HttpChunkScanner {
public:
    /// Of one header, or the trailer. The extensions of all chunks may be so much more than their data.
    explicit HttpChunkScanner(std::size_t most = 0) noexcept : most_(most) {}

    /// Looks at `piece`, and says in `taken` how far. True once text() is whole.
    bool scan(std::string_view piece, std::size_t& taken) {
        const auto room = most_ - std::min(text_.size(), most_);
        const auto line_feed = piece.substr(0, room).find('\n');
        const bool line_ends = line_feed != std::string_view::npos;
        const auto line = text_.rfind('\n') + 1;
        taken = line_ends ? line_feed + 1 : std::min(room, piece.size());
        text_.append(piece.substr(0, taken));
        check_start();
        if (!line_ends) {
            if (text_.size() >= most_) refuse_size("a chunk header or trailer of an HTTP message is");
            return false;
        }
        check_line(line);
        if (text_.size() == start()) return false;
        if (is_last()) return text_.ends_with("\r\n\r\n");
        extensions_ += text_.size() - std::min(text_.size(), usual_size);
        if (extensions_ > most_ + data_) refuse_size("the chunk extensions of an HTTP message are");
        return true;
    }

    std::string_view text() const noexcept { return text_; }

    /// The header was read, and announces `size` bytes of data.
    void next(std::uint64_t size) noexcept {
        text_.clear();
        data_ += size;
        after_data_ = true;
    }

private:
    /// Two line ends and sixteen digits.
    static constexpr std::size_t usual_size = 20;

    /// Where the size begins: the end of the data before it comes first.
    std::size_t start() const noexcept { return after_data_ ? 2 : 0; }

    bool is_last() const noexcept {
        const auto end = text_.find_first_not_of('0', start());
        return end > start() && std::string_view("\r; \t").find(text_[end]) != std::string_view::npos;
    }

    void check_start() const {
        const auto end_of_data = std::string_view("\r\n").substr(0, after_data_ ? text_.size() : 0);
        if (!text_.starts_with(end_of_data)) {
            throw HttpMalformed("a chunk of an HTTP message is not followed by a line end: its size is wrong");
        }
        if (text_.size() > start() && std::string_view(digits).find(text_[start()]) == std::string_view::npos) {
            throw HttpMalformed("a chunk of an HTTP message does not begin with its size");
        }
    }

    /// The line that begins at `at` and has just ended.
    void check_line(std::size_t at) const {
        if (text_.size() < 2 || text_[text_.size() - 2] != '\r') {
            throw HttpMalformed(
                "a chunk header or trailer of an HTTP message ends in a line feed without a carriage return");
        }
        if (at > start() && (text_[at] == ' ' || text_[at] == '\t')) {
            throw HttpMalformed("a trailer field of an HTTP message is folded over two lines");
        }
    }

    [[noreturn]] void refuse_size(const char* what) const {
        throw HttpLimitExceeded(HttpLimitExceeded::Part::chunk_line, most_,
                                std::string(what) + " larger than " + std::to_string(most_) + " bytes");
    }

    static constexpr std::string_view digits = "0123456789abcdefABCDEF";

    std::size_t most_;
    std::string text_;
    std::uint64_t data_ = 0;
    std::uint64_t extensions_ = 0;
    bool after_data_ = false;
};

}  // namespace plait::detail

// Envelope: what is around the rows of a view, byte by byte. Finds the top-level "rows", keeps everything else as text.
// Not where rows are read: between rows_begin and rows_ended() the bytes go elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plait/couch_async/view/body_error.hpp"
#include "plait/couch_async/view/meta.hpp"
#include "plait/couch_async/view/row_splitter.hpp"

namespace plait::couch_async::detail {

class Envelope {
public:
    enum class Event : std::uint8_t {
        used_up,     ///< all bytes were taken
        rows_begin,  ///< the byte taken last opens the array of rows; meta() has the header
        fault,       ///< error() says which
    };

    explicit Envelope(const SplitLimits& limits) noexcept : limits_(limits) {}

    /// Takes bytes of `text`, which begins at byte `offset` of the body, and says how many.
    Event feed(std::string_view text, std::uint64_t offset, std::size_t& used);

    /// The rows are over; `offset` is that of their closing bracket.
    void rows_ended(std::uint64_t offset);

    /// The body ended, `length` bytes long. False: error() says what is missing.
    bool finish(std::uint64_t length);

    /// The body ended within the rows.
    void fail(BodyFault fault, std::uint64_t offset, const std::string& detail) {
        error_.emplace(fault, offset, detail);
    }

    bool closed() const noexcept { return state_ == State::closed; }
    const ViewMeta& meta() const noexcept { return meta_; }
    const std::optional<ViewBodyError>& error() const noexcept { return error_; }

private:
    enum class State : std::uint8_t {
        before,         ///< white space in front of the root
        member_or_end,  ///< behind the root's opening brace
        member,         ///< behind a comma
        name,
        colon,
        value,
        string,   ///< in a value that is a string
        nested,   ///< in a value that has brackets
        literal,  ///< in a number, true, false or null
        after,    ///< behind a value
        closed,
    };

    Event step(char c, std::uint64_t offset);
    Event begin_root(char c, std::uint64_t offset);
    Event begin_value(char c, std::uint64_t offset);
    Event end_of_name(std::uint64_t offset);
    Event after_value(char c, std::uint64_t offset);
    Event unexpected(char c, std::uint64_t offset, const char* expected);
    bool string_goes_on(char c) noexcept;
    void nested_byte(char c) noexcept;
    bool parse(std::string_view text);
    std::uint64_t offset_of(std::size_t position) const noexcept;

    SplitLimits limits_;
    State state_ = State::before;
    bool escaped_ = false;
    bool in_nested_string_ = false;
    bool saw_rows_ = false;
    bool name_is_rows_ = false;
    std::size_t depth_ = 0;
    std::size_t name_begin_ = 0;
    std::size_t header_size_ = std::string::npos;  ///< text up to the rows
    std::uint64_t root_offset_ = 0;
    std::uint64_t trailer_offset_ = 0;
    std::string text_;  ///< all that was taken so far, rows left out
    ViewMeta meta_;
    std::optional<ViewBodyError> error_;
};

}  // namespace plait::couch_async::detail

// ViewBodyError: why the body of a view is not what a view server sends, and at which byte.
// Not for HTTP statuses, lost connections or errors that a server reports inside a well-formed body (see ViewMeta).
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace plait::couch_async {

/// What is wrong with a body. Each has one meaning, whatever pieces the body arrived in.
enum class BodyFault : std::uint8_t {
    empty_body,        ///< nothing but white space arrived
    byte_order_mark,   ///< the body starts with byte 0xEF, as a UTF-8 byte order mark does
    not_an_object,     ///< the body does not start with `{`
    not_json,          ///< text that no JSON document has at this place
    truncated,         ///< the body ended before its closing `}`
    trailing_garbage,  ///< something other than white space after the closing `}`
    no_rows,           ///< a complete object without the member "rows"
    rows_not_array,    ///< "rows" is there and is not an array
    rows_twice,        ///< "rows" occurs a second time
    row_too_large,     ///< a row is longer than SplitLimits::row_bytes
    meta_too_large,    ///< what is not rows is longer than SplitLimits::meta_bytes
    too_deep,          ///< brackets are nested deeper than SplitLimits::depth
};

/// The spelling of the enumerator, for logs.
const char* to_string(BodyFault fault) noexcept;

/// A view's body that cannot be split any further. what() says what was found, where, and what to do about it.
class ViewBodyError : public std::runtime_error {
public:
    ViewBodyError(BodyFault fault, std::uint64_t offset, const std::string& detail);

    BodyFault fault() const noexcept { return fault_; }

    /// The byte of the body where the fault was found; for a row that is too large, where it begins; for
    /// a body that ended too early, its length.
    std::uint64_t offset() const noexcept { return offset_; }

private:
    BodyFault fault_;
    std::uint64_t offset_;
};

}  // namespace plait::couch_async

// Small helpers for JSON text: strings in and out, and is-this-JSON. For keys, ids and query values.
// Not a JSON library: to look into a value, give its text to the library of your choice.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace plait::couch_async {

/// The text that a JSON string (with its quotes) stands for, as UTF-8. Nothing when it is not one valid JSON string.
/// A surrogate without its partner becomes U+FFFD. Bytes that are not UTF-8 pass through unchanged.
std::optional<std::string> decode_json_string(std::string_view json);

/// `text` as a JSON string with quotes: `"`, `\` and control characters escaped, everything else as it is.
std::string encode_json_string(std::string_view text);

/// Whether this is exactly one JSON value (white space around it is allowed), nested at most 64 deep.
bool is_json(std::string_view json);

/// Whether this is one complete number, true, false or null, without white space around it.
bool is_json_literal(std::string_view json) noexcept;

}  // namespace plait::couch_async

#include "plait/couch_async/view/json_text.hpp"

#include <boost/json/error.hpp>
#include <boost/json/parser.hpp>
#include <cstdint>
#include <cstring>

namespace plait::couch_async {
namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// The four hex digits at `at`, or nothing.
std::optional<std::uint32_t> hex4(std::string_view text, std::size_t at) noexcept {
    if (at + 4 > text.size()) return std::nullopt;
    std::uint32_t value = 0;
    for (char c : text.substr(at, 4)) {
        value <<= 4;
        if (is_digit(c)) {
            value |= static_cast<std::uint32_t>(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value |= static_cast<std::uint32_t>(c - 'a' + 10);
        } else if (c >= 'A' && c <= 'F') {
            value |= static_cast<std::uint32_t>(c - 'A' + 10);
        } else {
            return std::nullopt;
        }
    }
    return value;
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

bool is_high_surrogate(std::uint32_t unit) noexcept {
    return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low_surrogate(std::uint32_t unit) noexcept {
    return unit >= 0xDC00 && unit < 0xE000;
}

/// Appends what `\uXXXX` (and its partner) at `at` stands for; gives the position after it, or nothing.
std::optional<std::size_t> append_unicode_escape(std::string& out, std::string_view text, std::size_t at) {
    constexpr std::uint32_t replacement = 0xFFFD;
    const auto unit = hex4(text, at + 2);
    if (!unit) return std::nullopt;
    at += 6;
    if (is_high_surrogate(*unit) && text.substr(at, 2) == "\\u") {
        const auto partner = hex4(text, at + 2);
        if (!partner) return std::nullopt;
        if (is_low_surrogate(*partner)) {
            append_utf8(out, 0x10000 + ((*unit - 0xD800) << 10) + (*partner - 0xDC00));
            return at + 6;
        }
    }
    append_utf8(out, is_high_surrogate(*unit) || is_low_surrogate(*unit) ? replacement : *unit);
    return at;
}

char simple_escape(char letter) noexcept {
    switch (letter) {
        case '"':
        case '\\':
        case '/':
            return letter;
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        default:
            return '\0';
    }
}

}  // namespace

std::optional<std::string> decode_json_string(std::string_view json) {
    if (json.size() < 2 || json.front() != '"' || json.back() != '"') return std::nullopt;
    const std::string_view text = json.substr(1, json.size() - 2);
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (c == '"' || static_cast<unsigned char>(c) < 0x20) return std::nullopt;
        if (c != '\\') {
            out.push_back(c);
            ++at;
            continue;
        }
        if (at + 1 == text.size()) return std::nullopt;
        if (text[at + 1] == 'u') {
            const auto after = append_unicode_escape(out, text, at);
            if (!after) return std::nullopt;
            at = *after;
            continue;
        }
        const char plain = simple_escape(text[at + 1]);
        if (plain == '\0') return std::nullopt;
        out.push_back(plain);
        at += 2;
    }
    return out;
}

std::string encode_json_string(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(text.size() + 2);
    out.push_back('"');
    for (char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (byte >= 0x20) {
            out.push_back(c);
        } else {
            out += "\\u00";
            out.push_back(digits[byte >> 4]);
            out.push_back(digits[byte & 0xF]);
        }
    }
    out.push_back('"');
    return out;
}

bool is_json(std::string_view json) {
    boost::json::parse_options options;
    options.max_depth = 64;
    options.allow_invalid_utf8 = false;
    boost::json::parser parser({}, options);
    boost::json::error_code error;
    return parser.write(json, error) == json.size() && !error;
}

bool is_json_literal(std::string_view json) noexcept {
    if (json.empty()) return false;
    switch (json.front()) {
        case 't':
            return json == "true";
        case 'f':
            return json == "false";
        case 'n':
            return json == "null";
        default:
            break;
    }
    const char* at = json.data();
    const char* const end = at + json.size();
    const auto digits = [&at, end]() noexcept {
        const char* const begin = at;
        while (at != end && is_digit(*at))
            ++at;
        return at != begin;
    };
    if (*at == '-') ++at;
    if (at != end && *at == '0') {
        ++at;
    } else if (!digits()) {
        return false;
    }
    if (at != end && *at == '.') {
        ++at;
        if (!digits()) return false;
    }
    if (at != end && (*at == 'e' || *at == 'E')) {
        ++at;
        if (at != end && (*at == '+' || *at == '-')) ++at;
        if (!digits()) return false;
    }
    return at == end;
}

}  // namespace plait::couch_async

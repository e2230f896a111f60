#include "plait/couch_async/detail/envelope.hpp"

#include <fmt/format.h>

#include "plait/couch_async/detail/meta_json.hpp"
#include "plait/couch_async/view/json_text.hpp"

namespace plait::couch_async::detail {
namespace {

bool is_space(char c) noexcept {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::string spelled(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7F ? fmt::format("'{}'", c) : fmt::format("byte 0x{:02X}", byte);
}

}  // namespace

Envelope::Event Envelope::feed(std::string_view text, std::uint64_t offset, std::size_t& used) {
    for (used = 0; used != text.size();) {
        const Event event = step(text[used], offset + used);
        ++used;
        if (event != Event::used_up) return event;
    }
    return Event::used_up;
}

Envelope::Event Envelope::step(char c, std::uint64_t offset) {
    if (state_ == State::before) return begin_root(c, offset);
    if (state_ == State::closed) {
        if (is_space(c)) return Event::used_up;
        fail(BodyFault::trailing_garbage, offset, fmt::format("{} behind the end of the document", spelled(c)));
        return Event::fault;
    }
    if (text_.size() == limits_.meta_bytes) {
        fail(BodyFault::meta_too_large, offset,
             fmt::format("more than {} bytes that are not rows", limits_.meta_bytes));
        return Event::fault;
    }
    text_.push_back(c);
    switch (state_) {
        case State::name:
            return string_goes_on(c) ? Event::used_up : end_of_name(offset);
        case State::string:
            if (!string_goes_on(c)) state_ = State::after;
            return Event::used_up;
        case State::nested:
            nested_byte(c);
            return Event::used_up;
        case State::literal:
            if (c != ',' && c != '}' && !is_space(c)) return Event::used_up;
            state_ = State::after;
            break;
        default:
            break;
    }
    if (is_space(c)) return Event::used_up;
    switch (state_) {
        case State::member_or_end:
            if (c == '}') return after_value(c, offset);
            [[fallthrough]];
        case State::member:
            if (c != '"') return unexpected(c, offset, "a member's name");
            name_begin_ = text_.size() - 1;
            state_ = State::name;
            return Event::used_up;
        case State::colon:
            if (c != ':') return unexpected(c, offset, "a colon");
            state_ = State::value;
            return Event::used_up;
        case State::value:
            return begin_value(c, offset);
        default:
            return after_value(c, offset);
    }
}

Envelope::Event Envelope::begin_root(char c, std::uint64_t offset) {
    if (is_space(c)) return Event::used_up;
    if (c == '{') {
        root_offset_ = offset;
        text_.push_back(c);
        state_ = State::member_or_end;
        return Event::used_up;
    }
    if (c == '\xEF' && offset == 0) {
        fail(BodyFault::byte_order_mark, offset, "a byte order mark in front of the document");
    } else {
        fail(BodyFault::not_an_object, offset, fmt::format("{} where a JSON object should begin", spelled(c)));
    }
    return Event::fault;
}

Envelope::Event Envelope::end_of_name(std::uint64_t offset) {
    const auto name = decode_json_string(std::string_view(text_).substr(name_begin_));
    const std::uint64_t name_offset = offset + 1 - (text_.size() - name_begin_);
    if (!name) {
        fail(BodyFault::not_json, name_offset, "a member's name with a broken escape or a control character");
        return Event::fault;
    }
    name_is_rows_ = *name == "rows";
    if (name_is_rows_ && saw_rows_) {
        fail(BodyFault::rows_twice, name_offset, "a second member \"rows\"");
        return Event::fault;
    }
    state_ = State::colon;
    return Event::used_up;
}

Envelope::Event Envelope::begin_value(char c, std::uint64_t offset) {
    if (name_is_rows_) {
        if (c != '[') {
            fail(BodyFault::rows_not_array, offset, fmt::format("\"rows\" begins with {}, not with '['", spelled(c)));
            return Event::fault;
        }
        saw_rows_ = true;
        header_size_ = text_.size();
        return parse(text_ + "]}") ? Event::rows_begin : Event::fault;
    }
    if (c == '"') {
        state_ = State::string;
    } else if (c == '{' || c == '[') {
        depth_ = 1;
        state_ = State::nested;
    } else if (c == ',' || c == '}' || c == ']' || c == ':') {
        return unexpected(c, offset, "a value");
    } else {
        state_ = State::literal;
    }
    return Event::used_up;
}

Envelope::Event Envelope::after_value(char c, std::uint64_t offset) {
    if (c == ',') {
        state_ = State::member;
        return Event::used_up;
    }
    if (c != '}') return unexpected(c, offset, "a comma or the end of the document");
    state_ = State::closed;
    return parse(text_) ? Event::used_up : Event::fault;
}

void Envelope::rows_ended(std::uint64_t offset) {
    trailer_offset_ = offset;
    text_.push_back(']');
    state_ = State::after;
}

bool Envelope::finish(std::uint64_t length) {
    if (error_) return false;
    if (state_ == State::before) {
        fail(BodyFault::empty_body, length, "the body is empty");
        return false;
    }
    if (state_ != State::closed) {
        // What is there may be broken already: that is the earlier fault.
        if (header_size_ == std::string::npos || text_.size() > header_size_) parse(text_);
        if (!error_) fail(BodyFault::truncated, length, "the body ends in the middle of the document");
        return false;
    }
    if (!saw_rows_) {
        const std::string said = meta_.error.empty() ? "" : fmt::format(": {} ({})", meta_.error, meta_.reason);
        fail(BodyFault::no_rows, length, "the document has no member \"rows\"" + said);
        return false;
    }
    return true;
}

/// False, and a fault, where `text` is not JSON. Text that only ends too early is no fault here.
bool Envelope::parse(std::string_view text) {
    const MetaParse parsed = parse_meta(text, limits_.depth + 1, meta_);
    if (parsed.result == MetaParse::ok) meta_.text = text;
    if (parsed.result == MetaParse::ok || parsed.result == MetaParse::incomplete) return true;
    fail(parsed.result == MetaParse::too_deep ? BodyFault::too_deep : BodyFault::not_json, offset_of(parsed.position),
         parsed.detail);
    return false;
}

std::uint64_t Envelope::offset_of(std::size_t position) const noexcept {
    return position < header_size_ ? root_offset_ + position : trailer_offset_ + (position - header_size_);
}

Envelope::Event Envelope::unexpected(char c, std::uint64_t offset, const char* expected) {
    // Text in front of this byte may be broken in ways that only the parser sees.
    const std::string_view before = std::string_view(text_).substr(0, text_.size() - 1);
    if (parse(before)) fail(BodyFault::not_json, offset, fmt::format("{} where {} should be", spelled(c), expected));
    return Event::fault;
}

/// False for the quote that ends the string.
bool Envelope::string_goes_on(char c) noexcept {
    if (escaped_) {
        escaped_ = false;
    } else if (c == '\\') {
        escaped_ = true;
    } else {
        return c != '"';
    }
    return true;
}

void Envelope::nested_byte(char c) noexcept {
    if (in_nested_string_) {
        in_nested_string_ = string_goes_on(c);
    } else if (c == '"') {
        in_nested_string_ = true;
    } else if (c == '{' || c == '[') {
        ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
        state_ = State::after;
    }
}

}  // namespace plait::couch_async::detail

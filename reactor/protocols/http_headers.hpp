// HttpHeaders: the fields of an HTTP message, in the order they came, found without regard to case.
// Not a map: a name may occur several times, and the order is kept. Values are text as it was on the wire, trimmed.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plait {

struct HttpHeader {
    std::string name;
    std::string value;

    friend bool operator==(const HttpHeader&, const HttpHeader&) = default;
};

/// A short list, searched from the front: messages have tens of fields, not thousands, and parsers bound their number.
///
///     HttpHeaders headers{{"Accept", "application/json"}};
///     headers.find("accept");  // "application/json"
///
/// Any text may be stored; what would break a message apart is refused when a head is written (http_message.hpp).
class HttpHeaders {
public:
    HttpHeaders() = default;
    HttpHeaders(std::initializer_list<HttpHeader> fields) : fields_(fields) {}

    /// Appends, whether the name is there or not.
    void add(std::string name, std::string value);

    /// Replaces every field of that name by this one, at the place of the first; appends when there was none.
    void set(std::string_view name, std::string value);

    /// Returns how many were removed.
    std::size_t remove(std::string_view name);

    /// The first value of that name. Valid until the list is changed.
    std::optional<std::string_view> find(std::string_view name) const noexcept;
    bool contains(std::string_view name) const noexcept { return find(name).has_value(); }

    /// How many fields have that name.
    std::size_t count(std::string_view name) const noexcept;

    /// True when some field of that name lists `token` between commas: `has_token("Connection", "close")`.
    bool has_token(std::string_view name, std::string_view token) const noexcept;

    bool empty() const noexcept { return fields_.empty(); }
    std::size_t size() const noexcept { return fields_.size(); }
    auto begin() const noexcept { return fields_.begin(); }
    auto end() const noexcept { return fields_.end(); }

    /// Same fields, same order, names spelled the same.
    friend bool operator==(const HttpHeaders&, const HttpHeaders&) = default;

private:
    std::vector<HttpHeader> fields_;
};

/// How header names and most HTTP keywords compare. ASCII only.
bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

}  // namespace plait

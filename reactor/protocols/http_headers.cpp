#include "plait/reactor/protocols/http_headers.hpp"

#include <algorithm>
#include <utility>

namespace plait {
namespace {

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trimmed(std::string_view text) noexcept {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool lists(std::string_view value, std::string_view token) noexcept {
    for (;;) {
        const auto comma = value.find(',');
        if (equal_ignoring_case(trimmed(value.substr(0, comma)), token)) return true;
        if (comma == std::string_view::npos) return false;
        value.remove_prefix(comma + 1);
    }
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

void HttpHeaders::add(std::string name, std::string value) {
    fields_.push_back(HttpHeader{std::move(name), std::move(value)});
}

void HttpHeaders::set(std::string_view name, std::string value) {
    const auto same = [name](const HttpHeader& field) { return equal_ignoring_case(field.name, name); };
    const auto first = std::find_if(fields_.begin(), fields_.end(), same);
    if (first == fields_.end()) {
        add(std::string(name), std::move(value));
        return;
    }
    first->value = std::move(value);
    fields_.erase(std::remove_if(first + 1, fields_.end(), same), fields_.end());
}

std::size_t HttpHeaders::remove(std::string_view name) {
    return std::erase_if(fields_, [name](const HttpHeader& field) { return equal_ignoring_case(field.name, name); });
}

std::optional<std::string_view> HttpHeaders::find(std::string_view name) const noexcept {
    for (const auto& field : fields_) {
        if (equal_ignoring_case(field.name, name)) return field.value;
    }
    return std::nullopt;
}

std::size_t HttpHeaders::count(std::string_view name) const noexcept {
    const auto same = [name](const HttpHeader& field) { return equal_ignoring_case(field.name, name); };
    return static_cast<std::size_t>(std::count_if(fields_.begin(), fields_.end(), same));
}

bool HttpHeaders::has_token(std::string_view name, std::string_view token) const noexcept {
    return std::any_of(fields_.begin(), fields_.end(), [name, token](const HttpHeader& field) {
        return equal_ignoring_case(field.name, name) && lists(field.value, token);
    });
}

}  // namespace plait

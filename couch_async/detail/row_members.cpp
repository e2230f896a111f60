#include "plait/couch_async/detail/row_members.hpp"

#include <cstddef>

#include "plait/couch_async/view/json_text.hpp"

namespace plait::couch_async::detail {
namespace {

constexpr std::string_view space = " \n\r\t";

std::size_t skip_space(std::string_view row, std::size_t at) noexcept {
    const std::size_t found = row.find_first_not_of(space, at);
    return found == std::string_view::npos ? row.size() : found;
}

/// Behind the string that opens at `at`.
std::size_t skip_string(std::string_view row, std::size_t at) noexcept {
    for (++at; at < row.size() && row[at] != '"'; ++at)
        if (row[at] == '\\') ++at;
    return at + 1;
}

/// The comma or closing brace behind the value at `at`.
std::size_t skip_value(std::string_view row, std::size_t at) noexcept {
    std::size_t depth = 0;
    while (at < row.size()) {
        const char c = row[at];
        if (c == '"') {
            at = skip_string(row, at);
            continue;
        }
        if (c == '{' || c == '[') {
            ++depth;
        } else if (depth == 0 && (c == ',' || c == '}')) {
            return at;
        } else if (c == '}' || c == ']') {
            --depth;
        }
        ++at;
    }
    return row.size();
}

bool is_name(std::string_view json, std::string_view name) {
    if (json.find('\\') == std::string_view::npos) return json.substr(1, json.size() - 2) == name;
    return decode_json_string(json) == name;
}

}  // namespace

std::string_view find_member(std::string_view row, std::string_view name) {
    std::string_view found;
    if (row.empty() || row.front() != '{') return found;
    std::size_t at = skip_space(row, 1);
    while (at < row.size() && row[at] == '"') {
        const std::size_t name_end = skip_string(row, at);
        const std::string_view json = row.substr(at, name_end - at);
        const std::size_t begin = skip_space(row, skip_space(row, name_end) + 1);
        const std::size_t stop = skip_value(row, begin);
        if (is_name(json, name)) {
            const std::size_t end = row.find_last_not_of(space, stop - 1) + 1;
            found = row.substr(begin, end - begin);
        }
        at = skip_space(row, stop + 1);
    }
    return found;
}

}  // namespace plait::couch_async::detail

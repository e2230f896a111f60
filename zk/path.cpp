#include "plait/zk/path.hpp"

#include <cstdint>
#include <utility>

namespace plait::zk {
namespace {

constexpr char32_t malformed = 0xffffffff;

/// The character at the front of `text`, taken off it; `malformed` if it is not UTF-8.
char32_t take_character(std::string_view& text) noexcept {
    const auto lead = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    if (lead < 0x80) return lead;
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < static_cast<std::size_t>(more)) return malformed;
    auto character = static_cast<char32_t>(lead & (0x3f >> more));
    for (int i = 0; i < more; ++i) {
        const auto next = static_cast<unsigned char>(text[static_cast<std::size_t>(i)]);
        if ((next & 0xc0) != 0x80) return malformed;
        character = (character << 6) | (next & 0x3f);
    }
    constexpr char32_t least[] = {0, 0x80, 0x800, 0x10000};  // less is spelled with fewer bytes
    if (character < least[more]) return malformed;
    text.remove_prefix(static_cast<std::size_t>(more));
    return character;
}

/// As the server has it, and U+0000 to U+001F among them.
bool is_refused(char32_t c) noexcept {
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0xd800 && c <= 0xf8ff) || c >= 0xfff0;
}

bool is_plain(char c) noexcept {
    return c >= 0x20 && c < 0x7f;
}

std::string_view component_problem(std::string_view component) noexcept {
    if (component.empty()) return "has an empty component ('//')";
    if (component == ".") return "has the component '.'";
    if (component == "..") return "has the component '..'";
    return {};
}

std::string_view character_problem(std::string_view path) noexcept {
    while (!path.empty()) {
        if (is_plain(path.front())) {
            path.remove_prefix(1);
            continue;
        }
        const auto character = take_character(path);
        if (character == malformed) return "is not valid UTF-8";
        if (character == 0) return "has a null character";
        if (is_refused(character)) return "has a character that ZooKeeper does not allow";
    }
    return {};
}

}  // namespace

std::string_view path_problem(std::string_view path, bool sequential) noexcept {
    if (path.empty()) return "is empty";
    if (path.front() != '/') return "must start with '/'";
    if (const auto problem = character_problem(path); !problem.empty()) return problem;
    if (path.size() == 1) return {};
    if (path.back() == '/' && !sequential) return "must not end with '/'";
    auto rest = path.substr(1);
    while (!rest.empty()) {
        const auto slash = rest.find('/');
        if (const auto problem = component_problem(rest.substr(0, slash)); !problem.empty()) return problem;
        if (slash == std::string_view::npos) break;
        rest.remove_prefix(slash + 1);
    }
    return {};
}

Chroot::Chroot(std::string prefix) : prefix_(std::move(prefix)) {
    if (prefix_.size() == 1) prefix_.clear();
}

std::string_view Chroot::to_server(std::string_view path, std::string& room, bool sequential) const {
    if (prefix_.empty()) return path;
    room.assign(prefix_);
    if (path != "/" || sequential) room.append(path);
    return room;
}

std::string_view Chroot::to_client(std::string_view path) const noexcept {
    if (prefix_.empty() || path.substr(0, prefix_.size()) != prefix_) return path;
    if (path.size() == prefix_.size()) return "/";
    return path[prefix_.size()] == '/' ? path.substr(prefix_.size()) : path;
}

}  // namespace plait::zk

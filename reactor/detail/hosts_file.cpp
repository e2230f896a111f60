#include "plait/reactor/detail/hosts_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {
namespace {

constexpr std::size_t most_read = 1 << 20;
constexpr std::size_t most_found = 64;

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view one, std::string_view other) noexcept {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view without_dot(std::string_view host) noexcept {
    if (host.ends_with('.')) host.remove_suffix(1);
    return host;
}

/// Takes the next word off `line`; empty at the end.
std::string_view next_word(std::string_view& line) noexcept {
    constexpr std::string_view blanks = " \t\r\v\f";
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

bool names(std::string_view line, std::string_view host) noexcept {
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line))
        if (same_name(word, host)) return true;
    return false;
}

std::string read_file(const std::string& path) {
    std::string text;
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return text;
    char room[4096];
    while (text.size() < most_read) {
        const ssize_t got = ::read(fd.get(), room, sizeof room);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        text.append(room, static_cast<std::size_t>(got));
    }
    return text;
}

}  // namespace

bool is_of(AddressFamily family, std::string_view ip) noexcept {
    const bool ipv6 = ip.find(':') != std::string_view::npos;
    return family == AddressFamily::any || ipv6 == (family == AddressFamily::ipv6);
}

bool is_localhost(std::string_view host) {
    constexpr std::string_view local = "localhost";
    host = without_dot(host);
    if (host.size() > local.size() && host[host.size() - local.size() - 1] == '.')
        host.remove_prefix(host.size() - local.size());
    return same_name(host, local);
}

std::vector<std::string> find_in_hosts(std::string_view text, std::string_view host, AddressFamily family) {
    std::vector<std::string> found;
    host = without_dot(host);
    if (host.empty()) return found;
    while (!text.empty() && found.size() < most_found) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        line = line.substr(0, line.find('#'));
        const std::string_view ip = next_word(line);
        if (!is_numeric_address(ip) || !is_of(family, ip) || !names(line, host)) continue;
        if (std::find(found.begin(), found.end(), ip) == found.end()) found.emplace_back(ip);
    }
    return found;
}

std::vector<std::string> find_in_hosts_file(const std::string& path, std::string_view host, AddressFamily family) {
    if (path.empty()) return {};
    return find_in_hosts(read_file(path), host, family);
}

}  // namespace plait::detail

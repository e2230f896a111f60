#include "plait/zk/connect_string.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "plait/zk/error.hpp"
#include "plait/zk/path.hpp"

namespace plait::zk {
namespace {

constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) noexcept {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

[[noreturn]] void refuse(std::string_view text, std::string_view problem) {
    throw BadArguments("connect string", fmt::format("'{}'", text), problem);
}

HostPort parse_host(std::string_view whole, std::string_view part) {
    if (part.empty()) refuse(whole, "it has an empty host; write host:port,host:port/chroot");
    try {
        return parse_host_port(part, ConnectString::default_port);
    } catch (const std::invalid_argument& error) {
        refuse(whole, error.what());
    }
}

}  // namespace

ConnectString ConnectString::parse(std::string_view text) {
    ConnectString result;
    const auto whole = trimmed(text);
    const auto slash = whole.find('/');
    if (slash != std::string_view::npos) {
        result.chroot = whole.substr(slash);
        const auto problem = path_problem(result.chroot);
        if (!problem.empty()) refuse(text, fmt::format("the chroot '{}' {}", result.chroot, problem));
        if (result.chroot == "/") result.chroot.clear();
    }
    auto rest = whole.substr(0, slash);
    for (;;) {
        const auto comma = rest.find(',');
        result.hosts.push_back(parse_host(text, trimmed(rest.substr(0, comma))));
        if (comma == std::string_view::npos) return result;
        rest.remove_prefix(comma + 1);
    }
}

std::string ConnectString::str() const {
    std::string text;
    for (const auto& host : hosts) {
        if (!text.empty()) text += ',';
        text += host.str();
    }
    return text + chroot;
}

}  // namespace plait::zk

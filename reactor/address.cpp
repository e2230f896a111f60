#include "plait/reactor/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace plait {

namespace {

std::string join(const std::string& host, std::uint16_t port) {
    const bool v6 = host.find(':') != std::string::npos;
    std::string text;
    if (v6) text += '[';
    text += host;
    if (v6) text += ']';
    text += ':';
    text += std::to_string(port);
    return text;
}

[[noreturn]] void refuse(std::string_view text, const char* why) {
    std::string quoted(text);
    std::replace(quoted.begin(), quoted.end(), '\0', '?');  // what() would end there
    throw std::invalid_argument("\"" + quoted + "\" is not a host and port: " + why);
}

/// What may be left out of an address, and whether its port may be 0.
struct Rules {
    std::optional<std::uint16_t> default_port;
    unsigned lowest_port = 1;
};

std::uint16_t parse_port(std::string_view text, std::string_view digits, const Rules& rules) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value < rules.lowest_port || value > 65535)
        refuse(text, rules.lowest_port == 0 ? "the port must be a number from 0 to 65535"
                                            : "the port must be a number from 1 to 65535");
    return static_cast<std::uint16_t>(value);
}

HostPort with_default(std::string_view text, std::string_view host, std::optional<std::uint16_t> port) {
    if (!port) refuse(text, "it names no port; write host:port");
    return {std::string(host), *port};
}

HostPort parse_bracketed(std::string_view text, const Rules& rules) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) refuse(text, "the bracket is not closed; write [address]:port");
    const std::string_view host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (host.find(':') == std::string_view::npos || !is_numeric_address(host))
        refuse(text, "only an IPv6 address goes in brackets");
    if (rest.empty()) return with_default(text, host, rules.default_port);
    if (rest.front() != ':') refuse(text, "only a colon and a port may follow the bracket");
    return {std::string(host), parse_port(text, rest.substr(1), rules)};
}

HostPort parse(std::string_view text, const Rules& rules) {
    if (text.empty()) refuse(text, "it is empty");
    for (const char c : text)
        if (static_cast<unsigned char>(c) <= ' ' || c == '/' || c == '\x7f')
            refuse(text, "a host name has no spaces and no slashes");
    if (text.front() == '[') return parse_bracketed(text, rules);

    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return with_default(text, text, rules.default_port);
    if (text.find(':', colon + 1) != std::string_view::npos) {
        if (!is_numeric_address(text)) refuse(text, "it has more than one colon and is no IPv6 address");
        if (!rules.default_port) refuse(text, "it names no port; write an IPv6 address as [address]:port");
        return {std::string(text), *rules.default_port};
    }
    if (colon == 0) refuse(text, "it names no host");
    return {std::string(text.substr(0, colon)), parse_port(text, text.substr(colon + 1), rules)};
}

}  // namespace

std::string Address::str() const {
    if (port == 0 && !is_numeric_address(ip)) return ip;
    return join(ip, port);
}

std::string HostPort::str() const {
    return join(host, port);
}

HostPort parse_host_port(std::string_view text, std::optional<std::uint16_t> default_port) {
    return parse(text, {default_port});
}

Address parse_listen_address(std::string_view text) {
    HostPort where = parse(text, {std::nullopt, 0});
    if (!is_numeric_address(where.host)) refuse(text, "to listen, the host must be a numeric address");
    return {std::move(where.host), where.port};
}

bool is_numeric_address(std::string_view host) noexcept {
    char text[INET6_ADDRSTRLEN + 1] = {};
    const std::string_view address = host.substr(0, host.find('%'));  // fe80::1%eth0
    if (address.size() >= sizeof text || address.find('\0') != std::string_view::npos) return false;
    address.copy(text, address.size());
    in6_addr binary;
    if (::inet_pton(AF_INET6, text, &binary) == 1) return true;
    return address.size() == host.size() && ::inet_pton(AF_INET, text, &binary) == 1;
}

}  // namespace plait

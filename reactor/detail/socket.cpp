#include "plait/reactor/detail/socket.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <system_error>

#include "plait/reactor/errors.hpp"

namespace plait::detail {
namespace {

// The kernel's limits: it refuses more.
constexpr int most_keep_alive_seconds = 32767;
constexpr int most_keep_alive_probes = 127;

std::optional<std::uint32_t> scope_of(const std::string& name) {
    if (const unsigned index = ::if_nametoindex(name.c_str()); index != 0) return index;
    std::uint32_t number = 0;
    const char* const end = name.data() + name.size();
    const auto [stopped, error] = std::from_chars(name.data(), end, number);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return number;
}

std::optional<SocketAddress> to_ipv6(const Address& where) {
    SocketAddress result;
    auto& v6 = reinterpret_cast<sockaddr_in6&>(result.storage);
    const std::size_t percent = where.ip.find('%');
    if (::inet_pton(AF_INET6, where.ip.substr(0, percent).c_str(), &v6.sin6_addr) != 1) return std::nullopt;
    if (percent != std::string::npos) {
        const auto scope = scope_of(where.ip.substr(percent + 1));
        if (!scope) return std::nullopt;
        v6.sin6_scope_id = *scope;
    }
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(where.port);
    result.size = sizeof v6;
    return result;
}

}  // namespace

std::optional<SocketAddress> to_socket_address(const Address& where) {
    SocketAddress result;
    auto& v4 = reinterpret_cast<sockaddr_in&>(result.storage);
    if (::inet_pton(AF_INET, where.ip.c_str(), &v4.sin_addr) != 1) return to_ipv6(where);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(where.port);
    result.size = sizeof v4;
    return result;
}

Address to_address(const sockaddr* from) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (from->sa_family == AF_INET) {
        const auto& v4 = *reinterpret_cast<const sockaddr_in*>(from);
        ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
        return {text.data(), ntohs(v4.sin_port)};
    }
    if (from->sa_family != AF_INET6) return {};
    const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(from);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    Address result{text.data(), ntohs(v6.sin6_port)};
    if (v6.sin6_scope_id != 0) {
        std::array<char, IF_NAMESIZE> name{};
        result.ip += '%';
        result.ip += ::if_indextoname(v6.sin6_scope_id, name.data()) != nullptr ? std::string(name.data())
                                                                                : std::to_string(v6.sin6_scope_id);
    }
    return result;
}

Address local_address(int fd) {
    SocketAddress bound;
    bound.size = sizeof bound.storage;
    if (::getsockname(fd, bound.get(), &bound.size) != 0) return {};
    return to_address(bound.get());
}

UniqueFd make_socket(int family, int type) noexcept {
    return UniqueFd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

FileIdentity identity_of(int fd) noexcept {
    struct stat about{};
    if (::fstat(fd, &about) != 0) return {};
    return {about.st_dev, about.st_ino};
}

bool set_option(int fd, int level, int name, int value) noexcept {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

void set_keep_alive(int fd, const KeepAlive& times) noexcept {
    const auto seconds = [](std::chrono::seconds time) {
        return static_cast<int>(std::clamp<std::chrono::seconds::rep>(time.count(), 1, most_keep_alive_seconds));
    };
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds(times.idle));
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds(times.interval));
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, std::clamp(times.probes, 1, most_keep_alive_probes));
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

void reset_on_close(int fd) noexcept {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::string error_text(int error) {
    std::string text = std::generic_category().message(error);
    if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0)
        text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
}

Failure connection_lost(const Address& peer, int error) {
    return make_failure(ConnectionLost("the connection to " + peer.str() + " was lost: " + error_text(error)));
}

}  // namespace plait::detail

#include "plait/reactor/detail/unix_address.hpp"

#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include <fmt/format.h>

namespace plait::detail {
namespace {

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);
constexpr std::size_t longest_path = sizeof(sockaddr_un::sun_path) - 1;

const char* path_of(const SocketAddress& address) noexcept {
    return reinterpret_cast<const char*>(&address.storage) + path_offset;
}

Address to_name(const SocketAddress& address) {
    if (address.family() != AF_UNIX) return to_address(address.get());
    const std::string path = unix_path(address);
    return {path.empty() ? "an unnamed socket" : path, 0};
}

}  // namespace

bool is_abstract(const std::string& path) noexcept {
    return path.starts_with('@');
}

std::optional<SocketAddress> to_unix_address(const std::string& path) {
    if (path.empty() || path.size() > longest_path || path.find('\0') != std::string::npos) return std::nullopt;
    SocketAddress result;
    auto& address = reinterpret_cast<sockaddr_un&>(result.storage);
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (is_abstract(path)) address.sun_path[0] = '\0';
    // An abstract name is all the bytes there are, a path ends with a zero.
    result.size = static_cast<socklen_t>(path_offset + path.size() + (is_abstract(path) ? 0 : 1));
    return result;
}

std::string unix_path(const SocketAddress& address) {
    if (address.size <= path_offset) return {};
    const std::size_t size = address.size - path_offset;
    const char* const path = path_of(address);
    if (path[0] != '\0') return std::string(path, ::strnlen(path, size));
    std::string name(path, size);
    name[0] = '@';
    return name;
}

std::string why_not_a_path(const std::string& path) {
    if (path.empty()) return "the path is empty";
    if (path.size() > longest_path)
        return fmt::format("the path has {} bytes, {} are allowed", path.size(), longest_path);
    return "the path has a zero byte in it; abstract names begin with @";
}

Address name_of_socket(int fd) {
    SocketAddress name;
    name.size = sizeof name.storage;
    if (::getsockname(fd, name.get(), &name.size) != 0) return {};
    return to_name(name);
}

Address name_of_peer(int fd) {
    SocketAddress name;
    name.size = sizeof name.storage;
    if (::getpeername(fd, name.get(), &name.size) != 0) return {"an unconnected socket", 0};
    return to_name(name);
}

}  // namespace plait::detail

// Sockets: addresses in and out of the kernel's form, and its errors as sentences and types. No events, no state.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <optional>
#include <string>

#include "plait/deferred/failure.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/transport.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
    int family() const noexcept { return storage.ss_family; }
};

/// None unless `where.ip` is numeric: "10.0.0.1", "::1", "fe80::1%eth0".
std::optional<SocketAddress> to_socket_address(const Address& where);

/// Of an IPv4 or IPv6 socket address; empty for any other.
Address to_address(const sockaddr* from);

/// What the socket is bound to.
Address local_address(int fd);

/// A socket that neither blocks nor is inherited. Empty when there is none to be had; errno says why.
UniqueFd make_socket(int family, int type) noexcept;
inline UniqueFd make_stream_socket(int family) noexcept {
    return make_socket(family, SOCK_STREAM);
}

/// Which file or socket a descriptor stands for, to see later whether it still does; none that any has if it is not
/// open.
struct FileIdentity {
    dev_t device = 0;
    ino_t number = 0;

    friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
FileIdentity identity_of(int fd) noexcept;

bool set_option(int fd, int level, int name, int value) noexcept;

/// Does nothing on what is not TCP.
void set_keep_alive(int fd, const KeepAlive& times) noexcept;

/// Closing it will reset the connection.
void reset_on_close(int fd) noexcept;

/// "connection refused"
std::string error_text(int error);

/// ConnectionLost("the connection to 10.0.0.1:2181 was lost: connection reset by peer")
Failure connection_lost(const Address& peer, int error);

}  // namespace plait::detail

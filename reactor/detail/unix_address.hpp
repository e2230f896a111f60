// UNIX socket addresses in and out of the kernel's form. No sockets.
#pragma once

#include <optional>
#include <string>

#include "plait/reactor/detail/socket.hpp"

namespace plait::detail {

/// None if it is empty or too long. "@name" is abstract.
std::optional<SocketAddress> to_unix_address(const std::string& path);

/// The path; "@name" for an abstract one; empty for a socket with no name.
std::string unix_path(const SocketAddress& address);

bool is_abstract(const std::string& path) noexcept;

/// Why `to_unix_address` gave none, as a sentence's end.
std::string why_not_a_path(const std::string& path);

/// A socket's own name and its peer's, of whatever family; texts where it has none.
Address name_of_socket(int fd);
Address name_of_peer(int fd);

}  // namespace plait::detail

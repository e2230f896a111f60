// Blocking TCP on 127.0.0.1, for the code that starts real servers: free ports and question-and-answer exchanges.
// Not a client to test against: Plait's own are tested with Plait's own transports.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace plait::support {

/// A TCP port on 127.0.0.1 that nobody listens on, and that stays ours: the kernel does not hand it out for outgoing
/// connections, and no other test process gets it before this one ends. A server may so be stopped and started again
/// on it.
/// Fails: with std::runtime_error when there is none.
std::uint16_t free_port();

/// Connects, sends `request`, and returns everything the server sends until it closes the connection.
/// Nothing when it could not be connected, or sent nothing and no end, within `limit`.
std::optional<std::string> exchange(std::uint16_t port, std::string_view request, std::chrono::milliseconds limit);

}  // namespace plait::support

// TcpConnection: makes a StreamConnection of a connected TCP socket. Not the way there: connecting and accepting hand
// it a socket.
#pragma once

#include <memory>
#include <optional>

#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

struct TcpConnection {
    /// Takes over a connected, non-blocking socket and calls the protocol's connection_made(). Precondition: in a turn.
    /// Returns: why it has ended already, if connection_made() threw.
    static std::optional<Failure> start(ReactorCore& core, UniqueFd fd, Address peer,
                                        std::shared_ptr<Protocol> protocol, bool no_delay);
};

}  // namespace plait::detail

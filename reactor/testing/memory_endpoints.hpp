// Endpoints on a MemoryNetwork, for tests of code that takes endpoints. Not for code that takes a Connector:
// MemoryNetwork::connector() is one.
#pragma once

#include <memory>

#include "plait/reactor/endpoint.hpp"
#include "plait/reactor/testing/memory_network.hpp"

namespace plait::testing {

/// Connects to `where` on `network`.
std::shared_ptr<ClientEndpoint> memory_client_endpoint(MemoryNetwork& network, const HostPort& where);

/// Listens there. Fails: with CannotListen when somebody does, or MemoryNetwork::set_listening_refused() says so.
/// Lifetime: the network outlives it and its ports.
std::shared_ptr<ServerEndpoint> memory_server_endpoint(MemoryNetwork& network, const HostPort& where);

}  // namespace plait::testing

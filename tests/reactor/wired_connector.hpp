// Test helper: a client's connection, held at its other end by the test.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "plait/reactor/connector.hpp"
#include "plait/reactor/testing/memory_transport.hpp"

namespace plait::testing {

/// Connects at once; one connection after the other. Lifetime: a client that keeps connections is kept by them, as they
/// are by this: `wire.reset()` at the end of a test.
struct WiredConnector final : Connector {
    Deferred<std::shared_ptr<Protocol>> connect(const HostPort&, std::shared_ptr<Protocol> protocol) override {
        ++connections;
        wire.emplace(protocol);
        return succeed(std::move(protocol));
    }

    int connections = 0;
    std::optional<MemoryTransport> wire;  ///< of the last one
};

}  // namespace plait::testing

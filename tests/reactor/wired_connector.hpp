// Test helper: a client's connection, held at its other end by the test.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "plait/reactor/connector.hpp"
#include "plait/reactor/testing/memory_transport.hpp"

namespace plait::testing {

/// Connects at once; one connection after the other.
struct WiredConnector final : Connector {
    Deferred<std::shared_ptr<Protocol>> connect(const HostPort&, std::shared_ptr<Protocol> protocol) override {
        wire.emplace(protocol);
        return succeed(std::move(protocol));
    }

    std::optional<MemoryTransport> wire;
};

}  // namespace plait::testing

// ConnectedPair: two protocols joined in memory, and the pump that carries bytes between them.
// Not a network with names and ports: that is memory_network.hpp.
#pragma once

#include <cstddef>
#include <memory>

#include "plait/reactor/protocol.hpp"
#include "plait/reactor/testing/fault_plan.hpp"
#include "plait/reactor/testing/memory_transport.hpp"

namespace plait::testing {

/// A connection between two protocols of one test. Nothing moves but by pump() and flush().
///
///     ConnectedPair pair(std::make_shared<Client>(), std::make_shared<Server>());
///     pair.flush();                                      // until nothing moves
///
/// The client's connection_made() is called first. Destroying it breaks what is open (ConnectionAborted).
/// Source: connectedServerAndClient and IOPump of Twisted.
class ConnectedPair {
public:
    ConnectedPair(std::shared_ptr<Protocol> client, std::shared_ptr<Protocol> server, const FaultPlan& faults = {});
    ConnectedPair(const ConnectedPair&) = delete;
    ConnectedPair& operator=(const ConnectedPair&) = delete;
    ~ConnectedPair();

    MemoryTransport& client() noexcept;
    MemoryTransport& server() noexcept;

    /// Carries what is under way one step, both ways. Returns whether anything moved.
    bool pump();

    /// Pumps until nothing moves. Throws std::runtime_error after `limit` steps: two protocols that never stop talking.
    void flush(int limit = 10'000);

    /// At most so many bytes a step and direction; 0, the default: all there are.
    void set_bytes_per_step(std::size_t bytes) noexcept { bytes_per_step_ = bytes; }

    /// Both ends see ConnectionLost.
    void break_connection();

    /// Until both ends have been told that it is over.
    bool open() const noexcept;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
    std::size_t bytes_per_step_ = 0;
};

}  // namespace plait::testing

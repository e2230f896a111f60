// Connector: how a client opens its connections. The seam between a client and the network: TCP behind it in life,
// a memory network in tests.
#pragma once

#include <memory>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/protocol.hpp"

namespace plait {

/// Opens stream connections to hosts by name.
class Connector {
public:
    virtual ~Connector() = default;

    /// Connects `protocol` to `where`.
    ///
    /// Fires:  with the protocol, after its connection_made(). Never before this has returned.
    /// Fails:  with a ConnectError naming the host and the cause, or with what connection_made() threw. It may have
    ///         failed already when it is returned.
    /// Cancel: stops trying, closes a connection being made.
    virtual Deferred<std::shared_ptr<Protocol>> connect(const HostPort& where, std::shared_ptr<Protocol> protocol) = 0;
};

}  // namespace plait

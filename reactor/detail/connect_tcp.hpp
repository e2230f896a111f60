// connect_tcp with a protocol that is made when the connection is there. Not for users: endpoints give them that.
#pragma once

#include <memory>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/tcp.hpp"

namespace plait::detail {

using BuildProtocol = UniqueFunction<std::shared_ptr<Protocol>(const Address& peer)>;

/// What `factory` builds for `peer`. Throws ConnectError when that is nothing.
std::shared_ptr<Protocol> build_for(Factory& factory, const Address& peer);

/// build_for() later.
BuildProtocol builder_of(std::shared_ptr<Factory> factory);

/// plait::connect_tcp; `build` is called once, when a connection is made, and what it throws fails the Deferred.
Deferred<std::shared_ptr<Protocol>> connect_tcp(Reactor& reactor, HostPort where, BuildProtocol build,
                                                ConnectOptions options);

}  // namespace plait::detail

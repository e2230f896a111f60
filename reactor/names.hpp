// Names: asynchronous look-up of host names with c-ares (hosts file, search domains, DNS).
// No threads, and no memory: each look-up asks again.
#pragma once

#include <string>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait {

/// The addresses of a host, IPv4 and IPv6, in the order to be tried (RFC 6724). Numeric hosts need no look-up.
///
/// Fires:  with at least one address, each with the port asked for; never before this has returned, but a numeric host
///         is ready at once.
/// Fails:  with NameNotFound, quoting the name and the resolver's reason, which may be that no server answered.
/// Cancel: the look-up is dropped, its sockets are closed.
Deferred<std::vector<Address>> resolve(Reactor& reactor, HostPort where);

}  // namespace plait

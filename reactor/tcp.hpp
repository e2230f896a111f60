// TCP: connect by name or address, and listen.
// Not TLS, and no reconnecting: a lost connection is reported, not repaired.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/connector.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait {

struct ConnectOptions {
    /// For the whole of it: name look-up and every address tried.
    Duration timeout = std::chrono::seconds(30);
    /// TCP_NODELAY.
    bool no_delay = true;
    /// Uses addresses of this family alone.
    AddressFamily family = AddressFamily::any;
    /// Where to connect from: a numeric address of this machine; port 0 for any. Addresses of its family alone are
    /// used.
    std::optional<Address> bind_address{};
    /// Without an answer for so long, the next address is tried beside the ones before.
    Duration attempt_delay = std::chrono::milliseconds(250);
    /// IPv4 addresses that are found first wait so long for those of IPv6.
    Duration resolution_delay = std::chrono::milliseconds(50);
};

/// Connects `protocol` to a host, racing its addresses (RFC 8305, "happy eyeballs"): IPv6 and IPv4 in turn, each as it
/// is found, the next at once when one fails or after `attempt_delay`. The first that accepts wins, the others are
/// closed. Of a host with more than 32 addresses the first ones found are tried.
///
/// Fires:  with the protocol, after its connection_made(); never before this has returned.
/// Fails:  with a ConnectError naming the host and the cause, for each address if several were tried; with what
///         connection_made() threw. At once while the reactor is being destroyed.
/// Cancel: stops trying; a connection being made is closed. One that is made belongs to the protocol.
Deferred<std::shared_ptr<Protocol>> connect_tcp(Reactor& reactor, HostPort where, std::shared_ptr<Protocol> protocol,
                                                ConnectOptions options = {});

/// `connect_tcp` as a Connector, for clients that open connections themselves. `options.timeout` limits each of them,
/// beside any limit the client sets itself.
/// Lifetime: the reactor outlives its use.
std::shared_ptr<Connector> make_tcp_connector(Reactor& reactor, ConnectOptions options = {});

struct ListenOptions {
    /// Connections that wait to be accepted; the kernel has a limit of its own. Clients beyond it try again after a
    /// second.
    int backlog = 1024;
    /// SO_REUSEPORT: several processes may listen on the port and share its connections.
    bool reuse_port = false;
    /// TCP_NODELAY, and keep-alive if there are times for it, on each connection accepted.
    bool no_delay = true;
    std::optional<KeepAlive> keep_alive{};
};

/// A port that accepts connections.
/// Lifetime: destroying it stops at once; connections already made live on. It may outlive the reactor. Allowed from
///           inside its factory.
class ListeningPort {
public:
    virtual ~ListeningPort() = default;

    /// Where it listens: with the real port when 0 was asked for.
    virtual Address address() const = 0;

    /// Accepts no more. Nothing is built for this port after it returns.
    virtual void stop_listening() = 0;

    /// Listens again, on the same address, after `stop_listening()`; does nothing while it listens. Throws
    /// CannotListen: somebody else has the address by now, or it is a port that cannot be opened twice (the default).
    virtual void start_listening();
};

/// Listens on a numeric address ("127.0.0.1", "::", "" for every IPv4 address); port 0 picks a free one.
/// Throws CannotListen. Survives running out of descriptors: waiting clients are closed, the loop does not spin.
std::unique_ptr<ListeningPort> listen_tcp(Reactor& reactor, const Address& where, std::shared_ptr<Factory> factory,
                                          ListenOptions options = {});

}  // namespace plait

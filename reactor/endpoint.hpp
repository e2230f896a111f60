// Endpoints: where to connect to, or to listen on, as an object: code that has one need not know whether it is TCP,
// TLS or a UNIX socket. Not connections: each call makes a new one.
// Related: endpoint_parser.hpp (endpoint strings of your own), client_service.hpp (keeps a connection up).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/connector.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"

namespace plait {

/// Makes connections to one place.
///
/// Source: IStreamClientEndpoint of Twisted.
class ClientEndpoint {
public:
    virtual ~ClientEndpoint() = default;

    /// Makes a connection, with a protocol that `factory` builds for the peer's address.
    ///
    /// Fires:  with the protocol, after its connection_made(). Never before this has returned.
    /// Fails:  with a ConnectError naming the place and the cause; one that says so when the factory built null; with
    ///         what the factory or connection_made() threw. The Deferred may have failed already when it is returned.
    /// Throws: nothing.
    /// Cancel: stops trying, closes a connection being made. One that is made belongs to the protocol.
    virtual Deferred<std::shared_ptr<Protocol>> connect(std::shared_ptr<Factory> factory) = 0;
};

/// Listens in one place.
///
/// Source: IStreamServerEndpoint of Twisted.
class ServerEndpoint {
public:
    virtual ~ServerEndpoint() = default;

    /// Accepts connections, with protocols that `factory` builds, for as long as the port lives.
    ///
    /// Fires:  with the port; may be ready when it is returned.
    /// Fails:  with CannotListen naming the place and the cause. Throws nothing.
    virtual Deferred<std::unique_ptr<ListeningPort>> listen(std::shared_ptr<Factory> factory) = 0;
};

/// Connects `protocol` itself, once, for when there is nothing to build.
Deferred<std::shared_ptr<Protocol>> connect_protocol(ClientEndpoint& endpoint, std::shared_ptr<Protocol> protocol);

/// TCP to a host, by name or address. `options.family` keeps it to IPv4 or IPv6. The factory is asked when a connection
/// is there, with the address that answered.
/// Lifetime: the reactor outlives its use; so with all of these.
std::shared_ptr<ClientEndpoint> tcp_client_endpoint(Reactor& reactor, HostPort where, ConnectOptions options = {});

/// TCP on a numeric address; each call of listen() opens it anew.
std::shared_ptr<ServerEndpoint> tcp_server_endpoint(Reactor& reactor, Address where, ListenOptions options = {});

/// Whatever a Connector connects to: a memory network in tests, TLS over TCP. The factory is asked before the attempt,
/// with the host and port as given.
std::shared_ptr<ClientEndpoint> connector_endpoint(std::shared_ptr<Connector> connector, HostPort where);

/// The endpoint that a string describes. A prefix says of which kind, the rest is its arguments:
///
///     tcp:host:port[:timeout=SECONDS][:bind_address=IP]     tcp4: and tcp6: use addresses of that family alone
///
/// A colon in an argument is written `\:`, and so are `\=` and `\\`; quote_string_argument() does it.
/// Fails:    throws BadEndpointString (endpoint_parser.hpp), a std::invalid_argument that names the position, what is
///           wrong there and what is allowed. Nothing is opened or looked up yet.
/// Source:   clientFromString of Twisted.
std::shared_ptr<ClientEndpoint> client_from_string(Reactor& reactor, std::string_view text);

/// The same for listening:
///
///     tcp:port[:interface=IP][:backlog=N][:reuse_port=yes]  every IPv4 address; tcp6: every IPv6 address
std::shared_ptr<ServerEndpoint> server_from_string(Reactor& reactor, std::string_view text);

/// `argument` with what would end or split it escaped: "::1" becomes `\:\:1`.
std::string quote_string_argument(std::string_view argument);

}  // namespace plait

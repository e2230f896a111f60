// Endpoints: where to connect to, or to listen on, as an object: code that has one need not know whether it is TCP,
// TLS or a UNIX socket. Not connections: each call makes a new one.
// Related: endpoint_parser.hpp (endpoint strings of your own), process_endpoint.hpp (a program at the other end),
// client_service.hpp (keeps a connection up).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/connector.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/unix.hpp"

namespace plait {

class TlsContext;

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
    /// Cancel: nothing listens then. Dropping likewise, also when it is ready: the port goes with it.
    virtual Deferred<std::unique_ptr<ListeningPort>> listen(std::shared_ptr<Factory> factory) = 0;
};

/// Connects `protocol` itself, once, for when there is nothing to build. Fires, Fails and Cancel: as
/// ClientEndpoint::connect().
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

/// TLS over TCP. The certificate has to be for the host, or for `server_name` if that is given. What connect() gives is
/// connected when the handshake is done; it fails with a TlsError when that fails.
/// Throws: UsageError for a context of the other side; so do the next two.
std::shared_ptr<ClientEndpoint> tls_client_endpoint(Reactor& reactor, HostPort where,
                                                    std::shared_ptr<const TlsContext> context,
                                                    ConnectOptions options = {}, std::string server_name = {});

/// TLS over what `below` connects to: a UNIX socket, a program, a memory network in tests. The certificate has to be
/// for `server_name`, which may be empty only if the context checks nobody.
std::shared_ptr<ClientEndpoint> tls_client_endpoint(Clock& clock, std::shared_ptr<const TlsContext> context,
                                                    std::shared_ptr<ClientEndpoint> below, std::string server_name);

/// TLS for whoever connects at `below`. Protocols are built when a connection is accepted; their connection_made()
/// comes after the handshake.
std::shared_ptr<ServerEndpoint> tls_server_endpoint(Clock& clock, std::shared_ptr<const TlsContext> context,
                                                    std::shared_ptr<ServerEndpoint> below);

/// A UNIX socket by its path; "@name" is an abstract one. The factory is asked before the attempt, with the path.
std::shared_ptr<ClientEndpoint> unix_client_endpoint(Reactor& reactor, std::string path,
                                                     UnixConnectOptions options = {});
std::shared_ptr<ServerEndpoint> unix_server_endpoint(Reactor& reactor, std::string path,
                                                     UnixListenOptions options = {});

/// A connected, or a listening, socket that is open already under a number: inherited, for example. It is taken over by
/// the first call of connect() or listen(); before that nothing is done with it, and another call fails.
std::shared_ptr<ClientEndpoint> fd_client_endpoint(Reactor& reactor, int fd);
std::shared_ptr<ServerEndpoint> fd_server_endpoint(Reactor& reactor, int fd);

/// A listening socket that systemd has opened (LISTEN_FDS), by its place, from 0, or the name that its unit gives it
/// (FileDescriptorName). Looked for by listen(), which duplicates it: systemd's own descriptor stays open, as long as
/// the process runs, but for programs that this one starts. So listen() can be called again after the port was stopped;
/// who connects in between waits. Several ports of one socket, also of two endpoints or in other reactors, share its
/// clients: each is accepted by whichever is first. The environment stays as it is: what this process starts does not
/// take the sockets for its own, since LISTEN_PID names another.
std::shared_ptr<ServerEndpoint> systemd_server_endpoint(Reactor& reactor, std::size_t index);
std::shared_ptr<ServerEndpoint> systemd_server_endpoint(Reactor& reactor, std::string name);

/// This program's standard input and output, once: a second connection would share the two with the first, so another
/// call of connect() or listen() fails.
std::shared_ptr<ClientEndpoint> stdio_client_endpoint(Reactor& reactor);
/// The same for servers that may be started by another program, as inetd does: listen() fires when the one connection
/// is made, with a port at which nobody else arrives.
std::shared_ptr<ServerEndpoint> stdio_server_endpoint(Reactor& reactor);

/// The endpoint that a string describes. A prefix says of which kind, the rest is its arguments:
///
///     tcp:host:port[:timeout=SECONDS][:bind_address=IP]     tcp4: and tcp6: use addresses of that family alone
///     tls:host:port[:timeout=][:bind_address=][:server_name=NAME][:ca=FILE][:certificate=FILE][:key=FILE][:verify=no]
///     unix:path[:timeout=SECONDS]
///     fd:number
///     stdio:
///
/// A colon in an argument is written `\:`, and so are `\=` and `\\`; quote_string_argument() does it.
/// Fails:    throws BadEndpointString (endpoint_parser.hpp), a std::invalid_argument that names the position, what is
///           wrong there and what is allowed. Nothing is opened, read or looked up yet: that is for connect().
/// Source:   clientFromString of Twisted.
std::shared_ptr<ClientEndpoint> client_from_string(Reactor& reactor, std::string_view text);

/// The same for listening:
///
///     tcp:port[:interface=IP][:backlog=N][:reuse_port=yes]  every IPv4 address; tcp6: every IPv6 address
///     tls:port:certificate=FILE[:key=FILE][:ca=FILE][:interface=][:backlog=][:reuse_port=]
///                                                           with a `ca`, clients need a certificate of it
///     unix:path[:mode=OCTAL][:backlog=N][:remove_stale=no]
///     systemd:index=N  or  systemd:name=NAME
///     fd:number
///     stdio:
std::shared_ptr<ServerEndpoint> server_from_string(Reactor& reactor, std::string_view text);

/// `argument` with what would end or split it escaped: "::1" becomes `\:\:1`.
std::string quote_string_argument(std::string_view argument);

}  // namespace plait

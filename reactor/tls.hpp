// TLS: connect and listen with it, over TCP or any other Transport, and switch it on in mid-stream.
// Not certificates and settings: those are a TlsContext.
#pragma once

#include <memory>
#include <string>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/connector.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/tls_context.hpp"
#include "plait/reactor/tls_errors.hpp"
#include "plait/reactor/tls_transport.hpp"

namespace plait {

/// Whom a client wants to talk to.
struct TlsPeer {
    /// A host name, which is sent (SNI) and must be in the certificate; or an IP address, which must be in it.
    std::string server_name;
    /// Tells the sessions kept for several servers on one host apart.
    std::uint16_t port = 0;
    /// False: any name will do, as long as the certificate is signed by a CA we trust.
    bool check_name = true;
};

struct TlsTimes {
    /// For the handshake; after it TlsTimeout.
    Duration handshake = std::chrono::seconds(10);
    /// For the peer to take what is left and to answer our close-notify; starts anew whenever it takes something.
    Duration close = std::chrono::seconds(5);
};

/// A Protocol that speaks TLS on whatever Transport it is connected to, and gives `protocol` a TlsTransport on top.
///
/// `protocol` sees what it would see over TCP: connection_made() comes when the handshake is done. When that fails it
/// is told nothing, unless it is a TlsProtocol.
///
/// Throws UsageError when the context is for the other side, or `peer` names nobody although it is to be checked.
/// Lifetime: the clock outlives the connection. One connection only.
std::shared_ptr<Protocol> tls_client(Clock& clock, std::shared_ptr<const TlsContext> context, TlsPeer peer,
                                     std::shared_ptr<Protocol> protocol, TlsTimes times = {});
std::shared_ptr<Protocol> tls_server(Clock& clock, std::shared_ptr<const TlsContext> context,
                                     std::shared_ptr<Protocol> protocol, TlsTimes times = {});

/// Called with the peer's address and the TlsError when a server's handshake fails.
using TlsHandshakeFailed = UniqueFunction<void(const Address& peer, const Failure& reason)>;

/// Wraps each protocol that `factory` builds in a `tls_server`. It is built when the connection is accepted, so that a
/// factory that refuses does so before any computing is done for the peer.
std::shared_ptr<Factory> tls_factory(Clock& clock, std::shared_ptr<const TlsContext> context,
                                     std::shared_ptr<Factory> factory, TlsTimes times = {},
                                     TlsHandshakeFailed handshake_failed = {});

/// A Connector that opens connections with `below` and speaks TLS on them; the server's name is the host connected to.
///
/// Its connect() fires when the handshake is done, and fails with a TlsError when that fails.
std::shared_ptr<Connector> make_tls_connector(Clock& clock, std::shared_ptr<const TlsContext> context,
                                              std::shared_ptr<Connector> below, TlsTimes times = {});

/// `connect_tcp` with TLS; as `make_tls_connector` describes. Throws UsageError for a server's context.
///
/// Fires:  with the protocol, when the handshake is done and after its connection_made(); never before this has
///         returned.
/// Fails:  as `connect_tcp`; with a TlsError when the handshake fails.
/// Cancel: stops trying; a connection being made, or in its handshake, is thrown away. Dropping likewise.
Deferred<std::shared_ptr<Protocol>> connect_tls(Reactor& reactor, HostPort where,
                                                std::shared_ptr<const TlsContext> context,
                                                std::shared_ptr<Protocol> protocol, ConnectOptions options = {},
                                                TlsTimes times = {});

/// `listen_tcp` with TLS; as `tls_factory` describes.
std::unique_ptr<ListeningPort> listen_tls(Reactor& reactor, const Address& where,
                                          std::shared_ptr<const TlsContext> context, std::shared_ptr<Factory> factory,
                                          ListenOptions options = {}, TlsTimes times = {});

/// Switches a connection in use to TLS, for protocols that agree on it in clear (SMTP, LDAP, PostgreSQL). The side is
/// the context's; `peer` is for clients.
///
/// What was written before goes in clear and first; what is written afterwards is held until the handshake is done. The
/// protocol of `transport` stays the same, and so does a registered Producer; the protocol's `transport()` is a
/// TlsTransport from now on, and the one given here is no longer to be used. Reading is resumed. A TlsProtocol is told
/// when the handshake is done; when it fails, connection_lost() has the TlsError.
///
/// A protocol that keeps what it has received and not delivered, as LineReceiver does, goes on with that after the
/// switch: have it forget first (`clear_line_buffer()`), or it takes for protected what came in clear.
///
/// `received`: bytes of TLS that arrived with the last ones in clear. A server should treat any as an attack, unless
/// its protocol allows clients to go ahead: they were not protected when they were read.
///
/// Throws UsageError as `tls_client` does, or when `transport` cannot change its protocol (`Transport::hand_over`).
void start_tls(Clock& clock, Transport& transport, std::shared_ptr<const TlsContext> context, TlsPeer peer = {},
               Bytes received = {}, TlsTimes times = {});

}  // namespace plait

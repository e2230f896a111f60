// TlsTransport: a connection over TLS as its Protocol sees it: a Transport that can also say whom it talks to, and how.
// Not the way there: see tls.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plait/reactor/protocol.hpp"
#include "plait/reactor/tls_context.hpp"
#include "plait/reactor/transport.hpp"

namespace plait {

/// What a handshake agreed on.
struct TlsInfo {
    TlsVersion version = TlsVersion::tls_1_3;
    std::string cipher;       ///< "TLS_AES_256_GCM_SHA384"
    std::string alpn;         ///< the application protocol; empty: none
    std::string server_name;  ///< what the client asked for (SNI); empty: nothing
    bool resumed = false;     ///< a session of before was taken up
};

/// Whom a certificate speaks of.
struct TlsCertificate {
    std::string subject;             ///< "CN=www.example.com,O=Example"
    std::string issuer;              ///< likewise
    std::vector<std::string> names;  ///< DNS names and IP addresses it is for
    std::string sha256;              ///< fingerprint, 64 hexadecimal digits
    std::string pem;
};

/// A Transport over TLS. `tls_transport(transport())` finds it.
///
/// As over TCP, with these differences: `write_buffered()` counts what is not encrypted yet and what the transport
/// below holds; `lose_connection()` sends a close-notify after what is queued, and waits for the peer's no longer than
/// TlsTimes::close; `lose_write_connection()` sends one and goes on reading, which TLS 1.3 peers understand, and some
/// of TLS 1.2 take as the end of both directions. The peer's close-notify is `read_connection_lost()`; its end without
/// one is a connection lost with TlsTruncated.
class TlsTransport : public Transport {
public:
    /// Throws InvalidState while the handshake is under way.
    virtual TlsInfo tls() const = 0;

    /// The peer's; none if it sent none. Valid or not is decided in the handshake, by the TlsContext.
    virtual std::optional<TlsCertificate> peer_certificate() const = 0;

protected:
    ~TlsTransport() = default;
};

/// The transport as a TlsTransport, or null when it is none.
/// Lifetime: it is the same object, so the pointer is good for as long as `transport` is: until connection_lost() has
///           returned. `start_tls` gives a connection another transport; ask again then.
TlsTransport* tls_transport(Transport& transport) noexcept;

/// A Protocol that wants to be told of the handshake itself. Others need not know that they run over TLS.
class TlsProtocol : public Protocol {
public:
    /// The handshake is done; right after connection_made() on a new connection, later after `start_tls`.
    virtual void handshake_completed(TlsTransport& transport) { static_cast<void>(transport); }

    /// The handshake failed before connection_made(): neither that nor connection_lost() is called.
    virtual void handshake_failed(const Failure& reason) { static_cast<void>(reason); }
};

}  // namespace plait

// TlsContext: what one side of TLS brings along: certificates, trust, versions, sessions. Made once, shared by any
// number of connections. Not a connection: those are made in tls.hpp.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace plait {

namespace detail {
class TlsContextImpl;
}  // namespace detail

class TlsContext;

enum class TlsVersion { tls_1_2, tls_1_3 };

/// "TLS 1.3".
const char* to_string(TlsVersion version) noexcept;

/// Whether a server asks clients for a certificate. One that is sent must be valid in either case.
enum class TlsClientCertificates { none, optional, required };

/// PEM: the text itself, or the file that it is in. An empty one is given, too, and refused: a list of CAs that was
/// lost on the way here must not become all that the system trusts.
struct TlsPem {
    std::optional<std::string> file;
    std::optional<std::string> text;

    static TlsPem from_file(std::string path) { return {std::move(path), std::nullopt}; }
    static TlsPem from_text(std::string text) { return {std::nullopt, std::move(text)}; }
    bool given() const noexcept { return file || text; }
};

struct TlsOptions {
    /// Ours, followed by those that lead to its CA. Required for servers.
    TlsPem certificate;
    /// Its private key; looked for beside `certificate` when none is given. Encrypted keys need the password.
    TlsPem key;
    std::string key_password;

    /// Whose signatures we accept, one or more certificates. None: what the system trusts, for clients; for servers
    /// that ask for certificates it is required.
    TlsPem ca;
    /// Clients: check the server's certificate and its name. Without it anybody on the way can read and write.
    bool verify_peer = true;
    /// Servers: what to ask of clients.
    TlsClientCertificates client_certificates = TlsClientCertificates::none;

    TlsVersion minimum = TlsVersion::tls_1_2;
    TlsVersion maximum = TlsVersion::tls_1_3;

    /// Application protocols, such as "h2", the best first; each of 1 to 255 bytes. A server picks the first of its own
    /// that the client names, refuses a client that names only others, and serves one that names none, without any.
    /// Without a list it ignores the client's. Which it is stands in TlsInfo::alpn, on both sides.
    std::vector<std::string> alpn;

    /// OpenSSL's words: a list for TLS 1.2 ("ECDHE+AESGCM") and one for TLS 1.3 ("TLS_AES_128_GCM_SHA256"). Empty: its
    /// defaults.
    std::string ciphers;
    std::string ciphersuites;

    /// Shorter handshakes with a peer met before. Clients keep up to `most_sessions`, those used last; servers hand out
    /// tickets and keep nothing.
    bool resumption = true;
    std::size_t most_sessions = 256;

    /// Servers: other contexts for other names (SNI). "*.example.com" stands for one label more. A client that asks for
    /// none of them, or for no name, gets this context. Those of a context in here are not looked at.
    std::vector<std::pair<std::string, std::shared_ptr<const TlsContext>>> by_name;
};

/// One side's part, ready to use. Renegotiation and compression are off, always.
///
/// Lifetime: each connection shares it.
/// Threads:  any number of reactors in any threads may share one.
class TlsContext {
public:
    /// Both throw TlsContextError, which names the file and the cause.
    static std::shared_ptr<const TlsContext> client(const TlsOptions& options = {});
    static std::shared_ptr<const TlsContext> server(const TlsOptions& options);

    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;
    ~TlsContext();

    bool for_server() const noexcept;
    /// It is a client's and checks whom it meets.
    bool verifies_server() const noexcept;

    /// Clients: sessions kept now, and letting them go.
    std::size_t sessions() const;
    void forget_sessions() const;

    /// For the connections.
    detail::TlsContextImpl& impl() const noexcept { return *impl_; }

private:
    explicit TlsContext(std::unique_ptr<detail::TlsContextImpl> impl);

    std::unique_ptr<detail::TlsContextImpl> impl_;
};

}  // namespace plait

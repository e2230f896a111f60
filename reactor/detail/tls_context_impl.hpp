// TlsContextImpl: an SSL_CTX set up from TlsOptions. The side of TlsContext that knows OpenSSL; not a connection.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plait/reactor/detail/tls_sessions.hpp"
#include "plait/reactor/tls_context.hpp"

namespace plait::detail {

/// One SSL_CTX and what its callbacks need.
/// Lifetime: connections keep the TlsContext that owns it, and so this.
class TlsContextImpl {
public:
    enum class Role { client, server };

    /// Throws TlsContextError.
    TlsContextImpl(Role role, const TlsOptions& options);
    TlsContextImpl(const TlsContextImpl&) = delete;
    TlsContextImpl& operator=(const TlsContextImpl&) = delete;
    ~TlsContextImpl() = default;

    SSL_CTX* ssl() const noexcept { return ssl_.get(); }
    Role role() const noexcept { return role_; }
    bool verifies_server() const noexcept { return role_ == Role::client && verify_; }
    TlsSessions& sessions() noexcept { return sessions_; }

    /// Where SSL objects of these contexts keep the std::string that names their server in `sessions()`; null for
    /// those whose sessions are not to be kept.
    static int server_slot();

private:
    struct FreeContext {
        void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    };

    void set_versions(const TlsOptions& options);
    void set_ciphers(const TlsOptions& options);
    void set_alpn(const std::vector<std::string>& names);
    void load_certificate(const TlsOptions& options);
    void load_trust(const TlsOptions& options);
    void set_sessions(const TlsOptions& options);
    const TlsContextImpl* context_for(std::string_view name) const;

    static int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                               unsigned int in_size, void* self);
    static int new_session(SSL* ssl, SSL_SESSION* session);
    static int client_hello(SSL* ssl, int* alert, void* self);

    Role role_;
    bool verify_ = true;
    std::unique_ptr<SSL_CTX, FreeContext> ssl_;
    std::string alpn_;  ///< as on the wire: each name behind its length
    TlsSessions sessions_;
    std::vector<std::pair<std::string, std::shared_ptr<const TlsContext>>> by_name_;
};

}  // namespace plait::detail

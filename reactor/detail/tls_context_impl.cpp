#include "plait/reactor/detail/tls_context_impl.hpp"

#include <openssl/err.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/tls_pem.hpp"
#include "plait/reactor/tls_errors.hpp"

namespace plait::detail {
namespace {

constexpr long most_chain_bytes = 64L * 1024;  // a peer's certificates; real chains have a tenth of that

int number_of(TlsVersion version) {
    return version == TlsVersion::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

[[noreturn]] void failed(const std::string& what) {
    throw TlsContextError(what + ": " + openssl_reasons());
}

std::string lower(std::string_view text) {
    std::string low(text);
    std::transform(low.begin(), low.end(), low.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return low;
}

/// "*.example.com" for "www.example.com"; "" when there is no dot.
std::string with_wildcard(const std::string& name) {
    const std::size_t dot = name.find('.');
    return dot == std::string::npos ? std::string() : std::string("*").append(name, dot);
}

/// The name in a client's hello (RFC 6066, 3), or nothing.
std::string_view name_asked_for(SSL* ssl) {
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1 || size < 5) return {};
    const std::size_t name_size = static_cast<std::size_t>(data[3]) * 256 + data[4];
    if (data[2] != TLSEXT_NAMETYPE_host_name || name_size > size - 5) return {};
    return {reinterpret_cast<const char*>(data + 5), name_size};
}

}  // namespace

TlsContextImpl::TlsContextImpl(Role role, const TlsOptions& options)
    : role_(role), verify_(options.verify_peer), sessions_(options.most_sessions), by_name_(options.by_name) {
    ERR_clear_error();
    ssl_.reset(SSL_CTX_new(role == Role::client ? TLS_client_method() : TLS_server_method()));
    if (ssl_ == nullptr) failed("OpenSSL makes no context");
    SSL_CTX_set_mode(ssl(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_options(ssl(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_max_cert_list(ssl(), most_chain_bytes);
    set_versions(options);
    set_ciphers(options);
    set_alpn(options.alpn);
    load_certificate(options);
    load_trust(options);
    set_sessions(options);
    if (by_name_.empty()) return;
    for (auto& [name, context] : by_name_) {
        if (role == Role::client || context == nullptr || !context->for_server())
            throw TlsContextError("contexts by name are for servers, and are servers' contexts; not so: " + name);
        name = lower(name);
    }
    SSL_CTX_set_client_hello_cb(ssl(), client_hello, this);
}

void TlsContextImpl::set_versions(const TlsOptions& options) {
    if (options.minimum > options.maximum)
        throw TlsContextError(std::string("the minimum version, ") + to_string(options.minimum) +
                              ", is above the maximum, " + to_string(options.maximum));
    if (SSL_CTX_set_min_proto_version(ssl(), number_of(options.minimum)) != 1 ||
        SSL_CTX_set_max_proto_version(ssl(), number_of(options.maximum)) != 1)
        failed("OpenSSL refuses the versions asked for");
}

void TlsContextImpl::set_ciphers(const TlsOptions& options) {
    if (!options.ciphers.empty() && SSL_CTX_set_cipher_list(ssl(), options.ciphers.c_str()) != 1)
        failed("no cipher for \"" + options.ciphers + "\"");
    if (!options.ciphersuites.empty() && SSL_CTX_set_ciphersuites(ssl(), options.ciphersuites.c_str()) != 1)
        failed("no TLS 1.3 cipher suites for \"" + options.ciphersuites + "\"");
}

void TlsContextImpl::set_alpn(const std::vector<std::string>& names) {
    if (names.empty()) return;
    for (const std::string& name : names) {
        if (name.empty() || name.size() > 255)
            throw TlsContextError("an ALPN name has 1 to 255 bytes; this one has " + std::to_string(name.size()));
        alpn_ += static_cast<char>(static_cast<unsigned char>(name.size()));
        alpn_ += name;
    }
    if (alpn_.size() > 65535) throw TlsContextError("the ALPN names are longer than 65,535 bytes together");
    if (role_ == Role::server) return SSL_CTX_set_alpn_select_cb(ssl(), choose_protocol, this);
    const auto* wire = reinterpret_cast<const unsigned char*>(alpn_.data());
    if (SSL_CTX_set_alpn_protos(ssl(), wire, static_cast<unsigned>(alpn_.size())) != 0)
        failed("OpenSSL refuses the ALPN names");
}

void TlsContextImpl::load_certificate(const TlsOptions& options) {
    if (!options.certificate.given()) {
        if (role_ == Role::server) throw TlsContextError("a server needs a certificate: set TlsOptions::certificate");
        if (options.key.given()) throw TlsContextError("there is a key, and no certificate that it belongs to");
        return;
    }
    std::vector<CertificatePtr> chain = read_certificates(options.certificate, "certificate");
    const std::string from = where_from(options.certificate, "certificate");
    if (SSL_CTX_use_certificate(ssl(), chain.front().get()) != 1) failed("OpenSSL refuses the certificate in " + from);
    for (std::size_t i = 1; i < chain.size(); ++i)
        if (SSL_CTX_add1_chain_cert(ssl(), chain[i].get()) != 1)
            failed("OpenSSL refuses certificate " + std::to_string(i + 1) + " in " + from);
    const TlsPem& key_from = options.key.given() ? options.key : options.certificate;
    const KeyPtr key = read_key(key_from, options.key_password);
    if (SSL_CTX_use_PrivateKey(ssl(), key.get()) != 1 || SSL_CTX_check_private_key(ssl()) != 1)
        failed("the key in " + where_from(key_from, "key") + " does not belong to the certificate in " + from);
}

void TlsContextImpl::load_trust(const TlsOptions& options) {
    const bool asks = role_ == Role::server && options.client_certificates != TlsClientCertificates::none;
    if (asks && !options.ca.given())
        throw TlsContextError("a server that asks for certificates needs to know whose: set TlsOptions::ca");
    if (options.ca.given()) {
        X509_STORE* store = SSL_CTX_get_cert_store(ssl());
        for (const CertificatePtr& ca : read_certificates(options.ca, "CA")) {
            if (X509_STORE_add_cert(store, ca.get()) != 1)
                failed("OpenSSL refuses a CA in " + where_from(options.ca, "CA"));
            if (asks && SSL_CTX_add_client_CA(ssl(), ca.get()) != 1) failed("OpenSSL refuses the name of a CA");
        }
    } else if (verifies_server() && SSL_CTX_set_default_verify_paths(ssl()) != 1) {
        failed("the certificates that the system trusts cannot be found");
    }
    int mode = SSL_VERIFY_NONE;
    if (verifies_server() || asks) mode = SSL_VERIFY_PEER;
    if (asks && options.client_certificates == TlsClientCertificates::required) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ssl(), mode, nullptr);
}

void TlsContextImpl::set_sessions(const TlsOptions& options) {
    if (role_ == Role::client) {
        const bool keep = options.resumption && options.most_sessions != 0;
        SSL_CTX_set_session_cache_mode(ssl(),
                                       keep ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
        SSL_CTX_set_app_data(ssl(), &sessions_);
        if (keep) SSL_CTX_sess_set_new_cb(ssl(), new_session);
        return;
    }
    SSL_CTX_set_session_cache_mode(ssl(), SSL_SESS_CACHE_OFF);
    // Tickets of one context must not open the door of another, which may ask for other certificates.
    std::array<unsigned char, 16> id{};
    if (RAND_bytes(id.data(), static_cast<int>(id.size())) != 1 ||
        SSL_CTX_set_session_id_context(ssl(), id.data(), static_cast<unsigned>(id.size())) != 1)
        failed("OpenSSL has no random bytes");
    if (options.resumption) return;
    SSL_CTX_set_options(ssl(), SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ssl(), 0);
}

int TlsContextImpl::server_slot() {
    static const int slot = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return slot;
}

int TlsContextImpl::choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                                    unsigned int in_size, void* self) {
    const std::string& ours = static_cast<TlsContextImpl*>(self)->alpn_;
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                            static_cast<unsigned>(ours.size()), in, in_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// Returns: 1 when the session has become ours.
int TlsContextImpl::new_session(SSL* ssl, SSL_SESSION* session) {
    const auto* server = static_cast<const std::string*>(SSL_get_ex_data(ssl, server_slot()));
    auto* sessions = static_cast<TlsSessions*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    if (server == nullptr || sessions == nullptr) return 0;
    contain([&] { sessions->keep(*server, SessionPtr(session)); });
    return 1;
}

int TlsContextImpl::client_hello(SSL* ssl, int*, void* self) {
    const TlsContextImpl* other = nullptr;
    contain([&] { other = static_cast<TlsContextImpl*>(self)->context_for(name_asked_for(ssl)); });
    if (other == nullptr) return SSL_CLIENT_HELLO_SUCCESS;
    SSL_set_SSL_CTX(ssl, other->ssl());
    // These were copied when the connection began, and are not exchanged with the context.
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(other->ssl()), SSL_get_verify_callback(ssl));
    SSL_set_min_proto_version(ssl, static_cast<int>(SSL_CTX_get_min_proto_version(other->ssl())));
    SSL_set_max_proto_version(ssl, static_cast<int>(SSL_CTX_get_max_proto_version(other->ssl())));
    SSL_clear_options(ssl, SSL_OP_NO_TICKET);
    SSL_set_options(ssl, SSL_CTX_get_options(other->ssl()));
    SSL_set_num_tickets(ssl, SSL_CTX_get_num_tickets(other->ssl()));
    return SSL_CLIENT_HELLO_SUCCESS;
}

const TlsContextImpl* TlsContextImpl::context_for(std::string_view asked) const {
    if (asked.empty()) return nullptr;
    const std::string name = lower(asked);
    const std::string wild = with_wildcard(name);
    const TlsContextImpl* by_wildcard = nullptr;
    for (const auto& [known, context] : by_name_) {
        if (known == name) return &context->impl();
        if (known == wild) by_wildcard = &context->impl();
    }
    return by_wildcard;
}

}  // namespace plait::detail

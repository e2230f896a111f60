#include "plait/reactor/detail/tls_engine.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/detail/block_pool.hpp"
#include "plait/reactor/detail/tls_certificate.hpp"
#include "plait/reactor/detail/tls_context_impl.hpp"
#include "plait/reactor/detail/tls_failures.hpp"
#include "plait/reactor/tls.hpp"

namespace plait::detail {
namespace {

constexpr std::size_t kept_first_bytes = 8;

/// Where records are put on their way out: one block a thread, used again as soon as the transports have sent it.
BlockPool& output_blocks() {
    static thread_local BlockPool pool;
    return pool;
}

}  // namespace

TlsEngine::TlsEngine(std::shared_ptr<const TlsContext> context, const TlsPeer& peer) : context_(std::move(context)) {
    if (context_ == nullptr) throw UsageError("TLS needs a TlsContext; this one is null");
    TlsContextImpl& impl = context_->impl();
    ERR_clear_error();
    ssl_.reset(SSL_new(impl.ssl()));
    BIO* bio = ssl_ != nullptr ? BIO_new(bio_method()) : nullptr;
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_ex_data(ssl_.get(), engine_slot(), this);
    SSL_set_verify(ssl_.get(), SSL_get_verify_mode(ssl_.get()), verified);
    if (server()) {
        SSL_set_accept_state(ssl_.get());
    } else {
        SSL_set_connect_state(ssl_.get());
        prepare_client(peer);
    }
}

TlsEngine::~TlsEngine() {
    // However the connection ended, its session is as good as before.
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

bool TlsEngine::server() const noexcept {
    return context_->for_server();
}

void TlsEngine::prepare_client(const TlsPeer& peer) {
    std::string name = peer.server_name;
    if (name.ends_with('.')) name.pop_back();
    if (context_->verifies_server() && peer.check_name) {
        if (name.empty())
            throw UsageError("TLS: whose certificate is expected? Set TlsPeer::server_name, or check_name to false");
        check_name(name);
    }
    name_ = name;
    if (name.empty()) return;
    if (!is_numeric_address(name)) send_name(name);
    server_ = fmt::format("{}:{}:{}", name, peer.port, peer.check_name ? 1 : 0);
    SSL_set_ex_data(ssl_.get(), TlsContextImpl::server_slot(), &server_);
    if (const SessionPtr session = context_->impl().sessions().take(server_))
        SSL_set_session(ssl_.get(), session.get());
}

/// OpenSSL's macro for it is an old-style cast.
void TlsEngine::send_name(const std::string& name) {
    if (SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 const_cast<char*>(name.c_str())) != 1)
        throw UsageError("TLS: this is no host name: " + name);
}

void TlsEngine::check_name(const std::string& name) {
    X509_VERIFY_PARAM* param = SSL_get0_param(ssl_.get());
    // The subject is no place for a host name (RFC 6125): only alternative names count.
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    const int set = is_numeric_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str())
                                             : X509_VERIFY_PARAM_set1_host(param, name.data(), name.size());
    if (set != 1) throw UsageError("TLS: this is no name that a certificate could be checked for: " + name);
}

// --- bytes in

void TlsEngine::feed(Bytes data) {
    if (data.empty()) return;
    if (first_bytes_.size() < kept_first_bytes && !established_)
        first_bytes_ += data.view().substr(0, kept_first_bytes - first_bytes_.size());
    if (current_.empty()) {
        current_ = std::move(data);
    } else {
        input_.push_back(std::move(data));
    }
}

bool TlsEngine::has_input() const noexcept {
    return !current_.empty() || SSL_pending(ssl_.get()) != 0;
}

void TlsEngine::drop_input() noexcept {
    current_ = Bytes();
    input_.clear();
    first_ = 0;
}

int TlsEngine::bio_read(BIO* bio, char* room, int size) {
    auto* self = static_cast<TlsEngine*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    Bytes& from = self->current_;
    if (from.empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const std::size_t taken = std::min(from.size(), static_cast<std::size_t>(size));
    std::memcpy(room, from.data(), taken);
    from.remove_prefix(taken);
    if (!from.empty()) return static_cast<int>(taken);
    from = Bytes();
    if (self->first_ < self->input_.size()) from = std::move(self->input_[self->first_++]);
    if (self->first_ == self->input_.size()) {
        self->input_.clear();
        self->first_ = 0;
    }
    return static_cast<int>(taken);
}

// --- bytes out

int TlsEngine::bio_write(BIO* bio, const char* data, int size) {
    auto* self = static_cast<TlsEngine*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    try {
        std::string_view left(data, static_cast<std::size_t>(size));
        while (!left.empty()) {
            if (self->filled_ == self->room_.size()) {
                if (self->filled_ != 0) self->output_.push_back(output_blocks().take(self->filled_));
                self->filled_ = 0;
                self->room_ = output_blocks().room();
            }
            const std::size_t fits = std::min(left.size(), self->room_.size() - self->filled_);
            std::memcpy(self->room_.data() + self->filled_, left.data(), fits);
            self->filled_ += fits;
            left.remove_prefix(fits);
        }
    } catch (...) {
        return -1;  // no memory
    }
    self->output_size_ += static_cast<std::size_t>(size);
    return size;
}

void TlsEngine::hand_output_to(Transport& below) {
    if (output_size_ == 0) return;
    Bytes last = output_blocks().take(filled_);
    filled_ = output_size_ = 0;
    room_ = {};
    if (output_.empty()) return below.write(std::move(last));
    output_.push_back(std::move(last));
    below.write_sequence(output_);
    output_.clear();
}

long TlsEngine::bio_control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* TlsEngine::bio_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "plait");
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_ctrl(made, bio_control);
        return made;
    }();
    return method;
}

int TlsEngine::engine_slot() {
    static const int slot = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return slot;
}

int TlsEngine::verified(int ok, X509_STORE_CTX* checked) {
    if (ok == 1) return 1;
    auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(checked, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* self = static_cast<TlsEngine*>(SSL_get_ex_data(ssl, engine_slot()));
    contain([&] { note_refused(checked, self->refused_); });
    return ok;
}

// --- operations

TlsEngine::Status TlsEngine::outcome(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_NONE:
            return Status::done;
        case SSL_ERROR_WANT_READ:
            return Status::wants_input;
        case SSL_ERROR_ZERO_RETURN:
            return Status::ended;
        default:
            return Status::failed;
    }
}

TlsEngine::Status TlsEngine::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) established_ = true;
    return outcome(result);
}

TlsEngine::Status TlsEngine::read(std::span<char> room, std::size_t& got) {
    got = 0;
    ERR_clear_error();
    while (got < room.size()) {
        std::size_t more = 0;
        const int result = SSL_read_ex(ssl_.get(), room.data() + got, room.size() - got, &more);
        if (result != 1) return outcome(result);
        got += more;
    }
    return Status::done;
}

TlsEngine::Status TlsEngine::write(std::string_view clear) {
    ERR_clear_error();
    std::size_t written = 0;
    return outcome(SSL_write_ex(ssl_.get(), clear.data(), clear.size(), &written));
}

void TlsEngine::end_writing() {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

// --- what is known

std::string TlsEngine::who(const std::string& peer) const {
    return name_.empty() || peer.find(name_) != std::string::npos ? peer : name_ + " (" + peer + ")";
}

Failure TlsEngine::failure(const std::string& peer) {
    if (!established_ && !server_.empty()) context_->impl().sessions().forget(server_);
    return tls_failure(ssl_.get(), {who(peer), server(), established_, first_bytes_, refused_});
}

TlsInfo TlsEngine::info() const {
    TlsInfo info;
    info.version = SSL_version(ssl_.get()) == TLS1_2_VERSION ? TlsVersion::tls_1_2 : TlsVersion::tls_1_3;
    info.cipher = SSL_get_cipher_name(ssl_.get());
    const unsigned char* alpn = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &alpn, &size);
    if (size != 0) info.alpn.assign(reinterpret_cast<const char*>(alpn), size);
    if (const char* asked = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name)) info.server_name = asked;
    info.resumed = SSL_session_reused(ssl_.get()) == 1;
    return info;
}

std::optional<TlsCertificate> TlsEngine::peer_certificate() const {
    X509* certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate == nullptr) return std::nullopt;
    return describe_certificate(certificate);
}

}  // namespace plait::detail

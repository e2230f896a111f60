// A side of TLS made of OpenSSL alone, carried by hand: the peer that does what no Transport of ours would.
#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <stdexcept>
#include <string>

#include "tls_certificates.hpp"

namespace plait::testing {

class RawTlsPeer {
public:
    /// A client, which trusts everybody.
    RawTlsPeer() : RawTlsPeer(TLS_client_method()) { SSL_set_connect_state(ssl_); }
    /// A server, which asks for a certificate and takes any.
    explicit RawTlsPeer(const Identity& identity) : RawTlsPeer(TLS_server_method()) {
        use(identity);
        SSL_set_verify(ssl_, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
        SSL_set_session_id_context(ssl_, reinterpret_cast<const unsigned char*>("raw"), 3);
        SSL_set_accept_state(ssl_);
    }
    RawTlsPeer(const RawTlsPeer&) = delete;
    RawTlsPeer& operator=(const RawTlsPeer&) = delete;
    ~RawTlsPeer() {
        SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // its session stays good
        SSL_free(ssl_);
        SSL_CTX_free(context_);
    }

    SSL* ssl() const noexcept { return ssl_; }
    /// What it wants to say, and takes it.
    std::string output() const {
        char* data = nullptr;
        const long size = BIO_get_mem_data(out_, &data);
        std::string all(data, static_cast<std::size_t>(size));
        BIO_reset(out_);
        return all;
    }
    void input(std::string_view bytes) const { BIO_write(in_, bytes.data(), static_cast<int>(bytes.size())); }
    void shake_hands() const { SSL_do_handshake(ssl_); }
    void write(std::string_view text) const { SSL_write(ssl_, text.data(), static_cast<int>(text.size())); }
    /// What has come by now; "(end)" behind it for a close-notify.
    std::string read() const {
        std::string all;
        char room[4096];
        for (;;) {
            const int got = SSL_read(ssl_, room, sizeof room);
            if (got > 0) {
                all.append(room, static_cast<std::size_t>(got));
                continue;
            }
            return SSL_get_error(ssl_, got) == SSL_ERROR_ZERO_RETURN ? all + "(end)" : all;
        }
    }

private:
    explicit RawTlsPeer(const SSL_METHOD* method)
        : context_(SSL_CTX_new(method)),
          ssl_(SSL_new(context_)),
          in_(BIO_new(BIO_s_mem())),
          out_(BIO_new(BIO_s_mem())) {
        SSL_set_bio(ssl_, in_, out_);
    }

    void use(const Identity& identity) const {
        BIO* certificate_text = BIO_new_mem_buf(identity.certificate.data(), -1);
        X509* certificate = PEM_read_bio_X509(certificate_text, nullptr, nullptr, nullptr);
        BIO* key_text = BIO_new_mem_buf(identity.key.data(), -1);
        EVP_PKEY* key = PEM_read_bio_PrivateKey(key_text, nullptr, nullptr, nullptr);
        const bool good = SSL_use_certificate(ssl_, certificate) == 1 && SSL_use_PrivateKey(ssl_, key) == 1;
        BIO_free(certificate_text);
        BIO_free(key_text);
        X509_free(certificate);
        EVP_PKEY_free(key);
        if (!good) throw std::runtime_error("a raw TLS server has no certificate");
    }

    SSL_CTX* context_;
    SSL* ssl_;
    BIO* in_;
    BIO* out_;
};

}  // namespace plait::testing

// PEM to OpenSSL's objects, and OpenSSL's error queue to text. Errors name where the PEM came from.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "plait/reactor/tls_context.hpp"

namespace plait::detail {

struct FreeCertificate {
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
struct FreeKey {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using CertificatePtr = std::unique_ptr<X509, FreeCertificate>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;

/// The reasons in OpenSSL's queue for this thread, the last the first; empties it. "" when there are none.
std::string openssl_reasons();

/// "the file server.pem" or "the PEM text given as certificate".
std::string where_from(const TlsPem& pem, const char* role);

/// All certificates in it. Throws TlsContextError when there is none, or one that is broken.
std::vector<CertificatePtr> read_certificates(const TlsPem& pem, const char* role);

/// The private key in it. Throws TlsContextError.
KeyPtr read_key(const TlsPem& pem, const std::string& password);

}  // namespace plait::detail

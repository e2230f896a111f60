#include "tls_certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace plait::testing {
namespace {

struct Free {
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

void require(bool good, const char* what) {
    if (!good) throw std::runtime_error(std::string("test certificates: ") + what);
}

template <typename Write>
std::string pem_of(Write write) {
    const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
    require(write(bio.get()) == 1, "cannot write PEM");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
    return pem_of([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::string pem_of(EVP_PKEY* key) {
    return pem_of([&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

Key new_key() {
    Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));  // EVP_EC_gen casts a const away
    require(key != nullptr, "cannot make a key");
    return key;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& text) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, text.c_str());
    require(extension != nullptr, "cannot make an extension");
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/// Signed by itself when there is no issuer.
Certificate make(EVP_PKEY* key, const CertificateWishes& wishes, X509* issuer, EVP_PKEY* issuer_key, bool ca) {
    Certificate made(X509_new());
    X509* x = made.get();
    X509_set_version(x, 2);
    long serial = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&serial), 4);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), static_cast<long>(std::chrono::seconds(wishes.begins).count()));
    X509_gmtime_adj(X509_getm_notAfter(x), static_cast<long>(std::chrono::seconds(wishes.ends).count()));
    X509_NAME* name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wishes.common_name.c_str()), -1, -1, 0);
    X509* signer = issuer != nullptr ? issuer : x;
    X509_set_issuer_name(x, X509_get_subject_name(signer));
    X509_set_pubkey(x, key);
    add_extension(x, signer, NID_basic_constraints, ca ? "critical,CA:TRUE" : "CA:FALSE");
    std::string names;
    for (const std::string& one : wishes.names)
        names += (names.empty() ? "" : ",") + one;
    if (!names.empty() && !ca) add_extension(x, signer, NID_subject_alt_name, names);
    if (!wishes.usage.empty()) add_extension(x, signer, NID_ext_key_usage, wishes.usage);
    require(X509_sign(x, issuer_key != nullptr ? issuer_key : key, EVP_sha256()) > 0, "cannot sign");
    return made;
}

}  // namespace

struct TestCa::Keys {
    Key key = new_key();
    Certificate certificate;
};

TestCa::TestCa(const std::string& name) : keys_(std::make_unique<Keys>()) {
    keys_->certificate = make(keys_->key.get(), {name, {}}, nullptr, nullptr, true);
    pem_ = pem_of(keys_->certificate.get());
}

TestCa::~TestCa() = default;

Identity TestCa::issue(const CertificateWishes& wishes) const {
    const Key key = new_key();
    const Certificate made = make(key.get(), wishes, keys_->certificate.get(), keys_->key.get(), false);
    return {pem_of(made.get()), pem_of(key.get())};
}

Identity TestCa::self_signed(const CertificateWishes& wishes) {
    const Key key = new_key();
    return {pem_of(make(key.get(), wishes, nullptr, nullptr, false).get()), pem_of(key.get())};
}

std::string encrypt_key(const std::string& text, const std::string& password) {
    const std::unique_ptr<BIO, Free> from(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    const Key key(PEM_read_bio_PrivateKey(from.get(), nullptr, nullptr, nullptr));
    require(key != nullptr, "cannot read a key");
    return pem_of([&](BIO* bio) {
        return PEM_write_bio_PrivateKey(bio, key.get(), EVP_aes_128_cbc(),
                                        reinterpret_cast<const unsigned char*>(password.data()),
                                        static_cast<int>(password.size()), nullptr, nullptr);
    });
}

TlsOptions options_of(const Identity& identity) {
    TlsOptions options;
    options.certificate = TlsPem::from_text(identity.certificate);
    options.key = TlsPem::from_text(identity.key);
    return options;
}

}  // namespace plait::testing

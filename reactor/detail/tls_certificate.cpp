#include "plait/reactor/detail/tls_certificate.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

namespace plait::detail {
namespace {

struct FreeBio {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, FreeBio>;

BioPtr memory() {
    return BioPtr(BIO_new(BIO_s_mem()));
}

std::string text_in(const BioPtr& bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::string fingerprint(X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        text += digits[digest[i] >> 4];
        text += digits[digest[i] & 15];
    }
    return text;
}

std::string name_of(const GENERAL_NAME& name) {
    if (name.type == GEN_DNS)
        return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name.d.dNSName)),
                           static_cast<std::size_t>(ASN1_STRING_length(name.d.dNSName)));
    if (name.type != GEN_IPADD) return {};
    const int size = ASN1_STRING_length(name.d.iPAddress);
    std::array<char, INET6_ADDRSTRLEN> room{};
    const char* text = size == 4 || size == 16
                           ? ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name.d.iPAddress),
                                         room.data(), static_cast<socklen_t>(room.size()))
                           : nullptr;
    return text != nullptr ? text : std::string();
}

}  // namespace

std::string name_text(const X509_NAME* name) {
    const BioPtr bio = memory();
    if (bio == nullptr || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
    return text_in(bio);
}

std::string time_text(const ASN1_TIME* time) {
    const BioPtr bio = memory();
    if (bio == nullptr || ASN1_TIME_print(bio.get(), time) != 1) return {};
    return text_in(bio);
}

std::vector<std::string> names_in(X509* certificate) {
    struct FreeNames {
        void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
    };
    std::vector<std::string> all;
    const std::unique_ptr<GENERAL_NAMES, FreeNames> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i)
        if (std::string name = name_of(*sk_GENERAL_NAME_value(names.get(), i)); !name.empty())
            all.push_back(std::move(name));
    if (!all.empty()) return all;
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return all;
    const ASN1_STRING* common = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    all.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(common)),
                     static_cast<std::size_t>(ASN1_STRING_length(common)));
    return all;
}

TlsCertificate describe_certificate(X509* certificate) {
    const BioPtr bio = memory();
    if (bio != nullptr) PEM_write_bio_X509(bio.get(), certificate);
    return {name_text(X509_get_subject_name(certificate)), name_text(X509_get_issuer_name(certificate)),
            names_in(certificate), fingerprint(certificate), bio != nullptr ? text_in(bio) : std::string()};
}

}  // namespace plait::detail

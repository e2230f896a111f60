#include "plait/reactor/detail/tls_pem.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "plait/reactor/tls_errors.hpp"

namespace plait::detail {
namespace {

constexpr std::size_t most_pem_bytes = 16 * 1024 * 1024;  // a system's whole trust store is a quarter of a megabyte

struct FreeBio {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, FreeBio>;

std::string file_text(const TlsPem& pem, const char* role) {
    const auto failed = [&](const std::string& why) {
        return TlsContextError("cannot read the " + std::string(role) + " from " + *pem.file + ": " + why);
    };
    struct Close {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    const std::unique_ptr<std::FILE, Close> file(std::fopen(pem.file->c_str(), "re"));
    if (file == nullptr) throw failed(std::generic_category().message(errno));
    std::string text;
    char room[4096];
    for (;;) {
        const std::size_t got = std::fread(room, 1, sizeof room, file.get());
        text.append(room, got);
        if (text.size() > most_pem_bytes) throw failed("it is larger than 16 MiB");
        if (std::ferror(file.get()) != 0) throw failed(std::generic_category().message(errno));
        if (got < sizeof room) return text;
    }
}

std::string text_of(const TlsPem& pem, const char* role) {
    if (pem.file && pem.text)
        throw TlsContextError("the " + std::string(role) + " is given twice: as the file " + *pem.file +
                              " and as text");
    return pem.text ? *pem.text : file_text(pem, role);
}

BioPtr reader(const std::string& text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(std::min(text.size(), most_pem_bytes))));
}

int give_password(char* room, int size, int, void* password) {
    const auto& text = *static_cast<const std::string*>(password);
    const int length = static_cast<int>(text.size());
    if (length == 0 || length > size) return -1;  // never asks on the terminal
    std::copy(text.begin(), text.end(), room);    // no end mark: OpenSSL takes the length
    return length;
}

}  // namespace

std::string openssl_reasons() {
    std::string text;
    while (const unsigned long error = ERR_get_error()) {
        const char* reason = ERR_reason_error_string(error);
        char number[32];
        if (reason == nullptr) {
            std::snprintf(number, sizeof number, "error %lx", error);
            reason = number;
        }
        text.insert(0, text.empty() ? std::string(reason) : std::string(reason) + ": ");
    }
    return text;
}

std::string where_from(const TlsPem& pem, const char* role) {
    return pem.file ? "the file " + *pem.file : "the PEM text given as " + std::string(role);
}

std::vector<CertificatePtr> read_certificates(const TlsPem& pem, const char* role) {
    const std::string text = text_of(pem, role);
    const BioPtr bio = reader(text);
    ERR_clear_error();
    std::vector<CertificatePtr> all;
    while (X509* next = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr))
        all.emplace_back(next);
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const std::string reasons = openssl_reasons();
    if (!at_end)
        throw TlsContextError(where_from(pem, role) + " has a broken certificate, number " +
                              std::to_string(all.size() + 1) + ": " + reasons);
    if (all.empty())
        throw TlsContextError(where_from(pem, role) + " has no certificate in PEM form (" + reasons +
                              "); it begins with -----BEGIN CERTIFICATE-----");
    return all;
}

KeyPtr read_key(const TlsPem& pem, const std::string& password) {
    const std::string text = text_of(pem, "key");
    const BioPtr bio = reader(text);
    ERR_clear_error();
    KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, const_cast<std::string*>(&password)));
    if (key == nullptr) {
        const bool encrypted = text.find("ENCRYPTED") != std::string::npos;
        const char* hint = !encrypted         ? ""
                           : password.empty() ? "; it is encrypted: give key_password"
                                              : "; is key_password right?";
        throw TlsContextError(where_from(pem, "key") + " has no private key that can be read: " + openssl_reasons() +
                              hint);
    }
    ERR_clear_error();
    return key;
}

}  // namespace plait::detail

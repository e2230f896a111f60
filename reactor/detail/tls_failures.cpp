#include "plait/reactor/detail/tls_failures.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <fmt/format.h>

#include "plait/reactor/detail/tls_certificate.hpp"
#include "plait/reactor/detail/tls_pem.hpp"
#include "plait/reactor/tls_errors.hpp"

namespace plait::detail {
namespace {

constexpr std::size_t most_names = 5;  // of a certificate, in a message

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> starts) {
    for (const std::string_view start : starts)
        if (text.starts_with(start)) return true;
    return false;
}

std::string in_hexadecimal(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes)
        text += fmt::format("{}{:02x}", text.empty() ? "" : " ", static_cast<unsigned char>(byte));
    return text;
}

/// Why what came is not TLS; "" if it may be.
std::string not_tls(const TlsSituation& s) {
    const std::string_view first = s.first_bytes;
    if (starts_with_any(first, {"HTTP/"})) return "the peer answered in plain HTTP; is this the port that speaks TLS?";
    if (starts_with_any(first, {"GET ", "POST", "HEAD", "PUT ", "OPTI", "CONN", "DELE", "PATC", "PRI "}))
        return "the peer sent a plain HTTP request; it should use https";
    if (first.empty()) return {};
    const auto type = static_cast<unsigned char>(first[0]);
    const bool record = type >= 20 && type <= 24 && (first.size() < 2 || first[1] == 3);
    if (record) return {};
    return fmt::format("the peer does not speak TLS: what it sent begins with {}", in_hexadecimal(first));
}

std::string joined_names(X509* certificate) {
    const std::vector<std::string> names = names_in(certificate);
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < most_names; ++i)
        text += (i == 0 ? "" : ", ") + names[i];
    if (names.size() > most_names) text += fmt::format(" and {} more", names.size() - most_names);
    return text.empty() ? "nobody" : text;
}

bool is_version_reason(int reason) {
    switch (reason) {
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_VERSION_TOO_HIGH:
        case SSL_R_WRONG_SSL_VERSION:
        case SSL_R_NO_PROTOCOLS_AVAILABLE:
        case SSL_R_UNKNOWN_SSL_VERSION:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        case SSL_R_INAPPROPRIATE_FALLBACK:
            return true;
        default:
            return false;
    }
}

Failure certificate_failure(SSL* ssl, const std::string& start, const TlsSituation& s) {
    const long code = SSL_get_verify_result(ssl);
    return make_failure(TlsCertificateError(
        fmt::format("{}: certificate verify failed: {}{}", start, X509_verify_cert_error_string(code), s.refused),
        static_cast<int>(code)));
}

Failure handshake_failure(SSL* ssl, unsigned long error, const std::string& reasons, const TlsSituation& s) {
    const std::string start = fmt::format("the TLS handshake with {} failed", s.who);
    const std::string text = fmt::format("{}: {}", start, reasons);
    const int reason = ERR_GET_REASON(error);
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) return make_failure(TlsError(text));
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) return certificate_failure(ssl, start, s);
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        return make_failure(TlsCertificateError(start + ": the peer sent no certificate, and one is required", 0));
    if (is_version_reason(reason))
        return make_failure(TlsVersionError(
            text + "; the two sides allow no version in common (TlsOptions::minimum, TlsOptions::maximum)"));
    const bool refused_alpn = reason == SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL;
    if (refused_alpn || reason == SSL_R_NO_APPLICATION_PROTOCOL)
        return make_failure(TlsAlpnError(start + ": no application protocol (ALPN) in common"));
    if (reason > SSL_AD_REASON_OFFSET) {
        const int alert = reason - SSL_AD_REASON_OFFSET;
        const char* name = SSL_alert_desc_string_long(alert);
        return make_failure(
            TlsAlertReceived(fmt::format("{}: the peer refused with the alert \"{}\"", start, name), alert, name));
    }
    if (const std::string why = not_tls(s); !why.empty())
        return make_failure(TlsNotSpoken(fmt::format("{}: {}", start, why)));
    return make_failure(TlsError(text));
}

}  // namespace

Failure tls_handshake_failure(const std::string& who, std::string_view why) {
    return make_failure(TlsError(fmt::format("the TLS handshake with {} failed: {}", who, why)));
}

Failure tls_handshake_overdue(const std::string& who, Duration limit) {
    const double seconds = std::chrono::duration<double>(limit).count();
    return make_failure(TlsTimeout(fmt::format("the TLS handshake with {} was not done within {} s", who, seconds)));
}

Failure tls_answers_unread(const std::string& who) {
    return make_failure(TlsConnectionLost(fmt::format(
        "the TLS connection with {} was ended: the peer makes us answer and does not read the answers", who)));
}

Failure tls_truncated(const std::string& who) {
    return make_failure(TlsTruncated(
        fmt::format("the TLS connection with {} was cut off: it ended without the peer's close-notify", who)));
}

Failure tls_close_overdue(const std::string& who, std::size_t bytes_left) {
    return make_failure(
        ConnectionLost(fmt::format("the TLS connection with {} was thrown away while closing: the peer took none of "
                                   "the last {} bytes for too long",
                                   who, bytes_left)));
}

Failure tls_failure(SSL* ssl, const TlsSituation& s) {
    const unsigned long error = ERR_peek_last_error();
    std::string reasons = openssl_reasons();
    if (reasons.empty()) reasons = "OpenSSL gives no reason";
    if (!s.established) return handshake_failure(ssl, error, reasons, s);
    return make_failure(TlsConnectionLost(fmt::format("the TLS connection with {} broke: {}", s.who, reasons)));
}

void note_refused(X509_STORE_CTX* checked, std::string& note) {
    X509* certificate = X509_STORE_CTX_get_current_cert(checked);
    if (certificate == nullptr) return;
    note = fmt::format(" (of {}, issued by {}", name_text(X509_get_subject_name(certificate)),
                       name_text(X509_get_issuer_name(certificate)));
    switch (X509_STORE_CTX_get_error(checked)) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            note = fmt::format(" (the certificate is for {}", joined_names(certificate));
            break;
        case X509_V_ERR_CERT_HAS_EXPIRED:
            note += ", expired on " + time_text(X509_get0_notAfter(certificate));
            break;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            note += ", valid from " + time_text(X509_get0_notBefore(certificate));
            break;
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            note += "; if its CA is to be trusted, give it in TlsOptions::ca";
            break;
        default:
            break;
    }
    note += ')';
}

}  // namespace plait::detail

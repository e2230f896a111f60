// What can go wrong with TLS, as types to catch. Messages name the host, what happened, and OpenSSL's reason.
// Not here: connections that fail below TLS, which keep the types of errors.hpp.
#pragma once

#include <string>
#include <utility>

#include "plait/reactor/errors.hpp"

namespace plait {

/// A TlsContext could not be made: a file that is not there, a key that does not fit, a cipher nobody knows. The
/// message names the file and OpenSSL's reason.
class TlsContextError : public Error {
public:
    using Error::Error;
};

/// The handshake failed: what connecting fails with, and the reason a protocol hears of that was connected before
/// (`start_tls`). Of this very type when none of the derived ones says more. Catch ConnectError to try elsewhere.
class TlsError : public ConnectError {
public:
    using ConnectError::ConnectError;
};

/// We do not accept the peer's certificate, or it sent none.
class TlsCertificateError : public TlsError {
public:
    TlsCertificateError(const std::string& what, int code) : TlsError(what), code_(code) {}

    /// X509_V_ERR_* of OpenSSL, such as 10 for an expired one; 0 when there was no certificate.
    int code() const noexcept { return code_; }

private:
    int code_;
};

/// The peer refused us, and said why.
class TlsAlertReceived : public TlsError {
public:
    TlsAlertReceived(const std::string& what, int alert, std::string name)
        : TlsError(what), alert_(alert), name_(std::move(name)) {}

    /// Its number in RFC 8446 section 6, and its name, such as "unknown CA".
    int alert() const noexcept { return alert_; }
    const std::string& name() const noexcept { return name_; }

private:
    int alert_;
    std::string name_;
};

/// No version of TLS that both sides allow.
class TlsVersionError : public TlsError {
public:
    using TlsError::TlsError;
};

/// No application protocol (ALPN) that both sides speak.
class TlsAlpnError : public TlsError {
public:
    using TlsError::TlsError;
};

/// The peer does not speak TLS at all; plain HTTP is recognised and said.
class TlsNotSpoken : public TlsError {
public:
    using TlsError::TlsError;
};

/// The handshake took too long.
class TlsTimeout : public TlsError {
public:
    using TlsError::TlsError;
};

/// A connection over TLS broke after the handshake: a record that was tampered with, a fatal alert. With TLS 1.3 a
/// server that refuses a client's certificate is heard of only here.
class TlsConnectionLost : public ConnectionLost {
public:
    using ConnectionLost::ConnectionLost;
};

/// The peer's direction ended without its close-notify: what came may not be all that was sent.
class TlsTruncated : public TlsConnectionLost {
public:
    using TlsConnectionLost::TlsConnectionLost;
};

}  // namespace plait

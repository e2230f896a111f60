// What went wrong with TLS, by OpenSSL's account or ours, as a typed failure with a sentence. Not what went wrong below
// TLS.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/failure.hpp"

namespace plait::detail {

/// What the sentence is about.
struct TlsSituation {
    std::string who;               ///< "www.example.com (93.184.216.34:443)"
    bool server = false;           ///< our side
    bool established = false;      ///< the handshake was done
    std::string_view first_bytes;  ///< of what the peer sent
    std::string_view refused;      ///< what note_refused() wrote
};

// What goes wrong without OpenSSL's having a say in it. `who` is as in TlsSituation.
Failure tls_handshake_failure(const std::string& who, std::string_view why);
Failure tls_handshake_overdue(const std::string& who, Duration limit);
Failure tls_answers_unread(const std::string& who);
Failure tls_truncated(const std::string& who);
Failure tls_close_overdue(const std::string& who, std::size_t bytes_left);

/// Empties OpenSSL's queue for this thread.
Failure tls_failure(SSL* ssl, const TlsSituation& situation);

/// For an SSL's verification callback: writes to `note` which certificate was refused, and what would help.
void note_refused(X509_STORE_CTX* checked, std::string& note);

}  // namespace plait::detail

// What an X509 says, as texts.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

#include "plait/reactor/tls_transport.hpp"

namespace plait::detail {

TlsCertificate describe_certificate(X509* certificate);

std::string name_text(const X509_NAME* name);
std::string time_text(const ASN1_TIME* time);

/// DNS names and IP addresses of the certificate; its common name if it has neither.
std::vector<std::string> names_in(X509* certificate);

}  // namespace plait::detail

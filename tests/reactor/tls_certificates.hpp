// Certificates made while a test runs: a CA, and what it signs. For the TLS tests; keys are small and worth nothing.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "plait/reactor/tls_context.hpp"

namespace plait::testing {

/// A certificate and its key, both as PEM.
struct Identity {
    std::string certificate;
    std::string key;
};

struct CertificateWishes {
    std::string common_name = "localhost";
    std::vector<std::string> names = {"DNS:localhost", "IP:127.0.0.1"};  ///< as OpenSSL's configuration spells them
    std::chrono::hours begins{-1};                                       ///< from now
    std::chrono::hours ends{24};
    std::string usage;  ///< "serverAuth", "clientAuth"; empty: for everything
};

/// Signs what it is asked for.
class TestCa {
public:
    explicit TestCa(const std::string& name = "Test CA");
    ~TestCa();

    const std::string& pem() const noexcept { return pem_; }
    Identity issue(const CertificateWishes& wishes = {}) const;
    Identity issue(const std::string& name) const { return issue({name, {"DNS:" + name}}); }
    static Identity self_signed(const CertificateWishes& wishes = {});

private:
    struct Keys;
    std::unique_ptr<Keys> keys_;
    std::string pem_;
};

/// The same key, locked.
std::string encrypt_key(const std::string& key, const std::string& password);

/// Options with an identity in them.
TlsOptions options_of(const Identity& identity);

}  // namespace plait::testing

// Certificates and keys, as text: of a CA to trust, of a client, of a server.
#include "plait/reactor/tls_context.hpp"
#include "plait/reactor/tls_errors.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

namespace {

template <typename Make>
void attempt(Make make) {
    try {
        expect(make() != nullptr, "what is made is a context");
    } catch (const TlsContextError& refused) {
        expect(refused.what()[0] != '\0', "a refusal says why");
    }
}

}  // namespace

void one_input(std::string_view input) {
    if (input.empty()) return;  // none is given then, and what the system trusts is read, which takes its time
    const auto pem = TlsPem::from_text(std::string(input));
    TlsOptions trusting;
    trusting.ca = pem;
    attempt([&] { return TlsContext::client(trusting); });
    TlsOptions showing;
    showing.certificate = pem;
    showing.key_password = "secret";
    attempt([&] { return TlsContext::server(showing); });
}

}  // namespace plait::fuzz

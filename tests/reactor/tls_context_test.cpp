// TlsContext: what it is made from, and what it says when that is not there, does not fit or is nonsense.
#define BOOST_TEST_MODULE tls_context
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

struct Folder {
    std::filesystem::path path;
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "plait-tls-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path / name) << text;
        return (path / name).string();
    }
};

/// What making it says; "" when nothing is wrong.
std::string complaint(const TlsOptions& options, bool server = true) {
    try {
        server ? TlsContext::server(options) : TlsContext::client(options);
        return {};
    } catch (const TlsContextError& error) {
        return error.what();
    }
}

bool has(const std::string& text, const std::string& part) {
    const bool found = text.find(part) != std::string::npos;
    if (!found) BOOST_TEST_MESSAGE(text);
    return found;
}

}  // namespace

BOOST_AUTO_TEST_CASE(files_do_as_well_as_text) {
    const Folder folder;
    const Identity identity = test_ca().issue();
    TlsPair pair;
    pair.server_options = {};
    pair.server_options.certificate = TlsPem::from_file(folder.write("server.pem", identity.certificate));
    pair.server_options.key = TlsPem::from_file(folder.write("server.key", identity.key));
    pair.client_options.ca = TlsPem::from_file(folder.write("ca.pem", test_ca().pem()));
    pair.open();
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_named) {
    TlsOptions options = serving();
    options.certificate = TlsPem::from_file("/no/such/server.pem");
    BOOST_TEST(complaint(options) == "cannot read the certificate from /no/such/server.pem: No such file or directory");
    options = serving();
    options.key = TlsPem::from_file("/no/such/server.key");
    BOOST_TEST(complaint(options) == "cannot read the key from /no/such/server.key: No such file or directory");
    options = {};
    options.ca = TlsPem::from_file("/");
    BOOST_TEST(complaint(options, false) == "cannot read the CA from /: Is a directory");
}

BOOST_AUTO_TEST_CASE(a_file_of_nonsense_is_named_with_the_reason) {
    const Folder folder;
    const std::string nonsense = folder.write("nonsense.pem", "hello\n");
    TlsOptions options = serving();
    options.certificate = TlsPem::from_file(nonsense);
    BOOST_TEST(has(complaint(options), nonsense + " has no certificate in PEM form"));
    BOOST_TEST(has(complaint(options), "no start line"));
    options = serving();
    options.key = TlsPem::from_file(nonsense);
    BOOST_TEST(has(complaint(options), nonsense + " has no private key that can be read"));
    options = serving();
    std::string broken = *options.certificate.text;
    broken.replace(100, 4, "!!!!");
    options.certificate = TlsPem::from_text(*options.certificate.text + broken);
    BOOST_TEST(has(complaint(options), "the PEM text given as certificate has a broken certificate, number 2"));
}

BOOST_AUTO_TEST_CASE(an_empty_list_of_cas_is_not_taken_for_all_that_the_system_trusts) {
    TlsOptions options;
    options.ca = TlsPem::from_text("");
    BOOST_TEST(has(complaint(options, false), "the PEM text given as CA has no certificate in PEM form"));
    options.ca = TlsPem::from_file("");
    BOOST_TEST(has(complaint(options, false), "cannot read the CA from : No such file or directory"));
}

BOOST_AUTO_TEST_CASE(a_key_that_does_not_fit_is_said) {
    TlsOptions options = serving();
    options.key = TlsPem::from_text(test_ca().issue().key);
    BOOST_TEST(has(complaint(options), "does not belong to the certificate"));
    BOOST_TEST(has(complaint(options), "key values mismatch"));
    options.key = {};
    BOOST_TEST(has(complaint(options), "no private key"));
}

BOOST_AUTO_TEST_CASE(an_encrypted_key_needs_its_password) {
    const Identity identity = test_ca().issue();
    const std::string encrypted = encrypt_key(identity.key, "sesame");
    TlsOptions options = options_of(identity);
    options.key = TlsPem::from_text(encrypted);
    BOOST_TEST(has(complaint(options), "it is encrypted: give key_password"));
    options.key_password = "wrong";
    BOOST_TEST(has(complaint(options), "is key_password right?"));
    options.key_password = "sesame";
    BOOST_TEST(complaint(options) == "");
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused) {
    BOOST_TEST(has(complaint({}), "a server needs a certificate"));
    TlsOptions options = serving();
    options.client_certificates = TlsClientCertificates::required;
    BOOST_TEST(has(complaint(options), "needs to know whose"));
    options = serving();
    options.certificate.file = "both.pem";
    BOOST_TEST(has(complaint(options), "given twice"));
    options = serving();
    options.minimum = TlsVersion::tls_1_3;
    options.maximum = TlsVersion::tls_1_2;
    BOOST_TEST(has(complaint(options), "the minimum version, TLS 1.3, is above the maximum, TLS 1.2"));
    options = serving();
    options.ciphers = "ROT13";
    BOOST_TEST(has(complaint(options), "no cipher for \"ROT13\": no cipher match"));
    options = serving();
    options.ciphersuites = "ROT13";
    BOOST_TEST(has(complaint(options), "no TLS 1.3 cipher suites for \"ROT13\""));
    for (const std::string& name : {std::string(), std::string(256, 'x')}) {
        options = serving();
        options.alpn = {name};
        BOOST_TEST(has(complaint(options), "an ALPN name has 1 to 255 bytes"));
    }
    options = serving();
    options.by_name = {{"a", TlsContext::client()}};
    BOOST_TEST(has(complaint(options), "contexts by name are for servers"));
    options = {};
    options.key = serving().key;
    BOOST_TEST(has(complaint(options, false), "no certificate that it belongs to"));
}

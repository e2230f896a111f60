// Whom a certificate is good for: names, wildcards and addresses, and what it may be used for.
#define BOOST_TEST_MODULE tls_names
#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/reports.hpp"
#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// "" when a client that wants `host` accepts a certificate of `wishes`, else why it does not.
std::string refusal(const std::string& host, const CertificateWishes& wishes) {
    TlsPair pair;
    pair.where.host = host;
    pair.server_options = options_of(test_ca().issue(wishes));
    pair.start();
    pair.settle();
    if (pair.connected) return {};
    BOOST_TEST(pair.client->story() == "");
    BOOST_TEST(pair.network.open_connections() == 0U);
    return text_of(pair.client_failed);
}
std::string refusal_by_name(const std::string& host, const std::string& name) {
    return refusal(host, {"nobody", {name}});
}

bool has(const std::string& text, const std::string& part) {
    const bool found = text.find(part) != std::string::npos;
    if (!found) BOOST_TEST_MESSAGE(text);
    return found;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_wildcard_stands_for_one_whole_label) {
    for (const char* host : {"www.example.com", "WWW.Example.COM", "x.example.com", "www.example.com."})
        BOOST_TEST(refusal_by_name(host, "DNS:*.example.com") == "");
    for (const char* host :
         {"example.com", "a.b.example.com", "www.example.org", "wwwexample.com", "www.example.com.org"})
        BOOST_TEST(has(refusal_by_name(host, "DNS:*.example.com"), "hostname mismatch"));
    for (const char* name : {"DNS:w*.example.com", "DNS:*w.example.com", "DNS:www.*.com", "DNS:*.com", "DNS:*"})
        BOOST_TEST(has(refusal_by_name("www.example.com", name), "hostname mismatch"));
}

BOOST_AUTO_TEST_CASE(a_name_is_matched_whole_and_without_case) {
    BOOST_TEST(refusal_by_name("www.example.com", "DNS:WWW.EXAMPLE.COM") == "");
    BOOST_TEST(refusal_by_name("www.example.com.", "DNS:www.example.com") == "");
    for (const char* host : {"www.example.co", "ww.example.com", "www.example.com.evil"})
        BOOST_TEST(has(refusal_by_name(host, "DNS:www.example.com"), "hostname mismatch"));
}

BOOST_AUTO_TEST_CASE(a_common_name_is_no_host_name) {
    BOOST_TEST(has(refusal("www.example.com", {"www.example.com", {}}), "hostname mismatch"));
    BOOST_TEST(has(refusal("www.example.com", {"www.example.com", {"DNS:other"}}), "the certificate is for other"));
    BOOST_TEST(has(refusal("10.0.0.1", {"10.0.0.1", {}}), "IP address mismatch"));
}

BOOST_AUTO_TEST_CASE(addresses_are_matched_with_addresses_alone) {
    BOOST_TEST(refusal_by_name("10.0.0.1", "IP:10.0.0.1") == "");
    BOOST_TEST(refusal_by_name("::1", "IP:::1") == "");
    BOOST_TEST(refusal_by_name("2001:db8::7", "IP:2001:db8:0:0:0:0:0:7") == "");
    for (const char* name : {"DNS:10.0.0.1", "DNS:*.0.0.1", "IP:10.0.0.2", "IP:::ffff:10.0.0.1"})
        BOOST_TEST(has(refusal_by_name("10.0.0.1", name), "IP address mismatch"));
    BOOST_TEST(has(refusal_by_name("::1", "IP:::2"), "the certificate is for ::2"));
    BOOST_TEST(has(refusal_by_name("localhost", "IP:127.0.0.1"), "hostname mismatch"));
}

BOOST_AUTO_TEST_CASE(a_refusal_names_whom_the_certificate_is_for_within_reason) {
    CertificateWishes many{"many", {}};
    for (int i = 0; i < 50; ++i)
        many.names.push_back("DNS:host" + std::to_string(i) + ".example.com");
    const std::string said = refusal("www.example.com", many);
    BOOST_TEST(has(said,
                   "the TLS handshake with www.example.com:443 failed: certificate verify failed: hostname "
                   "mismatch (the certificate is for host0.example.com, "));
    BOOST_TEST(has(said, "host4.example.com and 45 more)"));
}

BOOST_AUTO_TEST_CASE(a_certificate_is_good_for_what_it_says) {
    BOOST_TEST(refusal("localhost", {"localhost", {"DNS:localhost"}, -1h, 24h, "serverAuth"}) == "");
    BOOST_TEST(has(refusal("localhost", {"localhost", {"DNS:localhost"}, -1h, 24h, "clientAuth"}), "purpose"));
    for (const bool good : {true, false}) {
        TlsPair pair;
        const Identity mine = test_ca().issue({"me", {}, -1h, 24h, good ? "clientAuth" : "serverAuth"});
        pair.client_options.certificate = TlsPem::from_text(mine.certificate);
        pair.client_options.key = TlsPem::from_text(mine.key);
        pair.server_options.client_certificates = TlsClientCertificates::required;
        pair.server_options.ca = TlsPem::from_text(test_ca().pem());
        pair.start();
        pair.settle();
        BOOST_TEST(pair.server_failed.has_value() == !good);
        if (good) continue;
        BOOST_TEST(is<TlsCertificateError>(pair.server_failed));
        BOOST_TEST(has(text_of(pair.server_failed), "purpose"));
    }
}

BOOST_AUTO_TEST_CASE(a_client_certificate_out_of_its_time_is_refused_with_its_name) {
    for (const auto version : {TlsVersion::tls_1_2, TlsVersion::tls_1_3}) {
        TlsPair pair;
        const Identity old = test_ca().issue({"me", {}, -48h, -24h});
        pair.client_options.certificate = TlsPem::from_text(old.certificate);
        pair.client_options.key = TlsPem::from_text(old.key);
        pair.client_options.maximum = version;
        pair.server_options.client_certificates = TlsClientCertificates::optional;
        pair.server_options.ca = TlsPem::from_text(test_ca().pem());
        pair.start();
        pair.settle();
        BOOST_TEST(is<TlsCertificateError>(pair.server_failed));
        BOOST_TEST(
            has(text_of(pair.server_failed), "certificate has expired (of CN=me, issued by CN=Test CA, expired"));
        if (version == TlsVersion::tls_1_2)
            BOOST_TEST(is<TlsAlertReceived>(pair.client_failed));
        else
            BOOST_TEST(has(text_of(pair.client->reason), "the TLS connection with localhost:443 broke: "));
    }
}

BOOST_AUTO_TEST_CASE(who_does_not_check_the_name_still_checks_who_signed) {
    ManualClock clock;
    const auto client_context = TlsContext::client(trusting());
    for (const bool signed_by_ours : {true, false}) {
        auto client = std::make_shared<Recorder>();
        const TlsPeer anybody{"www.example.com", 443, false};
        MemoryTransport a(tls_client(clock, client_context, anybody, client));
        const TestCa other("Other CA");
        const Identity shown = signed_by_ours ? test_ca().issue("elsewhere") : other.issue("www.example.com");
        MemoryTransport b(tls_server(clock, TlsContext::server(options_of(shown)), std::make_shared<Recorder>()));
        for (int i = 0; i < 5; ++i) {
            b.deliver(a.take_written());
            a.deliver(b.take_written());
        }
        BOOST_TEST(client->connected() == signed_by_ours);
    }
}

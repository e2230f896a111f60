// The code of docs/reactor.md: TLS.
#define BOOST_TEST_MODULE docs_reactor_tls
#include <boost/test/unit_test.hpp>
#include <string>

#include "plait/deferred/coroutine.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tls.hpp"
#include "tls_certificates.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

std::string ca_text;
std::string told;

struct Greeter : Protocol {
    void connection_made() override { transport().write("hello\n"); }
    void data_received(const Bytes&) override {}
};

struct Listener : Protocol {
    void data_received(const Bytes& data) override {
        told += data.view();
        transport().lose_connection();
    }
};

// snippet: serve
std::unique_ptr<ListeningPort> serve(Reactor& reactor, const std::string& certificate, const std::string& key) {
    TlsOptions options;
    options.certificate = TlsPem::from_text(certificate);  // or from_file("server.pem")
    options.key = TlsPem::from_text(key);
    options.alpn = {"greeting/1"};
    const auto context = TlsContext::server(options);  // throws TlsContextError, naming file and cause
    auto factory = make_factory([](const Address&) { return std::make_shared<Greeter>(); });
    return listen_tls(reactor, {"127.0.0.1", 0}, context, factory);
}
// end of snippet

// snippet: connect
Deferred<std::string> meet(Reactor& reactor, HostPort where) {
    TlsOptions options;
    options.ca = TlsPem::from_text(ca_text);  // leave it out to trust what the system trusts
    options.alpn = {"greeting/1"};
    const auto context = TlsContext::client(options);  // keep it: sessions are taken up again
    auto listener = std::make_shared<Listener>();
    Deferred<std::shared_ptr<Protocol>> connecting = connect_tls(reactor, where, context, listener);
    co_await std::move(connecting);
    const TlsTransport* tls = tls_transport(listener->transport());
    co_return tls->tls().alpn + " with " + tls->peer_certificate()->subject;
}
// end of snippet

// snippet: errors
std::string explain(const Failure& failure) {
    if (const auto* refused = failure.check<TlsCertificateError>())
        return std::string("we do not trust them: ") + refused->what();
    if (failure.check<TlsNotSpoken>() != nullptr) return "wrong port?";
    if (const auto* alert = failure.check<TlsAlertReceived>()) return "they do not trust us: " + alert->name();
    if (failure.check<ConnectError>() != nullptr) return "try again later";
    return failure.message();
}
// end of snippet

// snippet: start_tls
class Mail : public TlsProtocol {
public:
    Mail(Clock& clock, std::shared_ptr<const TlsContext> context) : clock_(clock), context_(std::move(context)) {}
    std::string said;

private:
    void data_received(const Bytes& data) override {
        said += data.view();
        if (said != "STARTTLS\r\n") return;
        transport().write("220 go ahead\r\n");  // the last words in clear
        start_tls(clock_, transport(), context_);
    }
    void handshake_completed(TlsTransport& transport) override { transport.write("250 now we can talk\r\n"); }

    Clock& clock_;
    std::shared_ptr<const TlsContext> context_;
};
// end of snippet

struct MailClient : Protocol {
    Clock* clock = nullptr;
    std::shared_ptr<const TlsContext> context;
    std::string said;

    void connection_made() override { transport().write("STARTTLS\r\n"); }
    void data_received(const Bytes& data) override {
        said += data.view();
        if (said == "220 go ahead\r\n") start_tls(*clock, transport(), context, {"127.0.0.1"});
        if (said.ends_with("talk\r\n")) transport().lose_connection();
    }
    void connection_lost(const Failure&) override { ended.callback(); }
    Promise<> ended;
};

}  // namespace

BOOST_AUTO_TEST_CASE(tls_as_in_the_page) {
    const testing::TestCa ca;
    const testing::Identity identity = ca.issue();
    ca_text = ca.pem();
    Reactor reactor;
    const auto port = serve(reactor, identity.certificate, identity.key);
    const HostPort where{"127.0.0.1", port->address().port};
    BOOST_TEST(reactor.run_until(meet(reactor, where)) == "greeting/1 with CN=localhost");

    ca_text = testing::TestCa("Other").pem();
    std::string why;
    try {
        reactor.run_until(meet(reactor, where));
    } catch (...) {
        why = explain(Failure::current());
    }
    BOOST_TEST(why.starts_with("we do not trust them: "));
}

BOOST_AUTO_TEST_CASE(start_tls_as_in_the_page) {
    const testing::TestCa ca;
    TlsOptions trusting;
    trusting.ca = TlsPem::from_text(ca.pem());
    const auto server_context = TlsContext::server(testing::options_of(ca.issue()));
    Reactor reactor;
    const auto port =
        listen_tcp(reactor, {"127.0.0.1", 0},
                   make_factory([&](const Address&) { return std::make_shared<Mail>(reactor, server_context); }));
    auto client = std::make_shared<MailClient>();
    client->clock = &reactor;
    client->context = TlsContext::client(trusting);
    auto [ended, promise] = make_deferred<>();
    client->ended = std::move(promise);
    reactor.run_until(connect_tcp(reactor, {"127.0.0.1", port->address().port}, client));
    reactor.run_until(std::move(ended));
    BOOST_TEST(client->said == "220 go ahead\r\n250 now we can talk\r\n");
}

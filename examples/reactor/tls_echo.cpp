// Lines over TLS: a server that sends back what it gets, and a client that asks it.
//
//     tls_echo serve CERTIFICATE KEY [ADDRESS:PORT]   PEM files; on a free port of 127.0.0.1, until interrupted
//     tls_echo ask HOST:PORT CA TEXT...               trusts the certificates in the PEM file CA
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "plait/reactor/react.hpp"
#include "plait/reactor/tls.hpp"

namespace {

class Echo : public plait::Protocol {
    void data_received(const plait::Bytes& data) override { transport().write(data); }
};

/// Sends one text, prints the answer, and closes.
class Asker : public plait::Protocol {
public:
    Asker(std::string text, plait::Promise<> answered) : text_(std::move(text)), answered_(std::move(answered)) {}

private:
    void connection_made() override {
        const auto* tls = plait::tls_transport(transport());
        std::printf("connected with %s to %s\n", to_string(tls->tls().version),
                    tls->peer_certificate()->subject.c_str());
        transport().write(text_);
    }
    void data_received(const plait::Bytes& data) override {
        answer_ += data.view();
        if (answer_.size() < text_.size()) return;
        std::printf("%s\n", answer_.c_str());
        transport().lose_connection();
    }
    void connection_lost(const plait::Failure& reason) override {
        if (!answered_.wanted()) return;
        reason.check<plait::ConnectionDone>() != nullptr ? answered_.callback() : answered_.errback(reason);
    }

    std::string text_;
    std::string answer_;
    plait::Promise<> answered_;
};

plait::Deferred<> serve(plait::Reactor& reactor, plait::Address where, plait::TlsOptions options) {
    const auto factory = plait::make_factory([](const plait::Address&) { return std::make_shared<Echo>(); });
    const auto port = plait::listen_tls(reactor, where, plait::TlsContext::server(options), factory);
    std::printf("listening on %s\n", port->address().str().c_str());
    std::fflush(stdout);
    auto [never, promise] = plait::make_deferred<>();
    co_await std::move(never);  // react() cancels this when the program is interrupted
}

plait::Deferred<> ask(plait::Reactor& reactor, plait::HostPort where, plait::TlsOptions options,
                      std::vector<std::string> texts) {
    const auto context = plait::TlsContext::client(options);  // one for all: later connections take up the session
    for (const std::string& text : texts) {
        auto [answered, promise] = plait::make_deferred<>();
        const auto asker = std::make_shared<Asker>(text, std::move(promise));
        plait::Deferred<std::shared_ptr<plait::Protocol>> connecting =
            plait::connect_tls(reactor, where, context, asker);
        co_await std::move(connecting);
        co_await std::move(answered);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    plait::TlsOptions options;
    if (arguments.size() >= 3 && arguments[0] == "serve") {
        options.certificate = plait::TlsPem::from_file(arguments[1]);
        options.key = plait::TlsPem::from_file(arguments[2]);
        const std::string where = arguments.size() > 3 ? arguments[3] : "127.0.0.1:0";
        return plait::react(
            [&](plait::Reactor& reactor) { return serve(reactor, plait::parse_listen_address(where), options); });
    }
    if (arguments.size() >= 3 && arguments[0] == "ask") {
        options.ca = plait::TlsPem::from_file(arguments[2]);
        const std::vector<std::string> texts(arguments.begin() + 3, arguments.end());
        return plait::react([&](plait::Reactor& reactor) {
            return ask(reactor, plait::parse_host_port(arguments[1]), options, texts);
        });
    }
    std::fprintf(stderr, "usage: tls_echo serve CERTIFICATE KEY [ADDRESS:PORT] | tls_echo ask HOST:PORT CA TEXT...\n");
    return 2;
}

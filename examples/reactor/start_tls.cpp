// Lines in clear until the client says STARTTLS, encrypted from then on: what mail servers and directories do.
//
//     start_tls serve CERTIFICATE KEY [ADDRESS:PORT]   PEM files; on a free port of 127.0.0.1, until interrupted
//     start_tls ask HOST:PORT CA TEXT...               trusts the certificates in the PEM file CA
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/reactor/react.hpp"
#include "plait/reactor/tls.hpp"

using namespace std::chrono_literals;

namespace {

using Context = std::shared_ptr<const plait::TlsContext>;

/// Lines, and the switch to TLS between two of them.
class Lines : public plait::TlsProtocol {
protected:
    virtual void line_received(const std::string& line) = 0;
    void send_line(const std::string& line) { transport().write(line + "\r\n"); }

    /// Anybody on the way may have put words behind the last line in clear. Kept, they would seem to have come
    /// encrypted; so they end the connection. Those that arrive later are no TLS, which ends it, too.
    void switch_to_tls(plait::Clock& clock, const Context& context, const plait::TlsPeer& peer = {}) {
        if (!received_.empty()) throw std::runtime_error("words in clear behind the switch to TLS");
        plait::start_tls(clock, transport(), context, peer);
    }

private:
    void data_received(const plait::Bytes& data) final {
        received_ += data.view();
        for (std::size_t end = 0;
             (end = received_.find("\r\n")) != std::string::npos && !transport().disconnecting();) {
            const std::string line = received_.substr(0, end);
            received_.erase(0, end + 2);
            line_received(line);
        }
        if (received_.size() > 1000) throw std::runtime_error("a line is too long");
    }

    std::string received_;
};

class Server final : public Lines {
public:
    Server(plait::Clock& clock, Context context) : clock_(clock), context_(std::move(context)) {}

private:
    void connection_made() override {
        transport().set_idle_timeout(1min);
        send_line("220 hello");
    }
    void line_received(const std::string& line) override {
        if (line == "STARTTLS" && !encrypted_) {
            send_line("220 go ahead");  // the last words in clear
            switch_to_tls(clock_, context_);
        } else {
            send_line(encrypted_ ? "250 you said " + line : "530 STARTTLS first");
        }
    }
    void handshake_completed(plait::TlsTransport&) override { encrypted_ = true; }
    void connection_lost(const plait::Failure& reason) override {
        std::printf("%s is gone: %s\n", transport().peer().str().c_str(), reason.message().c_str());
        std::fflush(stdout);
    }

    plait::Clock& clock_;
    Context context_;
    bool encrypted_ = false;
};

class Client final : public Lines {
public:
    Client(plait::Clock& clock, Context context, std::string server, std::vector<std::string> texts,
           plait::Promise<> done)
        : clock_(clock),
          context_(std::move(context)),
          server_(std::move(server)),
          texts_(std::move(texts)),
          done_(std::move(done)) {}

private:
    void line_received(const std::string& line) override {
        if (next_ > 0) {
            std::printf("%s\n", line.c_str());
            return say_next();
        }
        if (!line.starts_with("220 ")) throw std::runtime_error("the server will not switch to TLS: " + line);
        if (asked_) return switch_to_tls(clock_, context_, {server_});
        asked_ = true;
        send_line("STARTTLS");
    }
    void handshake_completed(plait::TlsTransport& transport) override {
        std::printf("encrypted with %s\n", to_string(transport.tls().version));
        say_next();
    }
    void say_next() {
        if (next_ < texts_.size()) return send_line(texts_[next_++]);
        answered_ = true;
        transport().lose_connection();
    }
    void connection_lost(const plait::Failure& reason) override {
        if (!done_.wanted()) return;
        if (reason.check<plait::ConnectionDone>() == nullptr) return done_.errback(reason);
        answered_ ? done_.callback() : done_.errback(std::runtime_error("the server hung up"));
    }

    plait::Clock& clock_;
    Context context_;
    std::string server_;
    std::vector<std::string> texts_;
    plait::Promise<> done_;
    bool asked_ = false;
    std::size_t next_ = 0;
    bool answered_ = false;
};

plait::Deferred<> serve(plait::Reactor& reactor, plait::Address where, plait::TlsOptions options) {
    const Context context = plait::TlsContext::server(options);
    const auto factory = plait::make_factory(
        [&reactor, context](const plait::Address&) { return std::make_shared<Server>(reactor, context); });
    const auto port = plait::listen_tcp(reactor, where, factory);
    std::printf("listening on %s\n", port->address().str().c_str());
    std::fflush(stdout);
    auto [never, promise] = plait::make_deferred<>();
    co_await std::move(never);  // react() cancels this when the program is interrupted
}

plait::Deferred<> ask(plait::Reactor& reactor, plait::HostPort where, plait::TlsOptions options,
                      std::vector<std::string> texts) {
    const Context context = plait::TlsContext::client(options);
    auto [done, promise] = plait::make_deferred<>();
    const auto client = std::make_shared<Client>(reactor, context, where.host, std::move(texts), std::move(promise));
    co_await plait::connect_tcp(reactor, where, client);
    co_await std::move(done);
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    return plait::react([&words](plait::Reactor& reactor) -> plait::Deferred<> {
        plait::TlsOptions options;
        if ((words.size() == 3 || words.size() == 4) && words[0] == "serve") {
            options.certificate = plait::TlsPem::from_file(words[1]);
            options.key = plait::TlsPem::from_file(words[2]);
            const std::string where = words.size() == 4 ? words[3] : "127.0.0.1:0";
            return serve(reactor, plait::parse_listen_address(where), options);
        }
        if (words.size() >= 4 && words[0] == "ask") {
            options.ca = plait::TlsPem::from_file(words[2]);
            return ask(reactor, plait::parse_host_port(words[1]), options, {words.begin() + 3, words.end()});
        }
        throw std::runtime_error(
            "usage: start_tls serve CERTIFICATE KEY [ADDRESS:PORT] | start_tls ask HOST:PORT CA TEXT...");
    });
}

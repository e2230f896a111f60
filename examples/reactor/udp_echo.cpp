// Datagrams, sent back to whoever sends them; or, with an address, lines sent there and what comes back.
//
//     udp_echo [ADDRESS:PORT [TEXT...]]
//     udp_echo                             serves on a free port of 127.0.0.1, until interrupted
//     udp_echo 127.0.0.1:7000              serves there
//     udp_echo 127.0.0.1:7000 hello you    asks there, and waits a second for each answer
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "plait/reactor/react.hpp"
#include "plait/reactor/udp.hpp"

using namespace std::chrono_literals;

namespace {

class Echo : public plait::DatagramProtocol {
    void start_protocol() override {
        std::printf("listening on %s\n", transport().host().str().c_str());
        std::fflush(stdout);
    }
    void datagram_received(const plait::Bytes& data, const plait::Address& from) override {
        transport().write(data, from);
    }
};

class Asker : public plait::DatagramProtocol {
public:
    plait::Deferred<std::string> ask(const std::string& text) {
        auto [answer, promise] = plait::make_deferred<std::string>();
        promise_ = std::move(promise);
        transport().write(text);
        return std::move(answer);
    }

private:
    void datagram_received(const plait::Bytes& data, const plait::Address&) override {
        if (promise_.wanted()) promise_.callback(data.str());
    }
    void connection_refused() override {
        if (promise_.wanted()) promise_.errback(plait::ConnectionRefused("nobody listens there"));
    }
    plait::Promise<std::string> promise_;
};

plait::Deferred<> serve(plait::Reactor& reactor, plait::Address where) {
    const auto port = plait::listen_udp(reactor, where, std::make_shared<Echo>());
    auto [never, promise] = plait::make_deferred<>();
    co_await std::move(never);  // react() cancels this when the program is interrupted
}

plait::Deferred<> ask(plait::Reactor& reactor, plait::Address where, std::vector<std::string> texts) {
    const auto asker = std::make_shared<Asker>();
    const std::string any = where.ip.find(':') == std::string::npos ? "0.0.0.0" : "::";
    const plait::Address here{any, 0};
    const auto port = plait::listen_udp(reactor, here, asker);
    port->connect(where);
    for (const std::string& text : texts) {
        plait::Deferred<std::string> asking = asker->ask(text).add_timeout(reactor, 1s, "the answer of " + where.str());
        const std::string answer = co_await std::move(asking);
        std::printf("%s\n", answer.c_str());
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return plait::react([&](plait::Reactor& reactor) -> plait::Deferred<> {
        const plait::Address where = plait::parse_listen_address(arguments.empty() ? "127.0.0.1:0" : arguments[0]);
        if (arguments.size() < 2) return serve(reactor, where);
        return ask(reactor, where, {arguments.begin() + 1, arguments.end()});
    });
}

// Keeps a connection up: client_service ENDPOINT [LINES] prints what comes from there, such as "tcp:localhost:4000",
// and connects again whenever it is lost. Ends after so many lines, or never. Without an ENDPOINT it makes a server of
// its own, which says one line to each client and closes.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "plait/reactor/client_service.hpp"
#include "plait/reactor/protocols/line_receiver.hpp"
#include "plait/reactor/react.hpp"

namespace {

/// Prints lines, and says when there were enough.
class Printer final : public plait::LineReceiver {
public:
    Printer(int& left, plait::Promise<>& enough) : left_(left), enough_(enough) {}

    void line_received(plait::Bytes line) override {
        if (left_ == 0) return;
        std::printf("%s\n", line.str().c_str());
        if (--left_ == 0) enough_.callback();
    }

private:
    int& left_;
    plait::Promise<>& enough_;
};

/// What the server of our own says.
class Greeter final : public plait::Protocol {
public:
    explicit Greeter(int number) : number_(number) {}
    void connection_made() override {
        transport().write("client number " + std::to_string(number_) + "\r\n");
        transport().lose_connection();
    }
    void data_received(const plait::Bytes&) override {}

private:
    int number_;
};

plait::Deferred<> follow(plait::Reactor& reactor, std::string text, int lines) {
    int clients = 0;
    std::unique_ptr<plait::ListeningPort> port;
    if (text.empty()) {
        const auto server = plait::server_from_string(reactor, "tcp:0:interface=127.0.0.1");
        const auto greeters =
            plait::make_factory([&clients](const plait::Address&) { return std::make_shared<Greeter>(++clients); });
        port = co_await server->listen(greeters);
        text = "tcp:127.0.0.1:" + std::to_string(port->address().port);
    }
    auto [enough, promise] = plait::make_deferred<>();
    plait::ClientServiceOptions options;
    options.backoff.initial = std::chrono::milliseconds(100);
    plait::ClientService service(reactor, plait::client_from_string(reactor, text),
                                 plait::make_factory([&lines, &printed = promise](const plait::Address&) {
                                     return std::make_shared<Printer>(lines, printed);
                                 }),
                                 options);
    service.start();
    const auto connected = co_await service.when_connected(3);  // fails when three attempts have failed
    std::printf("connected to %s\n", connected->transport().peer().ip.c_str());
    co_await std::move(enough);
    co_await service.stop();
}

}  // namespace

int main(int count, char** arguments) {
    const std::string endpoint = count > 1 ? arguments[1] : "";
    const int lines = count > 2 ? std::atoi(arguments[2]) : endpoint.empty() ? 3 : -1;
    return plait::react([&](plait::Reactor& reactor) { return follow(reactor, endpoint, lines); });
}

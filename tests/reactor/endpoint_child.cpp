// A program whose one connection, or port, is what an endpoint string names. For tests of endpoints that are inherited.
//
//     endpoint_child client|server STRING
//
// It echoes what it gets, says "goodbye" at the end of what it reads, and ends with its connection; with a port, when
// somebody says "quit".
#include <cstdio>
#include <memory>
#include <string>

#include "plait/reactor/endpoint.hpp"
#include "plait/reactor/react.hpp"

using namespace plait;

namespace {

class Echo final : public Protocol {
public:
    Echo(Promise<>& end, bool only_one) : end_(end), quit_(only_one) {}

    void data_received(const Bytes& data) override {
        transport().write(data);
        if (data.view() != "quit") return;
        quit_ = true;
        transport().lose_connection();
    }
    void read_connection_lost() override {
        transport().write("goodbye");
        transport().lose_connection();
    }
    void connection_lost(const Failure&) override {
        if (quit_ && end_.wanted()) end_.callback();
    }

private:
    Promise<>& end_;
    bool quit_;
};

Deferred<> serve(Reactor& reactor, bool server, std::string where) {
    DeferredPair<Unit> end = make_deferred<>();
    const bool only_one = !server || where.starts_with("stdio");
    auto echoes = make_factory([&](const Address&) { return std::make_shared<Echo>(end.promise, only_one); });
    std::unique_ptr<ListeningPort> port;
    if (server) {
        const auto endpoint = server_from_string(reactor, where);
        Deferred<std::unique_ptr<ListeningPort>> listening = endpoint->listen(std::move(echoes));
        port = co_await std::move(listening);
        std::fprintf(stderr, "listening on %s\n", port->address().str().c_str());
    } else {
        const auto endpoint = client_from_string(reactor, where);
        Deferred<std::shared_ptr<Protocol>> connecting = endpoint->connect(std::move(echoes));
        co_await std::move(connecting);
    }
    co_await std::move(end.deferred);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 64;
    const bool server = std::string(argv[1]) == "server";
    return plait::react([&](Reactor& reactor) { return serve(reactor, server, argv[2]); });
}

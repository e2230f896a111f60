// An echo server on TCP: what comes in goes out, at the pace of a slow reader; who says nothing for a minute is let go.
//
//     echo_server [ADDRESS:PORT]        127.0.0.1:0, any free port, by default; ends at SIGINT or SIGTERM
#include <chrono>
#include <cstdio>

#include "plait/reactor/react.hpp"
#include "plait/reactor/tcp.hpp"

namespace {

// The transport's own producer: while too much waits to be sent, no more is read.
class Echo final : public plait::Protocol, plait::Producer {
public:
    void connection_made() override {
        transport().register_producer(*this);
        transport().set_idle_timeout(std::chrono::minutes(1));
        transport().set_write_timeout(std::chrono::seconds(20));
    }
    void data_received(const plait::Bytes& data) override { transport().write(data); }
    void read_connection_lost() override {
        transport().unregister_producer();
        transport().lose_connection();  // after what is queued
    }

private:
    void pause_producing() override { transport().pause_producing(); }
    void resume_producing() override { transport().resume_producing(); }
    void stop_producing() override {}
};

plait::Deferred<> serve(plait::Reactor& reactor, plait::Address where) {
    const auto factory = plait::make_factory([](const plait::Address&) { return std::make_shared<Echo>(); });
    const auto port = plait::listen_tcp(reactor, where, factory);
    std::printf("listening on %s\n", port->address().str().c_str());
    std::fflush(stdout);
    auto [for_ever, never] = plait::make_deferred<>();
    co_await std::move(for_ever);
}

}  // namespace

int main(int argc, char** argv) {
    const char* const where = argc > 1 ? argv[1] : "127.0.0.1:0";
    return plait::react(
        [where](plait::Reactor& reactor) { return serve(reactor, plait::parse_listen_address(where)); });
}

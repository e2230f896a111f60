#include <unistd.h>

#include <cstdlib>

#include "echo_servers.hpp"
#include "plait/reactor/loops/epoll_loop.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"

namespace plait::bench {
namespace {

struct Echo final : Protocol {
    void data_received(const Bytes& data) override { transport().write(data); }
};

[[noreturn]] void serve(Reactor& reactor, int announce) {
    const auto port =
        listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([](const Address&) { return std::make_shared<Echo>(); }));
    const std::uint16_t number = port->address().port;
    if (::write(announce, &number, sizeof number) != sizeof number) std::_Exit(1);
    reactor.run();
    std::_Exit(0);
}

}  // namespace

void serve_echo_with_plait(int announce) {
    Reactor reactor;
    serve(reactor, announce);
}

void serve_echo_with_plait_on_epoll(int announce) {
    EpollLoop loop;
    Reactor reactor(loop);
    serve(reactor, announce);
}

}  // namespace plait::bench

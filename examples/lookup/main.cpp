// A server and a client of the protocol in lookup.hpp, over TCP on loopback.
#include <cstdio>

#include "plait/examples/lookup/lookup.hpp"
#include "plait/reactor/react.hpp"

plait::Deferred<> run(plait::Reactor& reactor) {
    const auto port = plait::listen_tcp(reactor, {"127.0.0.1", 0}, lookup::server({{"deferred", "not here yet"}}));
    const auto text = "tcp:127.0.0.1:" + std::to_string(port->address().port);
    lookup::Client client(reactor, plait::client_from_string(reactor, text));

    const auto found = co_await client.get("deferred");
    const auto missing = co_await client.get("future");
    std::printf("%s; %s\n", found ? found->str().c_str() : "-", missing ? missing->str().c_str() : "-");
    co_await client.close();
}

int main() {
    return plait::react(run);
}

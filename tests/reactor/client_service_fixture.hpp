// A ClientService on a memory network and a manual clock: nothing happens but what a test makes happen.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/client_service.hpp"
#include "plait/reactor/testing/memory_network.hpp"
#include "plait/tests/reactor/recorder.hpp"

namespace plait::testing {

struct ClientServiceFixture {
    const HostPort where{"db", 4000};
    ManualClock clock;
    MemoryNetwork network;
    std::vector<std::shared_ptr<Recorder>> clients;
    std::function<void(Recorder&)> prepare = [](Recorder&) {};
    std::shared_ptr<Factory> factory = make_factory([this](const Address&) -> std::shared_ptr<Protocol> {
        clients.push_back(std::make_shared<Recorder>());
        prepare(*clients.back());
        return clients.back();
    });
    std::shared_ptr<Factory> servers = make_factory([](const Address&) { return std::make_shared<Recorder>(); });

    /// Delays of 1, 2, 4 and then always 8 seconds.
    static ClientServiceOptions plain() {
        ClientServiceOptions options;
        options.backoff = {
            .initial = std::chrono::seconds(1), .factor = 2, .cap = std::chrono::seconds(8), .jitter = 0};
        return options;
    }

    void server_up() { network.listen(where, servers); }
    void server_down() { network.close_port(where); }

    std::unique_ptr<ClientService> make(ClientServiceOptions options = plain()) {
        return std::make_unique<ClientService>(clock, connector_endpoint(network.connector(), where), factory,
                                               std::move(options));
    }

    /// A service that is connected.
    std::unique_ptr<ClientService> make_connected(ClientServiceOptions options = plain()) {
        server_up();
        auto service = make(std::move(options));
        service->start();
        network.flush();
        return service;
    }

    void lose() {
        network.break_connections(where);
        network.flush();
    }
};

}  // namespace plait::testing

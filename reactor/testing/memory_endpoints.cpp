#include "plait/reactor/testing/memory_endpoints.hpp"

#include <algorithm>
#include <utility>

#include "plait/reactor/errors.hpp"

namespace plait::testing {

namespace {

class MemoryPort final : public ListeningPort {
public:
    MemoryPort(MemoryNetwork& network, HostPort where, std::shared_ptr<Factory> factory)
        : network_(network), where_(std::move(where)), factory_(std::move(factory)) {
        start_listening();
    }
    ~MemoryPort() override { stop_listening(); }

    Address address() const override { return {where_.host, where_.port}; }
    void stop_listening() override {
        if (std::exchange(listening_, false)) network_.close_port(where_);
    }
    void start_listening() override {
        if (listening_) return;
        const auto taken = network_.listening();
        if (std::find(taken.begin(), taken.end(), where_) != taken.end())
            throw CannotListen("cannot listen on " + where_.str() + ": address already in use");
        network_.listen(where_, factory_);
        listening_ = true;
    }

private:
    MemoryNetwork& network_;
    HostPort where_;
    std::shared_ptr<Factory> factory_;
    bool listening_ = false;
};

class MemoryServerEndpoint final : public ServerEndpoint {
public:
    MemoryServerEndpoint(MemoryNetwork& network, HostPort where) : network_(network), where_(std::move(where)) {}

    Deferred<std::unique_ptr<ListeningPort>> listen(std::shared_ptr<Factory> factory) override {
        auto [deferred, promise] = make_deferred<std::unique_ptr<ListeningPort>>();
        try {
            promise.callback(std::make_unique<MemoryPort>(network_, where_, std::move(factory)));
        } catch (...) {
            promise.errback(Failure::current());
        }
        return std::move(deferred);
    }

private:
    MemoryNetwork& network_;
    HostPort where_;
};

}  // namespace

std::shared_ptr<ClientEndpoint> memory_client_endpoint(MemoryNetwork& network, const HostPort& where) {
    return connector_endpoint(network.connector(), where);
}

std::shared_ptr<ServerEndpoint> memory_server_endpoint(MemoryNetwork& network, const HostPort& where) {
    return std::make_shared<MemoryServerEndpoint>(network, where);
}

}  // namespace plait::testing

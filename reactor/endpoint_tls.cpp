#include <utility>

#include "plait/deferred/maybe.hpp"
#include "plait/reactor/endpoint.hpp"
#include "plait/reactor/tls.hpp"

namespace plait {
namespace {

/// Goes to `where`, whatever the one above calls it.
class FixedConnector final : public Connector {
public:
    FixedConnector(std::shared_ptr<Connector> below, HostPort where)
        : below_(std::move(below)), where_(std::move(where)) {}

    Deferred<std::shared_ptr<Protocol>> connect(const HostPort&, std::shared_ptr<Protocol> protocol) override {
        return below_->connect(where_, std::move(protocol));
    }

private:
    std::shared_ptr<Connector> below_;
    HostPort where_;
};

class TlsServerEndpoint final : public ServerEndpoint {
public:
    TlsServerEndpoint(Clock& clock, std::shared_ptr<const TlsContext> context, std::shared_ptr<ServerEndpoint> below)
        : clock_(clock), context_(std::move(context)), below_(std::move(below)) {}

    Deferred<std::unique_ptr<ListeningPort>> listen(std::shared_ptr<Factory> factory) override {
        return maybe_deferred([&] { return below_->listen(tls_factory(clock_, context_, std::move(factory))); });
    }

private:
    Clock& clock_;
    std::shared_ptr<const TlsContext> context_;
    std::shared_ptr<ServerEndpoint> below_;
};

}  // namespace

std::shared_ptr<ClientEndpoint> tls_client_endpoint(Reactor& reactor, HostPort where,
                                                    std::shared_ptr<const TlsContext> context, ConnectOptions options,
                                                    std::string server_name) {
    std::shared_ptr<Connector> below = make_tcp_connector(reactor, std::move(options));
    HostPort named = where;
    if (!server_name.empty()) {
        below = std::make_shared<FixedConnector>(std::move(below), std::move(where));
        named.host = std::move(server_name);
    }
    return connector_endpoint(make_tls_connector(reactor, std::move(context), std::move(below)), std::move(named));
}

std::shared_ptr<ServerEndpoint> tls_server_endpoint(Clock& clock, std::shared_ptr<const TlsContext> context,
                                                    std::shared_ptr<ServerEndpoint> below) {
    return std::make_shared<TlsServerEndpoint>(clock, std::move(context), std::move(below));
}

}  // namespace plait

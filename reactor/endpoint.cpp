#include "plait/reactor/endpoint.hpp"

#include <utility>

#include "plait/reactor/detail/connect_tcp.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {
namespace {

class TcpClientEndpoint final : public ClientEndpoint {
public:
    TcpClientEndpoint(Reactor& reactor, HostPort where, ConnectOptions options)
        : reactor_(reactor), where_(std::move(where)), options_(std::move(options)) {}

    Deferred<std::shared_ptr<Protocol>> connect(std::shared_ptr<Factory> factory) override {
        return detail::connect_tcp(reactor_, where_, detail::builder_of(std::move(factory)), options_);
    }

private:
    Reactor& reactor_;
    HostPort where_;
    ConnectOptions options_;
};

class TcpServerEndpoint final : public ServerEndpoint {
public:
    TcpServerEndpoint(Reactor& reactor, Address where, ListenOptions options)
        : reactor_(reactor), where_(std::move(where)), options_(options) {}

    Deferred<std::unique_ptr<ListeningPort>> listen(std::shared_ptr<Factory> factory) override {
        try {
            return succeed(listen_tcp(reactor_, where_, std::move(factory), options_));
        } catch (...) {
            return fail<std::unique_ptr<ListeningPort>>(Failure::current());
        }
    }

private:
    Reactor& reactor_;
    Address where_;
    ListenOptions options_;
};

class ConnectorEndpoint final : public ClientEndpoint {
public:
    ConnectorEndpoint(std::shared_ptr<Connector> connector, HostPort where)
        : connector_(std::move(connector)), where_(std::move(where)) {}

    Deferred<std::shared_ptr<Protocol>> connect(std::shared_ptr<Factory> factory) override {
        try {
            const Address asked{where_.host, where_.port};
            return connector_->connect(where_, detail::build_for(*factory, asked));
        } catch (...) {
            return fail<std::shared_ptr<Protocol>>(Failure::current());
        }
    }

private:
    std::shared_ptr<Connector> connector_;
    HostPort where_;
};

}  // namespace

Deferred<std::shared_ptr<Protocol>> connect_protocol(ClientEndpoint& endpoint, std::shared_ptr<Protocol> protocol) {
    return endpoint.connect(
        make_factory([protocol = std::move(protocol)](const Address&) mutable { return std::move(protocol); }));
}

std::shared_ptr<ClientEndpoint> tcp_client_endpoint(Reactor& reactor, HostPort where, ConnectOptions options) {
    return std::make_shared<TcpClientEndpoint>(reactor, std::move(where), std::move(options));
}

std::shared_ptr<ServerEndpoint> tcp_server_endpoint(Reactor& reactor, Address where, ListenOptions options) {
    return std::make_shared<TcpServerEndpoint>(reactor, std::move(where), options);
}

std::shared_ptr<ClientEndpoint> connector_endpoint(std::shared_ptr<Connector> connector, HostPort where) {
    return std::make_shared<ConnectorEndpoint>(std::move(connector), std::move(where));
}

}  // namespace plait

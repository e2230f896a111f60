#include <utility>

#include "plait/deferred/maybe.hpp"
#include "plait/reactor/detail/connect_tcp.hpp"
#include "plait/reactor/detail/tls_connection.hpp"
#include "plait/reactor/endpoint.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/tls.hpp"

namespace plait {
namespace {

void require_side(const std::shared_ptr<const TlsContext>& context, bool server) {
    if (context != nullptr && context->for_server() != server)
        throw UsageError(server ? "tls_server_endpoint needs a context made with TlsContext::server"
                                : "tls_client_endpoint needs a context made with TlsContext::client");
}

class TlsClientEndpoint final : public ClientEndpoint {
public:
    TlsClientEndpoint(Clock& clock, std::shared_ptr<const TlsContext> context, std::shared_ptr<ClientEndpoint> below,
                      TlsPeer peer)
        : clock_(clock), context_(std::move(context)), below_(std::move(below)), peer_(std::move(peer)) {}

    Deferred<std::shared_ptr<Protocol>> connect(std::shared_ptr<Factory> factory) override {
        const auto built = std::make_shared<std::shared_ptr<detail::TlsConnection>>();
        auto tls_factory = make_factory([built, factory = std::move(factory), &clock = clock_, context = context_,
                                         peer = peer_](const Address& where) -> std::shared_ptr<Protocol> {
            std::shared_ptr<Protocol> above = detail::build_for(*factory, where);
            try {
                *built = std::make_shared<detail::TlsConnection>(clock, context, peer, std::move(above), TlsTimes());
            } catch (const UsageError& error) {  // a name that cannot be one
                throw ConnectError("cannot connect to " + where.str() + " over TLS: " + error.what());
            }
            return *built;
        });
        return maybe_deferred([&] { return below_->connect(std::move(tls_factory)); })
            .add_callback([built](const std::shared_ptr<Protocol>&) {
                const std::shared_ptr<detail::TlsConnection> tls = std::move(*built);
                if (tls == nullptr) throw ConnectError("the endpoint below TLS connected without asking its factory");
                return tls->established();
            });
    }

private:
    Clock& clock_;
    std::shared_ptr<const TlsContext> context_;
    std::shared_ptr<ClientEndpoint> below_;
    TlsPeer peer_;
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
    require_side(context, false);
    TlsPeer peer{server_name.empty() ? where.host : std::move(server_name), where.port};
    auto below = tcp_client_endpoint(reactor, std::move(where), std::move(options));
    return std::make_shared<TlsClientEndpoint>(reactor, std::move(context), std::move(below), std::move(peer));
}

std::shared_ptr<ClientEndpoint> tls_client_endpoint(Clock& clock, std::shared_ptr<const TlsContext> context,
                                                    std::shared_ptr<ClientEndpoint> below, std::string server_name) {
    require_side(context, false);
    return std::make_shared<TlsClientEndpoint>(clock, std::move(context), std::move(below),
                                               TlsPeer{std::move(server_name)});
}

std::shared_ptr<ServerEndpoint> tls_server_endpoint(Clock& clock, std::shared_ptr<const TlsContext> context,
                                                    std::shared_ptr<ServerEndpoint> below) {
    require_side(context, true);
    return std::make_shared<TlsServerEndpoint>(clock, std::move(context), std::move(below));
}

}  // namespace plait

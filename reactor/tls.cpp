#include "plait/reactor/tls.hpp"

#include <utility>

#include "plait/deferred/errors.hpp"
#include "plait/reactor/detail/tls_connection.hpp"

namespace plait {

namespace {

using detail::TlsConnection;

void require_side(const std::shared_ptr<const TlsContext>& context, bool server) {
    if (context != nullptr && context->for_server() != server)
        throw UsageError(server ? "tls_server needs a context made with TlsContext::server"
                                : "tls_client needs a context made with TlsContext::client");
}

class TlsFactory final : public Factory {
public:
    TlsFactory(Clock& clock, std::shared_ptr<const TlsContext> context, std::shared_ptr<Factory> above, TlsTimes times,
               TlsHandshakeFailed failed)
        : clock_(clock),
          context_(std::move(context)),
          above_(std::move(above)),
          times_(times),
          failed_(failed ? std::make_shared<TlsHandshakeFailed>(std::move(failed)) : nullptr) {}

    std::shared_ptr<Protocol> build_protocol(const Address& peer) override {
        std::shared_ptr<Protocol> protocol = above_->build_protocol(peer);
        if (protocol == nullptr) return nullptr;
        auto tls = std::make_shared<TlsConnection>(clock_, context_, TlsPeer{}, std::move(protocol), times_);
        if (failed_) tls->on_handshake_failed([failed = failed_, peer](const Failure& why) { (*failed)(peer, why); });
        return tls;
    }
    void start_factory() override { above_->begin_use(); }
    void stop_factory() override { above_->end_use(); }

private:
    Clock& clock_;
    std::shared_ptr<const TlsContext> context_;
    std::shared_ptr<Factory> above_;
    TlsTimes times_;
    std::shared_ptr<TlsHandshakeFailed> failed_;
};

class TlsConnector final : public Connector {
public:
    TlsConnector(Clock& clock, std::shared_ptr<const TlsContext> context, std::shared_ptr<Connector> below,
                 TlsTimes times)
        : clock_(clock), context_(std::move(context)), below_(std::move(below)), times_(times) {}

    Deferred<std::shared_ptr<Protocol>> connect(const HostPort& where, std::shared_ptr<Protocol> protocol) override {
        const TlsPeer peer{where.host, where.port};
        std::shared_ptr<TlsConnection> tls;
        try {
            tls = std::make_shared<TlsConnection>(clock_, context_, peer, std::move(protocol), times_);
        } catch (const UsageError& error) {  // a name that cannot be one
            return fail<std::shared_ptr<Protocol>>(
                ConnectError("cannot connect to " + where.str() + " over TLS: " + error.what()));
        }
        return below_->connect(where, tls).add_callback([tls](const std::shared_ptr<Protocol>&) {
            return tls->established();
        });
    }

private:
    Clock& clock_;
    std::shared_ptr<const TlsContext> context_;
    std::shared_ptr<Connector> below_;
    TlsTimes times_;
};

}  // namespace

TlsTransport* tls_transport(Transport& transport) noexcept {
    return dynamic_cast<TlsTransport*>(&transport);
}

std::shared_ptr<Protocol> tls_client(Clock& clock, std::shared_ptr<const TlsContext> context, TlsPeer peer,
                                     std::shared_ptr<Protocol> protocol, TlsTimes times) {
    require_side(context, false);
    return std::make_shared<TlsConnection>(clock, std::move(context), peer, std::move(protocol), times);
}

std::shared_ptr<Protocol> tls_server(Clock& clock, std::shared_ptr<const TlsContext> context,
                                     std::shared_ptr<Protocol> protocol, TlsTimes times) {
    require_side(context, true);
    return std::make_shared<TlsConnection>(clock, std::move(context), TlsPeer{}, std::move(protocol), times);
}

std::shared_ptr<Factory> tls_factory(Clock& clock, std::shared_ptr<const TlsContext> context,
                                     std::shared_ptr<Factory> factory, TlsTimes times,
                                     TlsHandshakeFailed handshake_failed) {
    require_side(context, true);
    return std::make_shared<TlsFactory>(clock, std::move(context), std::move(factory), times,
                                        std::move(handshake_failed));
}

std::shared_ptr<Connector> make_tls_connector(Clock& clock, std::shared_ptr<const TlsContext> context,
                                              std::shared_ptr<Connector> below, TlsTimes times) {
    require_side(context, false);
    return std::make_shared<TlsConnector>(clock, std::move(context), std::move(below), times);
}

Deferred<std::shared_ptr<Protocol>> connect_tls(Reactor& reactor, HostPort where,
                                                std::shared_ptr<const TlsContext> context,
                                                std::shared_ptr<Protocol> protocol, ConnectOptions options,
                                                TlsTimes times) {
    return make_tls_connector(reactor, std::move(context), make_tcp_connector(reactor, options), times)
        ->connect(where, std::move(protocol));
}

std::unique_ptr<ListeningPort> listen_tls(Reactor& reactor, const Address& where,
                                          std::shared_ptr<const TlsContext> context, std::shared_ptr<Factory> factory,
                                          ListenOptions options, TlsTimes times) {
    return listen_tcp(reactor, where, tls_factory(reactor, std::move(context), std::move(factory), times), options);
}

void start_tls(Clock& clock, Transport& transport, std::shared_ptr<const TlsContext> context, TlsPeer peer,
               Bytes received, TlsTimes times) {
    std::make_shared<TlsConnection>(clock, std::move(context), peer, nullptr, times)
        ->start_on(transport, std::move(received));
}

}  // namespace plait

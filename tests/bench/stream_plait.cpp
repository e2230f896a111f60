#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/tls.hpp"
#include "stream_pairs.hpp"

namespace plait::bench {
namespace {

struct Sender final : Protocol {
    explicit Sender(std::uint64_t bytes) : left(bytes) {}

    void connection_made() override { next(); }
    void data_received(const Bytes&) override {}

    void next() {
        if (left == 0) return transport().lose_connection();
        left -= stream_piece;
        transport().write(piece);
        sent = transport().drained().add_callbacks([this] { next(); }, [](const Failure&) {});
    }

    std::uint64_t left;
    Bytes piece = Bytes::own(std::string(stream_piece, 'x'));
    Deferred<> sent;
};

struct Receiver final : Protocol {
    explicit Receiver(Promise<> promise) : end(std::move(promise)) {}

    void data_received(const Bytes& data) override { received += data.size(); }
    void connection_lost(const Failure&) override { end.callback(); }

    std::uint64_t received = 0;
    Promise<> end;
};

}  // namespace

void stream_with_plait(std::uint64_t bytes, const StreamIdentity* identity) {
    Reactor reactor;
    auto factory = make_factory([bytes](const Address&) { return std::make_shared<Sender>(bytes); });
    auto [ended, promise] = make_deferred<>();
    auto receiver = std::make_shared<Receiver>(std::move(promise));
    std::unique_ptr<ListeningPort> port;
    if (identity == nullptr) {
        port = listen_tcp(reactor, {"127.0.0.1", 0}, factory);
        reactor.run_until(connect_tcp(reactor, {"127.0.0.1", port->address().port}, receiver));
    } else {
        TlsOptions server;
        server.certificate = TlsPem::from_text(identity->certificate);
        server.key = TlsPem::from_text(identity->key);
        server.ciphersuites = stream_ciphersuite;
        TlsOptions client;
        client.ca = server.certificate;
        port = listen_tls(reactor, {"127.0.0.1", 0}, TlsContext::server(server), factory);
        reactor.run_until(
            connect_tls(reactor, {"127.0.0.1", port->address().port}, TlsContext::client(client), receiver));
    }
    reactor.run_until(std::move(ended));
    if (receiver->received != bytes) throw std::runtime_error("bytes were lost");
}

void serve_stream_with_plait(int announce) {
    Reactor reactor;
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0},
                                 make_factory([](const Address&) { return std::make_shared<Sender>(streamed_apart); }));
    const std::uint16_t number = port->address().port;
    if (::write(announce, &number, sizeof number) != sizeof number) std::_Exit(1);
    reactor.run();
    std::_Exit(0);
}

void take_stream_with_plait(std::uint16_t port) {
    Reactor reactor;
    auto [ended, promise] = make_deferred<>();
    auto receiver = std::make_shared<Receiver>(std::move(promise));
    reactor.run_until(connect_tcp(reactor, {"127.0.0.1", port}, receiver));
    reactor.run_until(std::move(ended));
    if (receiver->received != streamed_apart) throw std::runtime_error("bytes were lost");
}

}  // namespace plait::bench

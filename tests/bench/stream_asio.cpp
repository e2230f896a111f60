// The two ends as Asio's own examples write them, in one single-threaded context that knows it.
#define ASIO_STANDALONE
#include <array>
#include <asio.hpp>
#include <asio/ssl.hpp>
#include <functional>
#include <stdexcept>
#include <vector>

#include "stream_pairs.hpp"

namespace plait::bench {
namespace {

using asio::ip::tcp;

template <typename Stream>
class Pair {
public:
    Pair(Stream& from, Stream& to, std::uint64_t bytes) : from_(from), to_(to), left_(bytes) {}

    std::uint64_t received() const { return received_; }

    void write(std::function<void()> at_end) {
        at_end_ = std::move(at_end);
        next();
    }
    void read() {
        to_.async_read_some(asio::buffer(buffer_), [this](std::error_code error, std::size_t size) {
            received_ += size;
            if (!error) read();
        });
    }

private:
    void next() {
        if (left_ == 0) return at_end_();
        left_ -= stream_piece;
        asio::async_write(from_, asio::buffer(piece_), [this](std::error_code error, std::size_t) {
            if (!error) next();
        });
    }

    Stream& from_;
    Stream& to_;
    std::uint64_t left_;
    std::uint64_t received_ = 0;
    std::string piece_ = std::string(stream_piece, 'x');
    std::vector<char> buffer_ = std::vector<char>(64 * 1024);
    std::function<void()> at_end_;
};

void connect(asio::io_context& context, tcp::socket& client, tcp::socket& server) {
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    client.connect(acceptor.local_endpoint());
    acceptor.accept(server);
    client.set_option(tcp::no_delay(true));
    server.set_option(tcp::no_delay(true));
}

std::uint64_t stream_plain(std::uint64_t bytes) {
    asio::io_context context(1);
    tcp::socket client(context);
    tcp::socket server(context);
    connect(context, client, server);
    Pair<tcp::socket> pair(server, client, bytes);
    pair.read();
    pair.write([&] { server.close(); });
    context.run();
    return pair.received();
}

std::uint64_t stream_tls(std::uint64_t bytes, const StreamIdentity& identity) {
    asio::io_context context(1);
    asio::ssl::context server_side(asio::ssl::context::tls_server);
    server_side.use_certificate_chain(asio::buffer(identity.certificate));
    server_side.use_private_key(asio::buffer(identity.key), asio::ssl::context::pem);
    SSL_CTX_set_ciphersuites(server_side.native_handle(), stream_ciphersuite);
    asio::ssl::context client_side(asio::ssl::context::tls_client);
    client_side.add_certificate_authority(asio::buffer(identity.certificate));
    asio::ssl::stream<tcp::socket> client(context, client_side);
    asio::ssl::stream<tcp::socket> server(context, server_side);
    client.set_verify_mode(asio::ssl::verify_peer);
    connect(context, client.next_layer(), server.next_layer());
    Pair<asio::ssl::stream<tcp::socket>> pair(server, client, bytes);
    server.async_handshake(asio::ssl::stream_base::server, [&](std::error_code error) {
        if (error) throw std::system_error(error);
        pair.write([&] { server.async_shutdown([&](std::error_code) { server.next_layer().close(); }); });
    });
    client.async_handshake(asio::ssl::stream_base::client, [&](std::error_code error) {
        if (error) throw std::system_error(error);
        pair.read();
    });
    // The end of reading is the end of all: nobody answers the server's close-notify.
    while (pair.received() < bytes && context.run_one() != 0) {
    }
    return pair.received();
}

}  // namespace

void stream_with_asio(std::uint64_t bytes, const StreamIdentity* identity) {
    const std::uint64_t received = identity == nullptr ? stream_plain(bytes) : stream_tls(bytes, *identity);
    if (received != bytes) throw std::runtime_error("bytes were lost");
}

}  // namespace plait::bench

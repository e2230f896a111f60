// The two ends as Asio's own examples write them, in one single-threaded context that knows it.
#define ASIO_STANDALONE
#include <unistd.h>

#include <array>
#include <asio.hpp>
#include <asio/ssl.hpp>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include "stream_pairs.hpp"

namespace plait::bench {
namespace {

using asio::ip::tcp;

template <typename Stream>
class Writer {
public:
    Writer(Stream& to, std::uint64_t bytes) : to_(to), left_(bytes) {}

    void write(std::function<void()> at_end) {
        at_end_ = std::move(at_end);
        next();
    }

private:
    void next() {
        if (left_ == 0) {
            const auto at_end = std::move(at_end_);  // it may be all that keeps this
            return at_end();
        }
        left_ -= stream_piece;
        asio::async_write(to_, asio::buffer(piece_), [this](std::error_code error, std::size_t) {
            if (!error) next();
        });
    }

    Stream& to_;
    std::uint64_t left_;
    std::string piece_ = std::string(stream_piece, 'x');
    std::function<void()> at_end_;
};

template <typename Stream>
class Reader {
public:
    explicit Reader(Stream& from) : from_(from) {}

    std::uint64_t received() const { return received_; }

    void read() {
        from_.async_read_some(asio::buffer(buffer_), [this](std::error_code error, std::size_t size) {
            received_ += size;
            if (!error) read();
        });
    }

private:
    Stream& from_;
    std::uint64_t received_ = 0;
    std::vector<char> buffer_ = std::vector<char>(64 * 1024);
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
    Writer<tcp::socket> writer(server, bytes);
    Reader<tcp::socket> reader(client);
    reader.read();
    writer.write([&] { server.close(); });
    context.run();
    return reader.received();
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
    Writer<asio::ssl::stream<tcp::socket>> writer(server, bytes);
    Reader<asio::ssl::stream<tcp::socket>> reader(client);
    server.async_handshake(asio::ssl::stream_base::server, [&](std::error_code error) {
        if (error) throw std::system_error(error);
        writer.write([&] { server.async_shutdown([&](std::error_code) { server.next_layer().close(); }); });
    });
    client.async_handshake(asio::ssl::stream_base::client, [&](std::error_code error) {
        if (error) throw std::system_error(error);
        reader.read();
    });
    // The end of reading is the end of all: nobody answers the server's close-notify.
    while (reader.received() < bytes && context.run_one() != 0) {
    }
    return reader.received();
}

/// One client of a server in a process of its own.
class Session : public std::enable_shared_from_this<Session> {
public:
    explicit Session(tcp::socket socket) : socket_(std::move(socket)) {}

    void write() {
        writer_.write([self = shared_from_this()] { self->socket_.close(); });
    }

private:
    tcp::socket socket_;
    Writer<tcp::socket> writer_{socket_, streamed_apart};
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](std::error_code error, tcp::socket socket) {
        if (!error) {
            socket.set_option(tcp::no_delay(true));
            std::make_shared<Session>(std::move(socket))->write();
        }
        accept(acceptor);
    });
}

}  // namespace

void serve_stream_with_asio(int announce) {
    asio::io_context context(1);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    const std::uint16_t port = acceptor.local_endpoint().port();
    if (::write(announce, &port, sizeof port) != sizeof port) std::_Exit(1);
    accept(acceptor);
    context.run();
    std::_Exit(0);
}

void take_stream_with_asio(std::uint16_t port) {
    asio::io_context context(1);
    tcp::socket socket(context);
    socket.connect({asio::ip::address_v4::loopback(), port});
    socket.set_option(tcp::no_delay(true));
    Reader<tcp::socket> reader(socket);
    reader.read();
    context.run();
    if (reader.received() != streamed_apart) throw std::runtime_error("bytes were lost");
}

void stream_with_asio(std::uint64_t bytes, const StreamIdentity* identity) {
    const std::uint64_t received = identity == nullptr ? stream_plain(bytes) : stream_tls(bytes, *identity);
    if (received != bytes) throw std::runtime_error("bytes were lost");
}

}  // namespace plait::bench

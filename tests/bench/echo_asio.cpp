// Asio's own echo example, single-threaded, with the hint that says so.
#define ASIO_STANDALONE
#include <unistd.h>

#include <array>
#include <asio.hpp>
#include <cstdlib>
#include <memory>

#include "echo_servers.hpp"

namespace plait::bench {
namespace {

using asio::ip::tcp;

class Session : public std::enable_shared_from_this<Session> {
public:
    explicit Session(tcp::socket socket) : socket_(std::move(socket)) {}

    void read() {
        socket_.async_read_some(asio::buffer(buffer_),
                                [this, self = shared_from_this()](std::error_code error, std::size_t size) {
                                    if (!error) write(size);
                                });
    }

private:
    void write(std::size_t size) {
        asio::async_write(socket_, asio::buffer(buffer_, size),
                          [this, self = shared_from_this()](std::error_code error, std::size_t) {
                              if (!error) read();
                          });
    }

    tcp::socket socket_;
    std::array<char, 4096> buffer_;
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](std::error_code error, tcp::socket socket) {
        if (!error) {
            socket.set_option(tcp::no_delay(true));
            std::make_shared<Session>(std::move(socket))->read();
        }
        accept(acceptor);
    });
}

}  // namespace

void serve_echo_with_asio(int announce) {
    asio::io_context context(1);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    const std::uint16_t port = acceptor.local_endpoint().port();
    if (::write(announce, &port, sizeof port) != sizeof port) std::_Exit(1);
    accept(acceptor);
    context.run();
    std::_Exit(0);
}

}  // namespace plait::bench

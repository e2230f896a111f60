// What a C programmer writes against libev: one watcher and one fixed buffer a connection, answers sent at once.
#include <arpa/inet.h>
#include <ev.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "echo_servers.hpp"

namespace plait::bench {
namespace {

struct Connection {
    ev_io watcher;
    char buffer[4096];
};

void close_connection(struct ev_loop* loop, Connection* connection) {
    ev_io_stop(loop, &connection->watcher);
    ::close(connection->watcher.fd);
    std::free(connection);
}

void readable(struct ev_loop* loop, ev_io* watcher, int) {
    auto* connection = reinterpret_cast<Connection*>(watcher);
    const ssize_t got = ::recv(watcher->fd, connection->buffer, sizeof connection->buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    // Messages are small and each waits for its answer: the kernel always takes them whole.
    if (got <= 0 || ::send(watcher->fd, connection->buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL) != got)
        close_connection(loop, connection);
}

void acceptable(struct ev_loop* loop, ev_io* watcher, int) {
    const int fd = ::accept4(watcher->fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto* connection = static_cast<Connection*>(std::malloc(sizeof(Connection)));
    ev_io_init(&connection->watcher, readable, fd, EV_READ);
    ev_io_start(loop, &connection->watcher);
}

}  // namespace

void serve_echo_with_libev(int announce) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener, generic, size) != 0 || ::listen(listener, 1024) != 0 ||
        ::getsockname(listener, generic, &size) != 0)
        std::_Exit(1);
    const std::uint16_t port = ntohs(address.sin_port);
    if (::write(announce, &port, sizeof port) != sizeof port) std::_Exit(1);

    struct ev_loop* loop = ev_default_loop(0);
    ev_io watcher;
    ev_io_init(&watcher, acceptable, listener, EV_READ);
    ev_io_start(loop, &watcher);
    ev_run(loop, 0);
    std::_Exit(0);
}

}  // namespace plait::bench

// What a C programmer writes against libuv: one buffer a connection, the answer written straight from it.
#include <netinet/in.h>
#include <unistd.h>
#include <uv.h>

#include <cstdint>
#include <cstdlib>

#include "echo_servers.hpp"

namespace plait::bench {
namespace {

struct Connection {
    uv_tcp_t tcp;
    uv_write_t write;
    char buffer[4096];
};

void closed(uv_handle_t* handle) {
    std::free(handle->data);
}

void give_room(uv_handle_t* handle, std::size_t, uv_buf_t* room) {
    auto* connection = static_cast<Connection*>(handle->data);
    *room = uv_buf_init(connection->buffer, sizeof connection->buffer);
}

void written(uv_write_t*, int) {}

void received(uv_stream_t* stream, ssize_t got, const uv_buf_t*) {
    auto* connection = static_cast<Connection*>(stream->data);
    if (got < 0) return uv_close(reinterpret_cast<uv_handle_t*>(stream), closed);
    // Messages are small and each waits for its answer: the buffer is free again before the next one comes.
    const uv_buf_t answer = uv_buf_init(connection->buffer, static_cast<unsigned>(got));
    uv_write(&connection->write, stream, &answer, 1, written);
}

void connected(uv_stream_t* listener, int) {
    auto* connection = static_cast<Connection*>(std::malloc(sizeof(Connection)));
    uv_tcp_init(listener->loop, &connection->tcp);
    connection->tcp.data = connection;
    auto* stream = reinterpret_cast<uv_stream_t*>(&connection->tcp);
    if (uv_accept(listener, stream) != 0) return uv_close(reinterpret_cast<uv_handle_t*>(stream), closed);
    uv_tcp_nodelay(&connection->tcp, 1);
    uv_read_start(stream, give_room, received);
}

}  // namespace

void serve_echo_with_libuv(int announce) {
    uv_loop_t* loop = uv_default_loop();
    uv_tcp_t listener;
    uv_tcp_init(loop, &listener);
    sockaddr_in address{};
    uv_ip4_addr("127.0.0.1", 0, &address);
    if (uv_tcp_bind(&listener, reinterpret_cast<sockaddr*>(&address), 0) != 0 ||
        uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 1024, connected) != 0)
        std::_Exit(1);
    int size = sizeof address;
    uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &size);
    const std::uint16_t port = ntohs(address.sin_port);
    if (::write(announce, &port, sizeof port) != sizeof port) std::_Exit(1);
    uv_run(loop, UV_RUN_DEFAULT);
    std::_Exit(0);
}

}  // namespace plait::bench

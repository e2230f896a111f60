// reactor.accept: a client connects, sends one byte, has it back and closes; sixteen do so at once. Counted are
// connections for each second of processor time that the server used: one on this library, one on Asio.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <stdexcept>

#include "echo_servers.hpp"
#include "measure.hpp"
#include "server_process.hpp"

namespace plait::bench {
namespace {

constexpr int at_once = 16;
constexpr int rounds = 21;
constexpr std::chrono::milliseconds run_length(100);

/// Clients that come from one loopback address after the other: each has ports of its own, and what has been closed
/// keeps its port for a while.
class Clients {
public:
    explicit Clients(const ServerProcess& server) : server_(server), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
    Clients(const Clients&) = delete;
    Clients& operator=(const Clients&) = delete;
    ~Clients() { ::close(epoll_); }

    /// Connections a second of the server's processor time.
    double run() {
        using Clock = std::chrono::steady_clock;
        const double used_before = server_.processor_time();
        for (int i = 0; i < at_once; ++i)
            open();
        const auto end = Clock::now() + run_length;
        std::uint64_t served = 0;
        for (int under_way = at_once; under_way > 0;) {
            std::array<epoll_event, at_once> events;
            const int ready = ::epoll_wait(epoll_, events.data(), at_once, 5000);
            if (ready <= 0) throw std::runtime_error("a server does not answer");
            const bool more = Clock::now() < end;
            for (int i = 0; i < ready; ++i) {
                finish(events[static_cast<std::size_t>(i)].data.fd);
                ++served;
                if (more)
                    open();
                else
                    --under_way;
            }
        }
        return static_cast<double>(served) / (server_.processor_time() - used_before);
    }

private:
    void open() {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        next_ = next_ % 250 + 1;
        const sockaddr_in from = address((127U << 24) | (1U << 8) | next_, 0);
        const sockaddr_in to = address(INADDR_LOOPBACK, server_.port());
        if (::bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 ||
            ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 ||
            ::send(fd, "x", 1, MSG_NOSIGNAL) != 1)
            throw std::runtime_error("cannot connect to a server");
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }

    static sockaddr_in address(std::uint32_t ip, std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(ip);
        address.sin_port = htons(port);
        return address;
    }

    static void finish(int fd) {
        char answer = 0;
        if (::recv(fd, &answer, 1, 0) != 1 || answer != 'x') throw std::runtime_error("a server does not echo");
        ::close(fd);
    }

    const ServerProcess& server_;
    int epoll_;
    std::uint32_t next_ = 0;
};

void measure_accept() {
    const ServerProcess ours(serve_echo_with_plait);
    const ServerProcess asio(serve_echo_with_asio);
    const ServerProcess libuv(serve_echo_with_libuv);
    pin_to_one_processor();
    Clients ours_clients(ours);
    Clients asio_clients(asio);
    Clients libuv_clients(libuv);
    const auto medians = interleaved(
        rounds, [&] { return ours_clients.run(); }, [&] { return asio_clients.run(); },
        [&] { return libuv_clients.run(); });
    print({"reactor.accept", "connections/CPU s", medians[0], medians[1], "Asio", 1.0});
    print({"reactor.accept", "connections/CPU s", medians[0], medians[2], "libuv"});
}

}  // namespace
}  // namespace plait::bench

int main() {
    try {
        plait::bench::measure_accept();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "reactor_accept: %s\n", error.what());
        return 1;
    }
}

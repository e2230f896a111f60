// reactor.echo_1, _100, _1000: 64 bytes there and back over so many loopback connections at once. The same load
// generator meets an echo server on this library, one on bare libev, one on Asio and one on libuv. Ours
// is measured on libev and (_epoll_loop) on an EpollLoop. Counted are round trips for each second of processor time
// that the server used.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "echo_servers.hpp"
#include "measure.hpp"
#include "server_process.hpp"

namespace plait::bench {
namespace {

constexpr std::size_t message_size = 64;
constexpr int rounds = 21;
constexpr std::chrono::milliseconds run_length(100);

/// The connections to one server, kept open from run to run.
class Load {
public:
    Load(const ServerProcess& server, std::uint32_t connections)
        : server_(server),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          fds_(connections),
          partial_(connections),
          events_(connections) {
        message_.fill('x');
        for (std::uint32_t i = 0; i < connections; ++i) {
            fds_[i] = connect(server.port());
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u32 = i;
            ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fds_[i], &event);
        }
    }

    /// Round trips a second of the server's processor time.
    double run() {
        using Clock = std::chrono::steady_clock;
        const double used_before = server_.processor_time();
        for (const int fd : fds_)
            say(fd);
        const auto start = Clock::now();
        const auto end = start + run_length;
        std::uint64_t trips = 0;
        auto now = start;
        for (std::size_t under_way = fds_.size(); under_way > 0;) {
            const int ready = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 5000);
            if (ready <= 0) throw std::runtime_error("a server does not answer");
            const bool more = now < end;
            for (int i = 0; i < ready; ++i) {
                const std::uint32_t index = events_[static_cast<std::size_t>(i)].data.u32;
                if (!heard(index)) continue;
                ++trips;
                if (more)
                    say(fds_[index]);
                else
                    --under_way;
            }
            now = Clock::now();
        }
        return static_cast<double>(trips) / (server_.processor_time() - used_before);
    }

    ~Load() {
        for (const int fd : fds_)
            ::close(fd);
        ::close(epoll_);
    }
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

private:
    static int connect(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("cannot connect to a server");
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return fd;
    }

    void say(int fd) const {
        if (::send(fd, message_.data(), message_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(message_.size()))
            throw std::runtime_error("a server does not read");
    }

    /// True when the whole answer is there.
    bool heard(std::uint32_t index) {
        std::array<char, message_size> answer;
        const ssize_t got = ::recv(fds_[index], answer.data(), message_size - partial_[index], 0);
        if (got <= 0 || std::memcmp(answer.data(), message_.data(), static_cast<std::size_t>(got)) != 0)
            throw std::runtime_error("a server does not echo");
        partial_[index] = (partial_[index] + static_cast<std::size_t>(got)) % message_size;
        return partial_[index] == 0;
    }

    const ServerProcess& server_;
    int epoll_;
    std::vector<int> fds_;
    std::vector<std::size_t> partial_;
    std::vector<epoll_event> events_;
    std::array<char, message_size> message_{};
};

struct Servers {
    ServerProcess ours{serve_echo_with_plait};
    ServerProcess ours_on_epoll{serve_echo_with_plait_on_epoll};
    ServerProcess libev{serve_echo_with_libev};
    ServerProcess asio{serve_echo_with_asio};
    ServerProcess libuv{serve_echo_with_libuv};
};

void measure_echo(const Servers& servers, const std::string& name, std::uint32_t connections, double libuv_goal) {
    Load ours(servers.ours, connections);
    Load ours_on_epoll(servers.ours_on_epoll, connections);
    Load libev(servers.libev, connections);
    Load asio(servers.asio, connections);
    Load libuv(servers.libuv, connections);
    const auto medians = interleaved(
        rounds, [&] { return ours.run(); }, [&] { return ours_on_epoll.run(); }, [&] { return libev.run(); },
        [&] { return asio.run(); }, [&] { return libuv.run(); });
    const auto beside_peers = [&](const std::string& which, double rate) {
        print({which.c_str(), "round trips/CPU s", rate, medians[2], "libev", 0.95});
        print({which.c_str(), "round trips/CPU s", rate, medians[3], "Asio", 1.0});
        print({which.c_str(), "round trips/CPU s", rate, medians[4], "libuv", libuv_goal});
    };
    beside_peers(name, medians[0]);
    beside_peers(name + "_epoll_loop", medians[1]);
}

}  // namespace
}  // namespace plait::bench

int main() {
    try {
        const plait::bench::Servers servers;
        plait::bench::pin_to_one_processor();
        plait::bench::measure_echo(servers, "reactor.echo_1", 1, 1.0);
        plait::bench::measure_echo(servers, "reactor.echo_100", 100, 1.5);
        plait::bench::measure_echo(servers, "reactor.echo_1000", 1000, 0);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "reactor_echo: %s\n", error.what());
        return 1;
    }
}

// reactor.echo_100: 64 bytes there and back over 100 loopback connections at once. The same load generator meets an
// echo server on this library, one on bare libev and one on Asio, each in a process of its own, on the same processor
// as the generator: so a server always finds many connections ready, and never waits for a generator on another
// processor. Counted are round trips for each second of processor time that the server used: what else the machine does
// meanwhile counts for little.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>

#include "echo_servers.hpp"
#include "measure.hpp"

namespace plait::bench {
namespace {

constexpr int connections = 100;
constexpr std::size_t message_size = 64;
constexpr int rounds = 41;
constexpr std::chrono::milliseconds run_length(100);

void pin_to_one_processor() {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    static_cast<void>(::sched_setaffinity(0, sizeof set, &set));
}

/// A server in a process of its own, killed at the end.
class ServerProcess {
public:
    explicit ServerProcess(void (*serve)(int)) {
        int announce[2];
        if (::pipe(announce) != 0) throw std::runtime_error("pipe failed");
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            pin_to_one_processor();
            serve(announce[1]);
        }
        ::close(announce[1]);
        const bool announced = ::read(announce[0], &port_, sizeof port_) == sizeof port_;
        ::close(announce[0]);
        if (!announced) throw std::runtime_error("a server did not start");
    }
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;
    ~ServerProcess() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    std::uint16_t port() const noexcept { return port_; }

    /// Seconds it has computed, kernel time included.
    double processor_time() const {
        clockid_t clock;
        timespec time{};
        if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
            throw std::runtime_error("a server is gone");
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
    }

private:
    pid_t pid_ = -1;
    std::uint16_t port_ = 0;
};

/// The connections to one server, kept open from run to run.
class Load {
public:
    explicit Load(const ServerProcess& server) : server_(server), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
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
        for (int under_way = connections; under_way > 0;) {
            std::array<epoll_event, connections> events;
            const int ready = ::epoll_wait(epoll_, events.data(), connections, 5000);
            if (ready <= 0) throw std::runtime_error("a server does not answer");
            const bool more = now < end;
            for (int i = 0; i < ready; ++i) {
                const std::uint32_t index = events[static_cast<std::size_t>(i)].data.u32;
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
    std::array<int, connections> fds_{};
    std::array<std::size_t, connections> partial_{};
    std::array<char, message_size> message_{};
};

void measure_echo() {
    const ServerProcess ours(serve_echo_with_plait);
    const ServerProcess libev(serve_echo_with_libev);
    const ServerProcess asio(serve_echo_with_asio);
    pin_to_one_processor();
    Load ours_load(ours);
    Load libev_load(libev);
    Load asio_load(asio);

    const auto medians = interleaved(
        rounds, [&] { return ours_load.run(); }, [&] { return libev_load.run(); }, [&] { return asio_load.run(); });
    print({"reactor.echo_100", "round trips/CPU s", medians[0], medians[1], "libev", 0.9});
    print({"reactor.echo_100", "round trips/CPU s", medians[0], medians[2], "Asio", 1.0});
}

}  // namespace
}  // namespace plait::bench

int main() {
    try {
        plait::bench::measure_echo();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "reactor_echo: %s\n", error.what());
        return 1;
    }
}

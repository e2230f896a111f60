#include "plait/tests/support/loopback.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <utility>

#include "plait/tests/support/deadline.hpp"

namespace plait::support {

namespace {

class Socket {
public:
    explicit Socket(int flags) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)) {}
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    int fd() const { return fd_; }

private:
    int fd_;
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

bool can_listen(std::uint16_t port) {
    const Socket socket(0);
    const int yes = 1;
    setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const sockaddr_in address = loopback(port);
    return bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
           listen(socket.fd(), 1) == 0;
}

/// Claims the port among test processes. The lock is held until this process ends.
bool claim(std::uint16_t port) {
    static const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("plait-ports-" + std::to_string(getuid()));
    std::filesystem::create_directories(folder);
    const std::string file = folder / std::to_string(port);
    const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) throw std::runtime_error("cannot open " + file + ", which reserves a port for a test");
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    close(fd);
    return false;
}

/// The lowest port the kernel may choose for an outgoing connection.
unsigned first_ephemeral_port() {
    unsigned low = 0;
    std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> low;
    return low > 12000 ? low : 32768;
}

bool wait_for(int fd, short events, const Deadline& deadline) {
    pollfd wanted{fd, events, 0};
    return poll(&wanted, 1, deadline.left_ms()) == 1;
}

bool connect_to(int fd, std::uint16_t port, const Deadline& deadline) {
    const sockaddr_in address = loopback(port);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
    if (errno != EINPROGRESS || !wait_for(fd, POLLOUT, deadline)) return false;
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

bool send_all(int fd, std::string_view text, const Deadline& deadline) {
    while (!text.empty()) {
        if (!wait_for(fd, POLLOUT, deadline)) return false;
        const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return false;
        if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

}  // namespace

std::uint16_t free_port() {
    static std::minstd_rand random(std::random_device{}());
    const unsigned end = first_ephemeral_port();
    std::uniform_int_distribution<unsigned> any(end - 10000, end - 1);
    for (int tries = 0; tries < 1000; ++tries) {
        const auto port = static_cast<std::uint16_t>(any(random));
        if (claim(port) && can_listen(port)) return port;
    }
    throw std::runtime_error("no free TCP port on 127.0.0.1 in 1000 tries");
}

std::optional<std::string> exchange(std::uint16_t port, std::string_view request, std::chrono::milliseconds limit) {
    const Deadline deadline(limit);
    const Socket socket(SOCK_NONBLOCK);
    if (!connect_to(socket.fd(), port, deadline) || !send_all(socket.fd(), request, deadline)) return std::nullopt;

    std::string answer;
    std::array<char, 65536> buffer;
    while (wait_for(socket.fd(), POLLIN, deadline)) {
        const ssize_t got = recv(socket.fd(), buffer.data(), buffer.size(), 0);
        if (got == 0) return answer;
        if (got < 0 && errno == EAGAIN) continue;
        if (got < 0) break;
        answer.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return answer.empty() ? std::nullopt : std::optional(std::move(answer));
}

}  // namespace plait::support

// A reactor with a port on loopback, and raw sockets to meet it with. For the TCP tests; every wait has an end.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/testing/waiting.hpp"
#include "plait/tests/reactor/recorder.hpp"

namespace plait::testing {

constexpr std::chrono::seconds patience = default_patience;

/// Runs the reactor until `condition` holds; throws when it did not in time.
inline void run_until(Reactor& reactor, const std::function<bool()>& condition) {
    await_until(reactor, [&condition] { return condition(); }, patience);
}

/// Lets the reactor do everything it can do at once: a few turns with nothing to wait for.
inline void settle(Reactor& reactor) {
    for (int turn = 0; turn < 5; ++turn)
        reactor.run_until(reactor.sleep(std::chrono::milliseconds(1)));
}

/// Text in which no part looks like another.
inline std::string numbered(std::size_t size) {
    std::string text;
    text.reserve(size + 16);
    for (std::size_t i = 0; text.size() < size; ++i)
        text += std::to_string(i) + ' ';
    text.resize(size);
    return text;
}

/// A plain blocking socket, to be the peer that does what no Transport would.
class RawPeer {
public:
    explicit RawPeer(const Address& to) : RawPeer(to, 0) {}
    /// With a receive buffer of about `buffer` bytes.
    RawPeer(const Address& to, int buffer) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (buffer != 0) plait::detail::set_option(fd_.get(), SOL_SOCKET, SO_RCVBUF, buffer);
        const auto address = plait::detail::to_socket_address(to);
        if (::connect(fd_.get(), address->get(), address->size) != 0) throw std::runtime_error("cannot connect");
        plait::detail::set_option(fd_.get(), IPPROTO_TCP, 1 /* TCP_NODELAY */, 1);
    }

    int fd() const noexcept { return fd_.get(); }
    void send(std::string_view text) const { ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL); }
    void end_writing() const { ::shutdown(fd_.get(), SHUT_WR); }
    void close() { fd_.reset(); }
    void reset() {
        plait::detail::reset_on_close(fd_.get());
        fd_.reset();
    }

    /// What has come by now. `ended()` and `failed()` tell of more than bytes.
    std::string take() {
        std::string all;
        char room[65536];
        for (;;) {
            const ssize_t got = ::recv(fd_.get(), room, sizeof room, MSG_DONTWAIT);
            if (got == 0) ended_ = true;
            if (got < 0 && errno != EAGAIN) failed_ = true;
            if (got <= 0) return all;
            all.append(room, static_cast<std::size_t>(got));
        }
    }
    bool ended() const noexcept { return ended_; }
    bool failed() const noexcept { return failed_; }
    /// What the socket holds against it: a reset, for example, although everything could be read before.
    int pending_error() const noexcept {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        return error;
    }

private:
    UniqueFd fd_;
    bool ended_ = false;
    bool failed_ = false;
};

/// A port that was free a moment ago, and is ours but not listening: connecting to it is refused.
struct SilentPort {
    UniqueFd fd = plait::detail::make_stream_socket(AF_INET);
    Address address;

    SilentPort() {
        const auto any = plait::detail::to_socket_address({"127.0.0.1", 0});
        if (::bind(fd.get(), any->get(), any->size) != 0) throw std::runtime_error("cannot bind");
        address = plait::detail::local_address(fd.get());
    }
};

/// Listens with a full backlog: further attempts get no answer.
struct FullPort : SilentPort {
    std::vector<UniqueFd> fill;

    FullPort() {
        if (::listen(fd.get(), 0) != 0) throw std::runtime_error("cannot listen");
        const auto to = plait::detail::to_socket_address(address);
        for (int i = 0; i < 4; ++i) {
            fill.push_back(plait::detail::make_stream_socket(AF_INET));
            static_cast<void>(::connect(fill.back().get(), to->get(), to->size));
        }
    }
    HostPort where() const { return {"127.0.0.1", address.port}; }
};

struct TcpFixture {
    Reactor reactor;
    std::vector<std::shared_ptr<Recorder>> served;
    std::function<void(Recorder&)> prepare = [](Recorder&) {};
    std::unique_ptr<ListeningPort> port = listen();

    std::unique_ptr<ListeningPort> listen(const Address& where = {"127.0.0.1", 0}) {
        return listen_tcp(reactor, where, make_factory([this](const Address&) -> std::shared_ptr<Protocol> {
                              auto server = std::make_shared<Recorder>();
                              prepare(*server);
                              served.push_back(server);
                              return server;
                          }));
    }

    HostPort where() const { return {"127.0.0.1", port->address().port}; }

    std::shared_ptr<Recorder> connect() {
        auto client = std::make_shared<Recorder>();
        reactor.run_until(connect_tcp(reactor, where(), client));
        return client;
    }

    /// A connection both of whose ends are ours.
    std::shared_ptr<Recorder> connect_and_accept() {
        const std::size_t before = served.size();
        auto client = connect();
        wait([&] { return served.size() > before; });
        return client;
    }

    /// The server's end of a connection whose other end is `peer`.
    Recorder& accept(const RawPeer&) {
        const std::size_t before = served.size();
        wait([&] { return served.size() > before; });
        return *served.back();
    }

    void wait(const std::function<bool()>& condition) { run_until(reactor, condition); }
    void wait_lost(const Recorder& recorder) {
        wait([&] { return recorder.reason.has_value(); });
    }

    static void echo(Recorder& recorder) {
        recorder.when_data = [](Recorder& r, const Bytes& data) { r.transport().write(data); };
    }
};

inline bool says(const std::exception& error, std::string_view text) {
    return std::string_view(error.what()).find(text) != std::string_view::npos;
}

}  // namespace plait::testing

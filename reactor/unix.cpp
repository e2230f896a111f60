#include "plait/reactor/unix.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "plait/deferred/coroutine.hpp"
#include "plait/reactor/detail/attempt_pause.hpp"
#include "plait/reactor/detail/socket_port.hpp"
#include "plait/reactor/detail/unix_address.hpp"
#include "plait/reactor/detail/unix_connection.hpp"
#include "plait/reactor/detail/unix_name.hpp"
#include "plait/reactor/detail/unix_policy.hpp"

namespace plait {
namespace {

constexpr Duration between_tries = std::chrono::milliseconds(10);

class LostUnixTransport final : public UnixTransport {
public:
    void send_descriptor(UniqueFd) override {}
    std::size_t descriptors_queued() const noexcept override { return 0; }
    std::optional<PeerCredentials> peer_credentials() const override { return std::nullopt; }
};

LostUnixTransport lost_unix_transport;

[[noreturn]] void cannot_connect(const std::string& path, int error) {
    const std::string text = "cannot connect to " + path + ": " + detail::error_text(error);
    if (error == ECONNREFUSED || error == ENOENT) throw ConnectionRefused(text + "; is the server running?");
    throw ConnectError(text);
}

/// Returns 0, or errno.
int try_connect(int fd, const detail::SocketAddress& to) noexcept {
    return ::connect(fd, to.get(), to.size) == 0 ? 0 : errno;
}

}  // namespace

UnixTransport& UnixProtocol::unix_transport() const {
    if (!connected()) return lost_unix_transport;
    if (auto* const it = dynamic_cast<UnixTransport*>(&transport())) return *it;
    throw UsageError("unix_transport: the connection to " + transport().peer().str() + " is not over a UNIX socket");
}

Deferred<std::shared_ptr<Protocol>> connect_unix(Reactor& reactor, std::string path, std::shared_ptr<Protocol> protocol,
                                                 UnixConnectOptions options) {
    const auto to = detail::to_unix_address(path);
    if (!to) throw ConnectError("cannot connect: " + detail::why_not_a_path(path));
    const TimePoint began = reactor.now();
    const std::string what = "an attempt to connect to " + path;
    const Failure ended =
        make_failure(ConnectError("cannot connect to " + path + ": the reactor was stopped or destroyed"));
    Deferred<> next_turn = detail::pause_attempt(reactor, Duration::zero(), what, ended);
    co_await std::move(next_turn);
    UniqueFd fd = detail::make_stream_socket(AF_UNIX);
    if (!fd) cannot_connect(path, errno);
    // The kernel tells nobody when there is room in a backlog again.
    for (;;) {
        const int error = try_connect(fd.get(), *to);
        if (error == 0) break;
        if (error != EAGAIN && error != EINTR) cannot_connect(path, error);
        if (reactor.now() - began >= options.timeout)
            throw ConnectTimeout("cannot connect to " + path + ": its backlog is full; is the server stuck?");
        Deferred<> next_try = detail::pause_attempt(reactor, between_tries, what, ended);
        co_await std::move(next_try);
    }
    Address host = detail::name_of_socket(fd.get());
    Address peer{path, 0};
    const auto failure =
        detail::UnixConnection::start(reactor.core(), std::move(fd), std::move(host), std::move(peer), protocol);
    if (failure) failure->raise();
    co_return protocol;
}

namespace detail {

Address UnixPolicy::peer_of(const SocketAddress& from) const {
    const std::string name = unix_path(from);
    return {name.empty() ? "a client of " + path_ : name, 0};
}

void UnixPolicy::start(ReactorCore& core, UniqueFd client, Address peer, std::shared_ptr<Protocol> protocol) const {
    static_cast<void>(UnixConnection::start(core, std::move(client), {path_, 0}, std::move(peer), std::move(protocol)));
}

namespace {

class UnixPort final : public SocketPort {
public:
    UnixPort(Reactor& reactor, const std::string& path, std::shared_ptr<Factory> factory,
             const UnixListenOptions& options)
        : SocketPort(reactor.core(), std::move(factory), std::make_shared<UnixPolicy>(path)),
          name_(reactor, path, options.mode, options.remove_stale),
          path_(path),
          backlog_(options.backlog) {
        start(reopen(), {path_, 0});
    }
    ~UnixPort() override { stop_listening(); }

private:
    UniqueFd reopen() override {
        UniqueFd fd = name_.bind(SOCK_STREAM);
        if (::listen(fd.get(), backlog_) == 0) return fd;
        const int error = errno;
        name_.remove();
        cannot_listen_at(path_, error_text(error));
    }
    void closed() noexcept override { name_.remove(); }

    UnixName name_;
    std::string path_;
    int backlog_;
};

}  // namespace
}  // namespace detail

std::unique_ptr<ListeningPort> listen_unix(Reactor& reactor, std::string path, std::shared_ptr<Factory> factory,
                                           UnixListenOptions options) {
    if (reactor.core().closing()) detail::cannot_listen_at(path, "the reactor is being destroyed");
    return std::make_unique<detail::UnixPort>(reactor, path, std::move(factory), options);
}

}  // namespace plait

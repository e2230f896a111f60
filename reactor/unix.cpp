#include "plait/reactor/unix.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "plait/deferred/coroutine.hpp"
#include "plait/deferred/filesystem_lock.hpp"
#include "plait/reactor/detail/socket_port.hpp"
#include "plait/reactor/detail/unix_address.hpp"
#include "plait/reactor/detail/unix_connection.hpp"
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

[[noreturn]] void cannot_listen(const std::string& path, const std::string& why) {
    throw CannotListen("cannot listen on " + path + ": " + why);
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
    co_await reactor.sleep(Duration::zero());
    UniqueFd fd = detail::make_stream_socket(AF_UNIX);
    if (!fd) cannot_connect(path, errno);
    // The kernel tells nobody when there is room in a backlog again.
    for (;;) {
        const int error = try_connect(fd.get(), *to);
        if (error == 0) break;
        if (error != EAGAIN && error != EINTR) cannot_connect(path, error);
        if (reactor.now() - began >= options.timeout)
            throw ConnectTimeout("cannot connect to " + path + ": its backlog is full; is the server stuck?");
        co_await reactor.sleep(between_tries);
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

/// The file of a listening socket.
class UnixPort final : public SocketPort {
public:
    UnixPort(Reactor& reactor, std::string path, std::shared_ptr<Factory> factory, UnixListenOptions options)
        : SocketPort(reactor.core(), std::move(factory), std::make_shared<UnixPolicy>(path)),
          reactor_(reactor),
          path_(std::move(path)),
          options_(options) {
        try {
            start(reopen(), {path_, 0});
        } catch (...) {
            closed();
            throw;
        }
    }
    ~UnixPort() override { stop_listening(); }

private:
    UniqueFd reopen() override;
    void closed() noexcept override;
    void lock();
    void remove_stale(const SocketAddress& address);
    UniqueFd bind_and_listen(const SocketAddress& address);

    Reactor& reactor_;
    std::string path_;
    UnixListenOptions options_;
    std::optional<DeferredFilesystemLock> lock_;
    struct stat made_{};  ///< the file, as we made it
    bool has_file_ = false;
};

UniqueFd UnixPort::reopen() {
    const auto address = to_unix_address(path_);
    if (!address) cannot_listen("a UNIX socket", why_not_a_path(path_));
    if (!is_abstract(path_) && options_.remove_stale) {
        lock();
        remove_stale(*address);
    }
    return bind_and_listen(*address);
}

void UnixPort::lock() {
    lock_.emplace(path_ + ".lock", reactor_);
    bool locked = false;
    try {
        locked = lock_->try_lock();
    } catch (const FilesystemLockError& error) {
        lock_.reset();
        cannot_listen(path_, error.what());
    }
    if (locked) return;
    lock_.reset();
    cannot_listen(path_, "another program listens there (it holds the lock on " + path_ + ".lock)");
}

void UnixPort::remove_stale(const SocketAddress& address) {
    struct stat there{};
    if (::lstat(path_.c_str(), &there) != 0) return;
    std::string why_not;
    if (!S_ISSOCK(there.st_mode)) {
        why_not = "something that is not a socket is there: choose another path, or remove it";
    } else if (const UniqueFd asking = make_stream_socket(AF_UNIX);
               !asking || try_connect(asking.get(), address) != ECONNREFUSED) {
        why_not = "another program listens there";
    } else if (::unlink(path_.c_str()) != 0) {
        why_not = "the socket that was left behind there cannot be removed: " + error_text(errno);
    }
    if (why_not.empty()) return;
    lock_.reset();
    cannot_listen(path_, why_not);
}

UniqueFd UnixPort::bind_and_listen(const SocketAddress& address) {
    UniqueFd fd = make_stream_socket(AF_UNIX);
    int error = 0;
    if (!fd || ::bind(fd.get(), address.get(), address.size) != 0) {
        error = errno;
    } else if (!is_abstract(path_)) {
        has_file_ = ::lstat(path_.c_str(), &made_) == 0;
        if (::chmod(path_.c_str(), options_.mode) != 0) error = errno;
    }
    if (error == 0 && ::listen(fd.get(), options_.backlog) != 0) error = errno;
    if (error == 0) return fd;
    closed();
    cannot_listen(path_,
                  error_text(error) + (error == EADDRINUSE ? "; another program has it, or left it behind" : ""));
}

void UnixPort::closed() noexcept {
    struct stat there{};
    if (has_file_ && ::lstat(path_.c_str(), &there) == 0 && there.st_ino == made_.st_ino &&
        there.st_dev == made_.st_dev)
        ::unlink(path_.c_str());
    has_file_ = false;
    lock_.reset();
}

}  // namespace

}  // namespace detail

std::unique_ptr<ListeningPort> listen_unix(Reactor& reactor, std::string path, std::shared_ptr<Factory> factory,
                                           UnixListenOptions options) {
    if (reactor.core().closing()) cannot_listen(path, "the reactor is being destroyed");
    return std::make_unique<detail::UnixPort>(reactor, std::move(path), std::move(factory), options);
}

}  // namespace plait

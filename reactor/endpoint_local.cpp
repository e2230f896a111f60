#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "plait/deferred/maybe.hpp"
#include "plait/reactor/descriptors.hpp"
#include "plait/reactor/detail/connect_tcp.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/detail/systemd_sockets.hpp"
#include "plait/reactor/endpoint.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/stdio.hpp"

namespace plait {
namespace {

using Connected = Deferred<std::shared_ptr<Protocol>>;
using Listening = Deferred<std::unique_ptr<ListeningPort>>;

/// A number of a descriptor, to be owned once.
class FdOnce {
public:
    explicit FdOnce(int fd) : fd_(fd) {}

    /// Throws an E from the second time on.
    template <typename E>
    UniqueFd take() {
        const int fd = std::exchange(fd_, -1);
        if (fd < 0) throw E("this endpoint's descriptor was taken over before: it can be used once");
        return UniqueFd(fd);
    }

private:
    int fd_;
};

class UnixClientEndpoint final : public ClientEndpoint {
public:
    UnixClientEndpoint(Reactor& reactor, std::string path, UnixConnectOptions options)
        : reactor_(reactor), path_(std::move(path)), options_(options) {}

    Connected connect(std::shared_ptr<Factory> factory) override {
        return maybe_deferred(
            [&] { return connect_unix(reactor_, path_, detail::build_for(*factory, {path_, 0}), options_); });
    }

private:
    Reactor& reactor_;
    std::string path_;
    UnixConnectOptions options_;
};

class UnixServerEndpoint final : public ServerEndpoint {
public:
    UnixServerEndpoint(Reactor& reactor, std::string path, UnixListenOptions options)
        : reactor_(reactor), path_(std::move(path)), options_(options) {}

    Listening listen(std::shared_ptr<Factory> factory) override {
        return maybe_deferred([&] { return listen_unix(reactor_, path_, std::move(factory), options_); });
    }

private:
    Reactor& reactor_;
    std::string path_;
    UnixListenOptions options_;
};

class FdClientEndpoint final : public ClientEndpoint {
public:
    FdClientEndpoint(Reactor& reactor, int fd)
        : reactor_(reactor), name_("descriptor " + std::to_string(fd)), fd_(fd) {}

    Connected connect(std::shared_ptr<Factory> factory) override {
        return maybe_deferred([&] {
            std::shared_ptr<Protocol> protocol = detail::build_for(*factory, {name_, 0});
            return adopt_stream(reactor_, fd_.take<ConnectError>(), std::move(protocol));
        });
    }

private:
    Reactor& reactor_;
    std::string name_;
    FdOnce fd_;
};

class FdServerEndpoint final : public ServerEndpoint {
public:
    FdServerEndpoint(Reactor& reactor, int fd) : reactor_(reactor), fd_(fd) {}

    Listening listen(std::shared_ptr<Factory> factory) override {
        return maybe_deferred(
            [&] { return adopt_listening_port(reactor_, fd_.take<CannotListen>(), std::move(factory)); });
    }

private:
    Reactor& reactor_;
    FdOnce fd_;
};

/// The descriptor itself is left open: closed, its number would soon be another's, and the environment still name it.
class SystemdServerEndpoint final : public ServerEndpoint {
public:
    using Find = UniqueFunction<int(const detail::SystemdSockets&)>;

    SystemdServerEndpoint(Reactor& reactor, Find find) : reactor_(reactor), find_(std::move(find)) {}

    Listening listen(std::shared_ptr<Factory> factory) override {
        return maybe_deferred([&] {
            const detail::SystemdSockets sockets(std::getenv("LISTEN_PID"), std::getenv("LISTEN_FDS"),
                                                 std::getenv("LISTEN_FDNAMES"), ::getpid());
            const int given = find_(sockets);
            ::fcntl(given, F_SETFD, FD_CLOEXEC);  // systemd leaves it open to every program that this one starts
            UniqueFd ours(::fcntl(given, F_DUPFD_CLOEXEC, 0));
            if (!ours) refuse(given, detail::error_text(errno));
            try {
                return adopt_listening_port(reactor_, std::move(ours), std::move(factory));
            } catch (const CannotListen& error) {
                refuse(given, error.what());
            }
        });
    }

private:
    [[noreturn]] static void refuse(int given, const std::string& why) {
        throw CannotListen("cannot listen on systemd's socket, descriptor " + std::to_string(given) +
                           ", by a number of our own: " + why);
    }

    Reactor& reactor_;
    Find find_;
};

const Address stdio_address{"standard input and output", 0};

/// Standard input and output, to be had once: afterwards they are not what they were.
class StdioOnce {
public:
    explicit StdioOnce(Reactor& reactor) : reactor_(reactor) {}

    /// Fails with an E from the second time on.
    template <typename E>
    Connected open(Factory& factory) {
        return maybe_deferred([&] {
            if (used_) throw E("this endpoint's standard input and output were taken before: they can be used once");
            std::shared_ptr<Protocol> protocol = detail::build_for(factory, stdio_address);
            used_ = true;
            return open_stdio(reactor_, std::move(protocol));
        });
    }

private:
    Reactor& reactor_;
    bool used_ = false;
};

class StdioClientEndpoint final : public ClientEndpoint {
public:
    explicit StdioClientEndpoint(Reactor& reactor) : stdio_(reactor) {}
    Connected connect(std::shared_ptr<Factory> factory) override { return stdio_.open<ConnectError>(*factory); }

private:
    StdioOnce stdio_;
};

/// Nobody else can come: there is nothing to stop.
class StdioPort final : public ListeningPort {
public:
    Address address() const override { return stdio_address; }
    void stop_listening() override {}
};

class StdioServerEndpoint final : public ServerEndpoint {
public:
    explicit StdioServerEndpoint(Reactor& reactor) : stdio_(reactor) {}

    Listening listen(std::shared_ptr<Factory> factory) override {
        return stdio_.open<CannotListen>(*factory).add_callback(
            [](const std::shared_ptr<Protocol>&) -> std::unique_ptr<ListeningPort> {
                return std::make_unique<StdioPort>();
            });
    }

private:
    StdioOnce stdio_;
};

}  // namespace

std::shared_ptr<ClientEndpoint> unix_client_endpoint(Reactor& reactor, std::string path, UnixConnectOptions options) {
    return std::make_shared<UnixClientEndpoint>(reactor, std::move(path), options);
}

std::shared_ptr<ServerEndpoint> unix_server_endpoint(Reactor& reactor, std::string path, UnixListenOptions options) {
    return std::make_shared<UnixServerEndpoint>(reactor, std::move(path), options);
}

std::shared_ptr<ClientEndpoint> fd_client_endpoint(Reactor& reactor, int fd) {
    return std::make_shared<FdClientEndpoint>(reactor, fd);
}

std::shared_ptr<ServerEndpoint> fd_server_endpoint(Reactor& reactor, int fd) {
    return std::make_shared<FdServerEndpoint>(reactor, fd);
}

std::shared_ptr<ServerEndpoint> systemd_server_endpoint(Reactor& reactor, std::size_t index) {
    return std::make_shared<SystemdServerEndpoint>(
        reactor, [index](const detail::SystemdSockets& sockets) { return sockets.find(index); });
}

std::shared_ptr<ServerEndpoint> systemd_server_endpoint(Reactor& reactor, std::string name) {
    return std::make_shared<SystemdServerEndpoint>(
        reactor, [name = std::move(name)](const detail::SystemdSockets& sockets) { return sockets.find(name); });
}

std::shared_ptr<ClientEndpoint> stdio_client_endpoint(Reactor& reactor) {
    return std::make_shared<StdioClientEndpoint>(reactor);
}

std::shared_ptr<ServerEndpoint> stdio_server_endpoint(Reactor& reactor) {
    return std::make_shared<StdioServerEndpoint>(reactor);
}

}  // namespace plait

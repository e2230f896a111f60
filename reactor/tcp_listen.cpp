#include <fcntl.h>
#include <netinet/in.h>

#include <cerrno>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/detail/tcp_connection.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/tcp.hpp"

namespace plait {
namespace detail {
namespace {

constexpr int accepted_a_turn = 64;
constexpr int refused_a_turn = 256;
constexpr Duration rest_when_exhausted = std::chrono::milliseconds(100);

class TcpPort;

/// The listening socket. Lives until the end of the turn in which it was stopped, so its accept loop may be left by way
/// of the port's destructor.
class Acceptor final : public Doomed, private EventHandler, private Resource {
public:
    Acceptor(ReactorCore& core, UniqueFd fd, std::shared_ptr<Factory> factory, TcpPort& port)
        : core_(core), fd_(std::move(fd)), factory_(std::move(factory)), port_(&port) {
        reserve();
        watch_.emplace(core_.iops(), fd_.get(), static_cast<EventHandler&>(*this));
        watch_->watch(IOFlags::read);
        core_.add_resource(*this);
    }

    /// Closes the socket and hands itself to destroy_later(). The port must not use it any more.
    void stop() noexcept;

private:
    void event_ready(IOFlags flags) noexcept override;
    void reactor_destroyed() noexcept override { stop(); }
    std::string describe() const override { return "a port that listens on " + local_address(fd_.get()).str(); }
    bool open() const noexcept { return watch_.has_value(); }
    void welcome(UniqueFd client, const SocketAddress& from) noexcept;
    void refuse_waiting() noexcept;
    void rest() noexcept;
    void reserve() noexcept { reserved_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

    ReactorCore& core_;
    UniqueFd fd_;
    UniqueFd reserved_;  ///< given up to accept, and close, a client when descriptors run out
    std::optional<IOWatch> watch_;
    DelayedCall resting_;
    std::shared_ptr<Factory> factory_;
    TcpPort* port_;
};

class TcpPort final : public ListeningPort {
public:
    TcpPort(ReactorCore& core, UniqueFd fd, std::shared_ptr<Factory> factory)
        : address_(local_address(fd.get())), acceptor_(new Acceptor(core, std::move(fd), std::move(factory), *this)) {}
    ~TcpPort() override { stop_listening(); }

    Address address() const override { return address_; }
    void stop_listening() override {
        if (acceptor_ != nullptr) acceptor_->stop();
    }

private:
    friend class Acceptor;

    Address address_;
    Acceptor* acceptor_;  // owns itself; null once stopped
};

void Acceptor::stop() noexcept {
    if (!open()) return;
    port_->acceptor_ = nullptr;
    resting_.cancel();
    watch_.reset();
    fd_.reset();
    ListHook<ResourceTag>::unlink();
    core_.destroy_later(std::unique_ptr<Doomed>(this));
}

void Acceptor::event_ready(IOFlags) noexcept {
    const ReactorCore::Turn turn(core_);
    for (int count = 0; count < accepted_a_turn && open(); ++count) {
        SocketAddress from;
        from.size = sizeof from.storage;
        UniqueFd client(::accept4(fd_.get(), from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (client) {
            welcome(std::move(client), from);
            continue;
        }
        switch (errno) {
            case EAGAIN:
                return;
            case EMFILE:
            case ENFILE:
                return refuse_waiting();
            case ENOBUFS:
            case ENOMEM:
                return rest();
            default:  // that client is gone already, or not allowed: the next one may be well
                break;
        }
    }
}

void Acceptor::welcome(UniqueFd client, const SocketAddress& from) noexcept {
    contain([&] {
        const Address peer = to_address(from.get());
        const std::shared_ptr<Factory> factory = factory_;
        std::shared_ptr<Protocol> protocol = factory->build_protocol(peer);
        if (protocol == nullptr || !open()) return;
        static_cast<void>(TcpConnection::start(core_, std::move(client), peer, std::move(protocol), true));
    });
}

/// Out of descriptors. Left in the backlog, the clients would be reported again and again, and wait for nothing.
void Acceptor::refuse_waiting() noexcept {
    reserved_.reset();
    for (int count = 0; count < refused_a_turn; ++count) {
        const UniqueFd client(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client && errno != ECONNABORTED && errno != EINTR) break;
    }
    reserve();
    if (!reserved_) rest();
}

void Acceptor::rest() noexcept {
    watch_->watch(IOFlags::none);
    contain([this] {
        resting_ = core_.reactor().call_later(rest_when_exhausted, [this] {
            if (!reserved_) reserve();
            watch_->watch(IOFlags::read);
        });
    });
}

[[noreturn]] void cannot_listen(const Address& where, const std::string& why) {
    throw CannotListen("cannot listen on " + where.str() + ": " + why);
}

[[noreturn]] void cannot_listen(const Address& where, int error) {
    std::string hint;
    if (error == EADDRINUSE) hint = "; another program has the port: choose another one, or 0 for any free one";
    if (error == EADDRNOTAVAIL) hint = "; it has to be an address of this machine";
    if (error == EACCES) hint = "; ports below 1024 are for privileged programs";
    cannot_listen(where, error_text(error) + hint);
}

UniqueFd open_listening_socket(const Address& where, const ListenOptions& options) {
    const Address real{where.ip.empty() ? "0.0.0.0" : where.ip, where.port};
    const auto address = to_socket_address(real);
    if (!address) cannot_listen(where, "it has to be a numeric address, such as 127.0.0.1 or ::");
    UniqueFd fd = make_stream_socket(address->family());
    if (!fd) cannot_listen(real, errno);
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (options.reuse_port && !set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1)) cannot_listen(real, errno);
    if (::bind(fd.get(), address->get(), address->size) != 0) cannot_listen(real, errno);
    if (::listen(fd.get(), options.backlog) != 0) cannot_listen(real, errno);
    return fd;
}

}  // namespace
}  // namespace detail

void ListeningPort::start_listening() {
    throw CannotListen("cannot listen again on " + address().str() + ": this port can be opened only once");
}

std::unique_ptr<ListeningPort> listen_tcp(Reactor& reactor, const Address& where, std::shared_ptr<Factory> factory,
                                          ListenOptions options) {
    if (reactor.core().closing()) detail::cannot_listen(where, "the reactor is being destroyed");
    UniqueFd fd = detail::open_listening_socket(where, options);
    return std::make_unique<detail::TcpPort>(reactor.core(), std::move(fd), std::move(factory));
}

}  // namespace plait

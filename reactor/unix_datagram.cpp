#include "plait/reactor/unix_datagram.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <stdexcept>
#include <utility>

#include "plait/reactor/detail/datagram_port.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/unix_address.hpp"
#include "plait/reactor/detail/unix_name.hpp"

namespace plait {
namespace detail {
namespace {

/// What a port needs before it is one: the parts that clean up after each other when one throws.
struct BoundSocket {
    std::unique_ptr<UnixName> name;  ///< none if the system chose it
    UniqueFd fd;
};

BoundSocket bind_to_any_name() {
    BoundSocket bound{nullptr, make_socket(AF_UNIX, SOCK_DGRAM)};
    SocketAddress any;
    any.storage.ss_family = AF_UNIX;
    any.size = sizeof any.storage.ss_family;
    if (!bound.fd || ::bind(bound.fd.get(), any.get(), any.size) != 0)
        cannot_listen_at("a UNIX socket without a path", error_text(errno));
    return bound;
}

BoundSocket bind_to(Reactor& reactor, const std::string& path, const UnixDatagramOptions& options) {
    if (path.empty()) return bind_to_any_name();
    BoundSocket bound{std::make_unique<UnixName>(reactor, path, options.mode, options.remove_stale), UniqueFd()};
    bound.fd = bound.name->bind(SOCK_DGRAM);
    return bound;
}

class OpenUnixDatagramPort final : public OpenDatagramPort<DatagramPort> {
public:
    OpenUnixDatagramPort(ReactorCore& core, BoundSocket bound, DatagramLimits limits,
                         const std::shared_ptr<DatagramProtocol>& protocol)
        : OpenDatagramPort(core, std::move(bound.fd), AF_UNIX, limits, protocol), name_(std::move(bound.name)) {}
    ~OpenUnixDatagramPort() override { OpenUnixDatagramPort::stop_listening(); }

private:
    SocketAddress destination(const Address& to) const override {
        const std::string what = "cannot send a datagram to " + (to.ip.empty() ? "nobody" : to.str()) + ": ";
        if (to.ip.empty()) throw BadDatagramAddress(what + "the address is empty; did a socket without a name send?");
        if (to.port != 0) throw BadDatagramAddress(what + "a UNIX address is a path and port 0");
        const auto address = to_unix_address(to.ip);
        if (!address) throw BadDatagramAddress(what + why_not_a_path(to.ip));
        return *address;
    }
    void socket_gone() noexcept override {
        OpenDatagramPort::socket_gone();
        name_.reset();
    }

    std::unique_ptr<UnixName> name_;
};

}  // namespace
}  // namespace detail

std::unique_ptr<DatagramPort> listen_unix_datagram(Reactor& reactor, const std::string& path,
                                                   std::shared_ptr<DatagramProtocol> protocol,
                                                   UnixDatagramOptions options) {
    if (protocol == nullptr) throw std::invalid_argument("listen_unix_datagram needs a protocol");
    const auto limits = detail::checked_limits(options.most_received, options.most_queued, "UnixDatagramOptions");
    if (reactor.core().closing()) detail::cannot_listen_at(path, "the reactor is being destroyed");
    return std::make_unique<detail::OpenUnixDatagramPort>(reactor.core(), detail::bind_to(reactor, path, options),
                                                          limits, protocol);
}

std::unique_ptr<DatagramPort> connect_unix_datagram(Reactor& reactor, const std::string& peer,
                                                    std::shared_ptr<DatagramProtocol> protocol,
                                                    UnixDatagramOptions options) {
    auto port = listen_unix_datagram(reactor, "", std::move(protocol), options);
    port->connect({peer, 0});
    return port;
}

}  // namespace plait

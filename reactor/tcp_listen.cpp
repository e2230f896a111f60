#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "plait/reactor/detail/socket_port.hpp"
#include "plait/reactor/detail/tcp_connection.hpp"
#include "plait/reactor/detail/tcp_policy.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/tcp.hpp"

namespace plait {
namespace detail {

Address TcpPolicy::peer_of(const SocketAddress& from) const {
    return to_address(from.get());
}

void TcpPolicy::start(ReactorCore& core, UniqueFd client, Address peer, std::shared_ptr<Protocol> protocol) const {
    if (keep_alive_) set_keep_alive(client.get(), *keep_alive_);
    static_cast<void>(TcpConnection::start(core, std::move(client), std::move(peer), std::move(protocol), no_delay_));
}

namespace {

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

class TcpPort final : public SocketPort {
public:
    TcpPort(ReactorCore& core, UniqueFd fd, std::shared_ptr<Factory> factory, const ListenOptions& options)
        : SocketPort(core, std::move(factory), std::make_shared<TcpPolicy>(options.no_delay, options.keep_alive)),
          options_(options) {
        Address where = local_address(fd.get());
        start(std::move(fd), std::move(where));
    }

private:
    UniqueFd reopen() override { return open_listening_socket(address(), options_); }

    ListenOptions options_;
};

}  // namespace
}  // namespace detail

std::unique_ptr<ListeningPort> listen_tcp(Reactor& reactor, const Address& where, std::shared_ptr<Factory> factory,
                                          ListenOptions options) {
    if (reactor.core().closing()) detail::cannot_listen(where, "the reactor is being destroyed");
    UniqueFd fd = detail::open_listening_socket(where, options);
    return std::make_unique<detail::TcpPort>(reactor.core(), std::move(fd), std::move(factory), options);
}

}  // namespace plait

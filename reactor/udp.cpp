#include "plait/reactor/udp.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "plait/reactor/detail/datagram_port.hpp"
#include "plait/reactor/detail/multicast.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {
namespace detail {
namespace {

constexpr std::size_t longest_ipv4 = 65507;  // 64 KiB without the headers
constexpr std::size_t longest_ipv6 = 65527;

/// Brings `to` into the form that a socket of `family` sends to.
SocketAddress destination(const Address& to, int family, bool ipv6_only) {
    const auto address = to_socket_address(to);
    if (!address)
        throw BadDatagramAddress("cannot send a datagram to " + to.str() +
                                 ": it has to be a numeric address; look the name up first");
    if (to.port == 0) throw BadDatagramAddress("cannot send a datagram to " + to.str() + ": port 0 receives nothing");
    if (address->family() == family) return *address;
    if (family == AF_INET)
        throw BadDatagramAddress("cannot send a datagram to " + to.str() +
                                 " from an IPv4 port: listen on :: to send to both kinds");
    if (ipv6_only)
        throw BadDatagramAddress("cannot send a datagram to " + to.str() + " from a port with UdpOptions::ipv6_only");
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(address->get());
    SocketAddress mapped;
    auto& v6 = *reinterpret_cast<sockaddr_in6*>(&mapped.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = v4.sin_port;
    v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
    std::memcpy(v6.sin6_addr.s6_addr + 12, &v4.sin_addr, sizeof v4.sin_addr);
    mapped.size = sizeof v6;
    return mapped;
}

class OpenUdpPort final : public OpenDatagramPort<UdpPort> {
public:
    OpenUdpPort(ReactorCore& core, UniqueFd fd, int family, const UdpOptions& options,
                const std::shared_ptr<DatagramProtocol>& protocol)
        : OpenDatagramPort(core, std::move(fd), family,
                           checked_limits(options.most_received, options.most_queued, "UdpOptions"), protocol),
          ipv6_only_(options.ipv6_only) {}

    void join_group(const std::string& group, const std::string& interface) override {
        change_group(open_socket(), Membership::join, group, interface);
    }
    void leave_group(const std::string& group, const std::string& interface) override {
        change_group(open_socket(), Membership::leave, group, interface);
    }
    void set_multicast_ttl(int hops) override { detail::set_multicast_ttl(open_socket(), hops); }
    void set_multicast_loopback(bool on) override { detail::set_multicast_loopback(open_socket(), on); }
    void set_multicast_interface(const std::string& interface) override {
        detail::set_multicast_interface(open_socket(), interface);
    }

private:
    SocketAddress destination(const Address& to) const override {
        return detail::destination(to, family(), ipv6_only_);
    }
    void check_length(std::size_t size, const Address& to) const override {
        const std::size_t most = family() == AF_INET ? longest_ipv4 : longest_ipv6;
        if (size <= most) return;
        throw DatagramTooLong("cannot send a datagram of " + std::to_string(size) + " bytes to " + to.str() +
                              ": it carries " + std::to_string(most) + " at most; send several");
    }
    GroupSocket open_socket() const {
        if (socket() == nullptr) throw stopped();
        return {socket()->fd(), family()};
    }

    bool ipv6_only_;
};

[[noreturn]] void cannot_open(const Address& where, const std::string& why) {
    throw CannotListen("cannot open the UDP port " + where.str() + ": " + why);
}

[[noreturn]] void cannot_open(const Address& where, int error) {
    std::string hint;
    if (error == EADDRINUSE) hint = "; another program has the port: choose another one, or 0 for any free one";
    if (error == EADDRNOTAVAIL) hint = "; it has to be an address of this machine, or of a group";
    if (error == EACCES) hint = "; ports below 1024 are for privileged programs";
    cannot_open(where, error_text(error) + hint);
}

UniqueFd open_udp_socket(const Address& where, const SocketAddress& address, const UdpOptions& options) {
    UniqueFd fd = make_socket(address.family(), SOCK_DGRAM);
    const auto require = [&](bool done) {
        if (!done) cannot_open(where, errno);
    };
    require(fd.get() >= 0);
    if (address.family() == AF_INET6)
        require(set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0));
    if (options.reuse_address) require(set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1));
    if (options.reuse_port) require(set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1));
    if (options.broadcast) require(set_option(fd.get(), SOL_SOCKET, SO_BROADCAST, 1));
    if (options.kernel_buffer > 0) set_option(fd.get(), SOL_SOCKET, SO_RCVBUF, options.kernel_buffer);
    require(::bind(fd.get(), address.get(), address.size) == 0);
    return fd;
}

}  // namespace
}  // namespace detail

std::unique_ptr<UdpPort> listen_udp(Reactor& reactor, const Address& where, std::shared_ptr<DatagramProtocol> protocol,
                                    UdpOptions options) {
    if (protocol == nullptr) throw std::invalid_argument("listen_udp needs a protocol");
    detail::checked_limits(options.most_received, options.most_queued, "UdpOptions");
    const Address real{where.ip.empty() ? "0.0.0.0" : where.ip, where.port};
    if (reactor.core().closing()) detail::cannot_open(real, "the reactor is being destroyed");
    const auto address = detail::to_socket_address(real);
    if (!address) detail::cannot_open(real, "it has to be a numeric address, such as 127.0.0.1 or ::");
    UniqueFd fd = detail::open_udp_socket(real, *address, options);
    return std::make_unique<detail::OpenUdpPort>(reactor.core(), std::move(fd), address->family(), options, protocol);
}

}  // namespace plait

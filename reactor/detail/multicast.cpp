#include "plait/reactor/detail/multicast.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "plait/reactor/datagram_errors.hpp"
#include "plait/reactor/detail/socket.hpp"

namespace plait::detail {
namespace {

[[noreturn]] void no_interface(const std::string& name) {
    throw BadDatagramAddress("there is no network interface \"" + name + "\" on this machine");
}

/// Of an interface's name; 0, the system's choice, for none.
unsigned index_of(const std::string& interface) {
    if (interface.empty()) return 0;
    const unsigned index = ::if_nametoindex(interface.c_str());
    if (index == 0) no_interface(interface);
    return index;
}

/// By address or by name.
ip_mreqn ipv4_request(const std::string& interface) {
    ip_mreqn request{};
    if (interface.empty() || ::inet_pton(AF_INET, interface.c_str(), &request.imr_address) == 1) return request;
    request.imr_ifindex = static_cast<int>(index_of(interface));
    return request;
}

std::string by(const std::string& interface) {
    return interface.empty() ? std::string() : " by " + interface;
}

void set(int fd, int level, int name, const void* value, socklen_t size, const std::string& what) {
    if (::setsockopt(fd, level, name, value, size) == 0) return;
    const int error = errno;
    std::string hint;
    if (error == ENODEV) hint = "; no interface leads there: name one";
    if (error == EADDRINUSE) hint = "; it has joined before";
    if (error == EADDRNOTAVAIL) hint = "; it has not joined, or the address is not this machine's";
    throw DatagramError("cannot " + what + ": " + error_text(error) + hint);
}

}  // namespace

void change_group(GroupSocket socket, Membership change, const std::string& group, const std::string& interface) {
    const bool join = change == Membership::join;
    const std::string what = (join ? "join the group " : "leave the group ") + group + by(interface);
    const auto address = to_socket_address({group, 0});
    if (!address) throw BadDatagramAddress("cannot " + what + ": a group is a numeric address");
    if (address->family() == AF_INET) {
        ip_mreqn request = ipv4_request(interface);
        request.imr_multiaddr = reinterpret_cast<const sockaddr_in*>(address->get())->sin_addr;
        if (!IN_MULTICAST(ntohl(request.imr_multiaddr.s_addr)))
            throw BadDatagramAddress("cannot " + what + ": IPv4 groups are 224.0.0.0 to 239.255.255.255");
        if (socket.family != AF_INET) throw BadDatagramAddress("cannot " + what + ": the port is an IPv6 one");
        return set(socket.fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &request, sizeof request,
                   what);
    }
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address->get());
    if (!IN6_IS_ADDR_MULTICAST(&v6->sin6_addr))
        throw BadDatagramAddress("cannot " + what + ": IPv6 groups begin with ff");
    if (socket.family != AF_INET6) throw BadDatagramAddress("cannot " + what + ": the port is an IPv4 one");
    ipv6_mreq request{v6->sin6_addr, interface.empty() ? v6->sin6_scope_id : index_of(interface)};
    set(socket.fd, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &request, sizeof request, what);
}

void set_multicast_ttl(GroupSocket socket, int hops) {
    const std::string what = "send to groups with a TTL of " + std::to_string(hops);
    if (hops < 0 || hops > 255) throw DatagramError("cannot " + what + ": it has to be 0 to 255");
    const bool v6 = socket.family == AF_INET6;
    set(socket.fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL, &hops, sizeof hops,
        what);
}

void set_multicast_loopback(GroupSocket socket, bool on) {
    const int value = on ? 1 : 0;
    const bool v6 = socket.family == AF_INET6;
    set(socket.fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP, &value, sizeof value,
        "change the loopback of groups");
}

void set_multicast_interface(GroupSocket socket, const std::string& interface) {
    const std::string what = "send to groups" + by(interface);
    if (socket.family == AF_INET6) {
        const unsigned index = index_of(interface);
        return set(socket.fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index, what);
    }
    const ip_mreqn request = ipv4_request(interface);
    set(socket.fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request, what);
}

}  // namespace plait::detail

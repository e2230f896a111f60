// UDP: ports that send and receive datagrams, to one, to many (multicast), to all (broadcast).
// Not names: addresses are numeric; look names up first (names.hpp).
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/datagram.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait {

struct UdpOptions {
    /// Longer datagrams are told of by DatagramProtocol::datagram_truncated. 1 to 65,535; the smaller, the more of them
    /// are received in one system call.
    std::size_t most_received = 8192;
    /// What is queued at most, in bytes, with a few added for each datagram; more is dropped.
    std::size_t most_queued = 1024 * 1024;
    /// SO_REUSEADDR: several may listen on one port; each gets what is sent to a group it has joined, or to all.
    bool reuse_address = false;
    /// SO_REUSEPORT: several may listen on one port and share what is sent to it.
    bool reuse_port = false;
    /// Lets it send to broadcast addresses.
    bool broadcast = false;
    /// An IPv6 port serves IPv6 alone. Else "::" serves both, and IPv4 peers have their IPv4 addresses.
    bool ipv6_only = false;
    /// SO_RCVBUF: what the kernel keeps for us between two turns; 0 leaves it as it is.
    int kernel_buffer = 0;
};

/// An open UDP port. What is about groups throws ConnectionDone once it is stopped.
class UdpPort : public DatagramPort {
public:
    /// Receives what is sent to `group` (224.0.0.0/4, ff00::/8), by the interface with that name or, IPv4, address;
    /// empty: the one the system chooses. Throws BadDatagramAddress, or DatagramError with the system's reason.
    virtual void join_group(const std::string& group, const std::string& interface = {}) = 0;
    /// Undoes that. Throws likewise.
    virtual void leave_group(const std::string& group, const std::string& interface = {}) = 0;

    /// How many routers what is sent to groups may pass; 1, the system's default, stays on the local network. Throws
    /// DatagramError unless 0 to 255.
    virtual void set_multicast_ttl(int hops) = 0;
    /// Whether this machine gets what it sends to groups; the default is that it does.
    virtual void set_multicast_loopback(bool on) = 0;
    /// By which interface it is sent; named as in join_group. Throws likewise.
    virtual void set_multicast_interface(const std::string& interface) = 0;
};

/// Opens a port on a numeric address ("127.0.0.1", "::", "" for every IPv4 address); port 0 picks a free one.
/// `start_protocol()` runs in a later turn, not before this returns; nothing is called when the port is gone by then.
/// Throws CannotListen; std::invalid_argument for options that make no sense.
std::unique_ptr<UdpPort> listen_udp(Reactor& reactor, const Address& where, std::shared_ptr<DatagramProtocol> protocol,
                                    UdpOptions options = {});

}  // namespace plait

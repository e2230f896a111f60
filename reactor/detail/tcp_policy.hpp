// TcpPolicy: accepted sockets become TCP connections, with the options of their port.
// Not for the sockets of connections that we make.
#pragma once

#include <optional>

#include "plait/reactor/detail/acceptor.hpp"
#include "plait/reactor/transport.hpp"

namespace plait::detail {

class TcpPolicy final : public AcceptPolicy {
public:
    TcpPolicy(bool no_delay, std::optional<KeepAlive> keep_alive) : no_delay_(no_delay), keep_alive_(keep_alive) {}

    Address peer_of(const SocketAddress& from) const override;
    void start(ReactorCore& core, UniqueFd client, Address peer, std::shared_ptr<Protocol> protocol) const override;

private:
    bool no_delay_;
    std::optional<KeepAlive> keep_alive_;
};

}  // namespace plait::detail

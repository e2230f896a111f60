// UnixPolicy: accepted sockets become UNIX connections.
// Not the way to the listening socket.
#pragma once

#include <string>

#include "plait/reactor/detail/acceptor.hpp"

namespace plait::detail {

class UnixPolicy final : public AcceptPolicy {
public:
    explicit UnixPolicy(std::string path) : path_(std::move(path)) {}

    Address peer_of(const SocketAddress& from) const override;
    void start(ReactorCore& core, UniqueFd client, Address peer, std::shared_ptr<Protocol> protocol) const override;

private:
    std::string path_;
};

}  // namespace plait::detail

#include "plait/reactor/detail/tcp_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <utility>

#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/detail/stream_connection.hpp"

namespace plait::detail {

std::optional<Failure> TcpConnection::start(ReactorCore& core, UniqueFd fd, Address peer,
                                            std::shared_ptr<Protocol> protocol, bool no_delay) {
    if (no_delay) set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    Address host = local_address(fd.get());
    return StreamConnection::start(core, {std::move(fd), UniqueFd(), StreamEnds::Kind::socket}, std::move(host),
                                   std::move(peer), std::move(protocol));
}

}  // namespace plait::detail

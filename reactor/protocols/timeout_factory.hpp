// TimeoutFactory: closes connections on which nothing was read or written for a while, whatever their protocol.
// Not the transport's own idle time-out (Transport::set_idle_timeout), which aborts: this one closes in good order.
#pragma once

#include <chrono>
#include <memory>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/protocols/protocol_wrapper.hpp"

namespace plait {

/// Wraps a factory. When nothing was received and nothing written for `limit`, the connection is closed in good order;
/// one that is still there after `limit` again is aborted. A peer that is still taking what was written to it has time
/// until it stops: that is noticed up to `limit` late.
///
/// Lifetime: connections may outlive it. The clock must outlive them.
/// Fails:    throws std::invalid_argument for a limit that is not more than 0.
/// Source:   TimeoutFactory of Twisted.
class TimeoutFactory final : public WrappingFactory {
public:
    static constexpr Duration default_limit = std::chrono::minutes(30);

    TimeoutFactory(Clock& clock, std::shared_ptr<Factory> wrapped, Duration limit = default_limit);
    ~TimeoutFactory() override;

private:
    std::shared_ptr<Protocol> wrap(std::shared_ptr<Protocol> protocol, const Address& peer) override;

    Clock& clock_;
    Duration limit_;
};

}  // namespace plait

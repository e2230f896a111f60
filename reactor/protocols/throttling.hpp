// ThrottlingFactory: so many bytes a second and so many connections, all connections of a factory together.
// Not a shaper of each connection by itself: give each its own factory for that.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/protocols/protocol_wrapper.hpp"

namespace plait {

/// Units: bytes a second, all connections together. `unlimited`: do not count.
struct ThrottleLimits {
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    std::size_t read = unlimited;
    std::size_t write = unlimited;
    std::size_t connections = unlimited;  ///< those beyond are closed at once
};

/// Wraps a factory.
///
/// A second's worth may pass at once. When more has been read, reading stops on every connection until as much time has
/// passed as makes it no more than the limit: the peers wait, through their own sockets. When more was written, what is
/// written still leaves, but registered Producers are paused and drained() does not fire, until then.
///
/// An idle factory sets no timer. A protocol that has paused by itself stays paused.
///
/// Lifetime: connections may outlive it, and are throttled on. The clock must outlive them.
/// Fails:    throws std::invalid_argument for a limit of 0.
/// Source:   ThrottlingFactory of Twisted.
class ThrottlingFactory final : public Factory {
public:
    ThrottlingFactory(Clock& clock, std::shared_ptr<Factory> wrapped, ThrottleLimits limits);
    ~ThrottlingFactory() override;

    std::shared_ptr<Protocol> build_protocol(const Address& peer) override;
    void start_factory() override;
    void stop_factory() override;

    /// Built and not lost yet.
    std::size_t connections() const noexcept;
    bool reading_throttled() const noexcept;
    bool writing_throttled() const noexcept;

private:
    class State;
    std::shared_ptr<State> state_;
};

}  // namespace plait

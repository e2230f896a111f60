// Acceptor: takes clients off a listening socket, and lives through there being no room for them. Not the port that
// users hold: see socket_port.hpp.
#pragma once

#include <memory>
#include <optional>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/detail/empty_wake_ups.hpp"
#include "plait/reactor/detail/io_watch.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

/// What an accepted socket becomes.
class AcceptPolicy {
public:
    virtual ~AcceptPolicy() = default;
    virtual Address peer_of(const SocketAddress& from) const = 0;
    virtual void start(ReactorCore& core, UniqueFd client, Address peer, std::shared_ptr<Protocol> protocol) const = 0;
};

/// One listening socket at work.
///
/// Lifetime: owns itself until `stop()`, and is destroyed at the end of the turn of that: so its accept loop may be
///           left by way of the port's destructor. `went_away` is called, last, if somebody else closes the socket or
///           shuts it down.
class Acceptor final : public Doomed, private EventHandler {
public:
    Acceptor(ReactorCore& core, UniqueFd fd, std::shared_ptr<Factory> factory,
             std::shared_ptr<const AcceptPolicy> policy, UniqueFunction<void()> went_away);

    /// Closes the socket and hands itself to destroy_later(). Not to be used any more.
    void stop() noexcept;

private:
    void event_ready(IOFlags flags) noexcept override;
    bool open() const noexcept { return watch_.has_value(); }
    void welcome(UniqueFd client, const SocketAddress& from) noexcept;
    void refuse_waiting() noexcept;
    void rest() noexcept;
    void give_up() noexcept;
    void reserve() noexcept;

    ReactorCore& core_;
    UniqueFd fd_;
    UniqueFd reserved_;  ///< given up to accept, and close, a client when descriptors run out
    std::optional<IOWatch> watch_;
    EmptyWakeUps empty_wake_ups_;
    DelayedCall resting_;
    std::shared_ptr<Factory> factory_;
    std::shared_ptr<const AcceptPolicy> policy_;
    FileIdentity opened_;
    UniqueFunction<void()> went_away_;
};

}  // namespace plait::detail

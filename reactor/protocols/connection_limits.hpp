// LimitTotalConnectionsFactory and LimitConnectionsByPeerFactory: no more connections than so many, in all or from one
// address. Not limits of bytes: see throttling.hpp.
#pragma once

#include <cstddef>
#include <memory>

#include "plait/reactor/protocols/protocol_wrapper.hpp"

namespace plait {

/// Wraps a factory and has at most `most` of its protocols connected at a time. Those beyond get a protocol of another
/// factory, to say that there is no room; without one, or when `most_overflowing` of these are connected, too, they are
/// closed at once.
///
/// Lifetime: connections may outlive it and are counted on.
/// Source:   LimitTotalConnectionsFactory of Twisted, whose overflow is not limited.
class LimitTotalConnectionsFactory final : public Factory {
public:
    LimitTotalConnectionsFactory(std::shared_ptr<Factory> wrapped, std::size_t most,
                                 std::shared_ptr<Factory> overflow = nullptr, std::size_t most_overflowing = 100);
    ~LimitTotalConnectionsFactory() override;

    std::shared_ptr<Protocol> build_protocol(const Address& peer) override;
    void start_factory() override;
    void stop_factory() override;

    /// Connected now, within the limit and beyond it.
    std::size_t connections() const noexcept;
    std::size_t overflowing() const noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

/// Wraps a factory and has at most `most` of its protocols connected at a time to one IP address; the next ones from
/// there are closed at once. An IPv4 address in IPv6 form ("::ffff:10.0.0.1") is the same as itself. Remembers only
/// addresses that are connected.
///
/// Lifetime: connections may outlive it and are counted on.
/// Source:   LimitConnectionsByPeer of Twisted.
class LimitConnectionsByPeerFactory final : public Factory {
public:
    static constexpr std::size_t default_most = 5;

    explicit LimitConnectionsByPeerFactory(std::shared_ptr<Factory> wrapped, std::size_t most = default_most);
    ~LimitConnectionsByPeerFactory() override;

    std::shared_ptr<Protocol> build_protocol(const Address& peer) override;
    void start_factory() override;
    void stop_factory() override;

    /// Addresses that are connected now.
    std::size_t peers() const noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace plait

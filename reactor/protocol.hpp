// Protocol: what to do with a connection's bytes; Factory: makes one for each connection. Neither knows the network:
// tests join two protocols in memory.
#pragma once

#include <memory>
#include <optional>

#include "plait/deferred/failure.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/bytes.hpp"
#include "plait/reactor/transport.hpp"

namespace plait {

/// Who keeps a connection for others, as ClientService does, and wants to know that it ended.
class LossObserver {
public:
    /// After the protocol's connection_lost(). May destroy itself.
    virtual void protocol_lost(const Failure& reason) noexcept = 0;

protected:
    ~LossObserver() = default;
};

/// One connection's behaviour. Derive from it.
///
/// Order: connection_made, then data_received* and at most one read_connection_lost, then connection_lost exactly once.
/// An exception from a callback ends the connection with that exception as the reason; it never reaches the loop.
///
/// Lifetime: shared by the transport, from connection_made until connection_lost has returned. It may let go of itself,
///           or of anything else, from any of its callbacks. The destructor calls nothing.
/// Threads:  the reactor's; so with factories.
/// Source:   IProtocol and IHalfCloseableProtocol of Twisted.
class Protocol {
public:
    Protocol() = default;
    Protocol(const Protocol&) = delete;
    Protocol& operator=(const Protocol&) = delete;
    virtual ~Protocol() = default;

    /// For transports: attaches the connection, then calls connection_made().
    void make_connection(Transport& transport);

    /// For transports: attaches another one to a protocol that has its connection already.
    void attach(Transport& transport) noexcept { transport_ = &transport; }

    /// For transports: takes the connection away without a word, if it is still `from`.
    void detach(const Transport& from) noexcept {
        if (transport_ == &from) transport_ = nullptr;
    }

    /// For transports: calls connection_lost(), then detaches, then tells who observes.
    void lose_connection(const Failure& reason);

    /// For keepers of connections: `observer` is told of the end, once; null for nobody. There is one at a time.
    void observe_loss(LossObserver* observer) noexcept { loss_observer_ = observer; }

    /// The connection is there; `transport()` works from now on.
    virtual void connection_made() {}

    /// Some bytes, in order, cut anywhere. Keep a copy of `data` (a counted slice) to keep the bytes.
    virtual void data_received(const Bytes& data) = 0;

    /// The peer sends no more but may still read. The default closes the connection in good order.
    virtual void read_connection_lost() { transport().lose_connection(); }

    /// The end. `reason` holds a ConnectionClosed, whose derived types in errors.hpp say which, or what one of these
    /// callbacks threw.
    virtual void connection_lost(const Failure& reason) { static_cast<void>(reason); }

    /// Whose name stands for the connection, in Reactor::dump() and in a StallDetector's words. What stands between a
    /// protocol and its transport, as TLS does, says what the protocol above says.
    virtual const Protocol& described() const noexcept { return *this; }

    /// Between connection_made and the end of connection_lost.
    bool connected() const noexcept { return transport_ != nullptr; }

    /// The connection; when there is none, a transport that swallows everything, as a lost one does.
    Transport& transport() const noexcept;

protected:
    /// As Transport::abort_connection(), and `reason` is what connection_lost() is told: as what a callback throws, for
    /// code that no transport has called.
    void abort_because(Failure reason);

private:
    Transport* transport_ = nullptr;
    LossObserver* loss_observer_ = nullptr;
    std::optional<Failure> own_reason_;
};

/// Makes protocols for a listening port.
class Factory {
public:
    virtual ~Factory() = default;

    /// A protocol for a new connection, or null to close it at once. What it throws is reported as an unhandled failure
    /// and closes that connection alone.
    virtual std::shared_ptr<Protocol> build_protocol(const Address& peer) = 0;

    /// The first port is about to listen with this factory. What it throws is thrown by the call that listens.
    virtual void start_factory() {}
    /// The last port that listened with it has stopped. What it throws is reported as an unhandled failure.
    virtual void stop_factory() {}

    /// For ports: one more, or one less, uses this factory.
    void begin_use();
    void end_use() noexcept;

private:
    int uses_ = 0;
};

/// A Factory from a function, for when a class would say no more.
std::shared_ptr<Factory> make_factory(UniqueFunction<std::shared_ptr<Protocol>(const Address& peer)> build);

}  // namespace plait

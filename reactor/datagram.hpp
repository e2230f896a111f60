// DatagramProtocol: what to do with datagrams; DatagramTransport: where to send them. Neither knows the network.
// Not a stream: each datagram is whole; over UDP it may be lost, doubled or overtaken, and nobody says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/bytes.hpp"
#include "plait/reactor/datagram_errors.hpp"

namespace plait {

/// Where datagrams are sent, as a DatagramProtocol sees it.
///
/// Writing never blocks and calls nobody: what is written in one turn of the reactor leaves at its end, in as few
/// system calls as the system allows. A datagram that finds the queue full is dropped and counted, as every router on
/// its way would do it.
///
/// Threads: the reactor's.
class DatagramTransport {
public:
    /// Since the port was opened.
    struct Counters {
        std::uint64_t received = 0;
        std::uint64_t sent = 0;       ///< accepted by the system
        std::uint64_t dropped = 0;    ///< not queued, or thrown away with the queue at the end
        std::uint64_t refused = 0;    ///< by the system; see DatagramProtocol::send_failed
        std::uint64_t truncated = 0;  ///< longer than this port receives
    };

    DatagramTransport() = default;
    DatagramTransport(const DatagramTransport&) = delete;
    DatagramTransport& operator=(const DatagramTransport&) = delete;

    /// Queues one datagram for `to`: a numeric address, or a path and port 0. A slice is queued as it is.
    /// Returns: false when it was dropped because the queue is full, or nothing is sent any more.
    /// Throws BadDatagramAddress, DatagramTooLong; InvalidState when connected to another address.
    virtual bool write(Bytes data, const Address& to) = 0;
    bool write(std::string_view text, const Address& to) { return write(Bytes::copy(text), to); }

    /// The same to the connected peer. Throws InvalidState when there is none.
    virtual bool write(Bytes data) = 0;
    bool write(std::string_view text) { return write(Bytes::copy(text)); }

    /// From now on sends to `peer` alone, receives from it alone, and learns when nobody listens there
    /// (DatagramProtocol::connection_refused). Throws BadDatagramAddress, or DatagramRefused with the system's reason.
    virtual void connect(const Address& peer) = 0;

    /// Bytes queued and not yet taken by the system.
    virtual std::size_t write_buffered() const noexcept = 0;

    /// Fires when next to nothing is queued; ready if that is so now. Fails with ConnectionClosed when the port is
    /// stopped first. For who sends much: wait for it every so often, and nothing is dropped on this side.
    /// Cancel: only that waiter is forgotten. Dropping likewise.
    virtual Deferred<> drained() = 0;

    /// Where it receives.
    virtual Address host() const = 0;

    virtual Counters counters() const noexcept = 0;

protected:
    ~DatagramTransport() = default;
};

/// An open port: a DatagramTransport and its end. Made by `listen_udp` and `listen_unix_datagram`.
///
/// A port whose descriptor was closed, or whose socket was shut down, by something else stops: those who wait for it
/// fail with DescriptorWentAway, or it is reported as an unhandled failure if nobody waits for `close()`.
///
/// Lifetime: destroying it stops it, as stop_listening() does. It may outlive the reactor. Allowed from inside its
///           protocol's callbacks.
class DatagramPort : public DatagramTransport {
public:
    virtual ~DatagramPort() = default;

    /// Stops at once: what is written is handed to the system as far as it takes it, nothing is received any more.
    /// `stop_protocol()` runs at the end of this turn, not before this returns.
    virtual void stop_listening() = 0;

    /// Stops in good order: receives nothing more, sends what is queued.
    /// Fires:  after stop_protocol(); at once when it is stopped already.
    /// Fails:  with InvalidState when it was asked for before and is not over; with DescriptorWentAway.
    /// Cancel: stops at once. Dropping likewise.
    virtual Deferred<> close() = 0;
};

/// What to do with datagrams. Derive from it.
///
/// Order: start_protocol, then any of the others, then stop_protocol exactly once. All in turns of the reactor, none
/// before what opened the port has returned. An exception from any of them is reported as an unhandled failure and ends
/// nothing: the next datagram may be a good one.
///
/// Lifetime: shared by the port, until stop_protocol has returned. It may let go of itself, or of its port, from any of
///           its callbacks; nothing but stop_protocol is called after that.
/// Source:   DatagramProtocol and ConnectedDatagramProtocol of Twisted.
class DatagramProtocol {
public:
    DatagramProtocol() = default;
    DatagramProtocol(const DatagramProtocol&) = delete;
    DatagramProtocol& operator=(const DatagramProtocol&) = delete;
    virtual ~DatagramProtocol() = default;

    /// For transports: attaches, or with null detaches.
    void make_connection(DatagramTransport* transport) noexcept { transport_ = transport; }

    /// The port is open; `transport()` works from before this until the port is stopped.
    virtual void start_protocol() {}

    /// One datagram. Keep a copy of `data` (a counted slice) to keep the bytes, `data.compact()` to keep them for long.
    virtual void datagram_received(const Bytes& data, const Address& from) = 0;

    /// One that was longer than the port receives: of `size` bytes, with what there was room for. Not delivered to
    /// datagram_received.
    virtual void datagram_truncated(const Bytes& beginning, std::size_t size, const Address& from) {
        static_cast<void>(beginning);
        static_cast<void>(size);
        static_cast<void>(from);
    }

    /// Connected ports: nobody listens at the peer. Datagrams sent may have been lost; those to come may arrive. UNIX:
    /// one was lost, and no more than that one.
    virtual void connection_refused() {}

    /// A datagram for `to` was not taken by the system; holds a DatagramError. Others are sent on.
    virtual void send_failed(const Failure& reason, const Address& to) {
        static_cast<void>(reason);
        static_cast<void>(to);
    }

    /// The end: the port is stopped, its descriptor gone or the reactor destroyed. `transport()` swallows what is
    /// written.
    virtual void stop_protocol() {}

    /// The port; when there is none, a transport that drops everything.
    DatagramTransport& transport() const noexcept;

private:
    DatagramTransport* transport_ = nullptr;
};

}  // namespace plait

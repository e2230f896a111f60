// Transport: one connection as its Protocol sees it: write, pause, close. Not the socket: the same interface stands
// over TCP and over the memory transport of the test kit.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/bytes.hpp"

namespace plait {

class Protocol;

/// Something that produces bytes and can be asked to wait. Registered with a Transport, it is told when the write
/// buffer is full and when it has room again.
///
/// Source: IPushProducer of Twisted.
class Producer {
public:
    /// Stop producing until `resume_producing()`. Called when the buffer passes the high water mark.
    virtual void pause_producing() = 0;
    /// Go on. Called when the buffer is back at the low water mark.
    virtual void resume_producing() = 0;
    /// Never produce again: the connection is gone.
    virtual void stop_producing() = 0;

protected:
    ~Producer() = default;
};

/// When a peer that says nothing is asked whether it is still there, and how often. Whole seconds, each at least one.
struct KeepAlive {
    std::chrono::seconds idle{60};      ///< of silence before the first probe
    std::chrono::seconds interval{10};  ///< between probes
    int probes = 5;                     ///< unanswered ones after which the connection is lost
};

/// One connection. Made by `connect_tcp` and `listen_tcp`, handed to a Protocol.
///
/// Writing never blocks, calls nobody but a Producer that is to pause, and leaves the socket alone: what is queued in
/// one turn of the reactor leaves in one system call at its end. Writing to a closed connection does nothing.
///
/// Reading is paused and resumed with `pause_producing()` / `resume_producing()`: while paused the kernel's buffer
/// fills and the peer has to wait; no more than what was already read is held here, and that is delivered on resume.
///
/// Lifetime: owned by the reactor until the connection is lost; the Protocol may use it from `connection_made` until
///           `connection_lost` returns. All calls are allowed from inside the Protocol's callbacks.
/// Threads:  the reactor's.
class Transport {
public:
    static constexpr std::size_t default_low_water = 16 * 1024;
    static constexpr std::size_t default_high_water = 64 * 1024;

    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    /// Queues `data`. A slice is queued as it is, without copying it; small ones may be copied together.
    virtual void write(Bytes data) = 0;

    /// Queues a copy of `text`.
    virtual void write(std::string_view text) = 0;
    void write(const char* text) { write(std::string_view(text)); }

    /// Queues all of them, in order, as one write.
    virtual void write_sequence(std::span<const Bytes> pieces) = 0;

    /// Closes in good order: what is queued is sent first, a registered Producer is waited for. Nothing more is
    /// delivered. `connection_lost(ConnectionDone)` follows, not before this returns.
    virtual void lose_connection() = 0;

    /// Closes our direction after what is queued; the peer sees the end and may still send. What is written afterwards
    /// is dropped. `connection_lost` comes when the peer has ended its direction, too.
    virtual void lose_write_connection() = 0;

    /// Throws the connection away, with what is queued (TCP: reset). `connection_lost(ConnectionAborted)` follows, not
    /// before this returns.
    virtual void abort_connection() = 0;

    /// We began to close both directions, or the connection is lost.
    virtual bool disconnecting() const noexcept = 0;

    /// Stops and restarts delivery of received bytes. Calls do not nest: one resume undoes any number of pauses.
    /// Nothing is delivered from inside either call.
    virtual void pause_producing() = 0;
    virtual void resume_producing() = 0;

    /// Registers who fills the write buffer, also while closing. Throws InvalidState if there is one. On a lost
    /// connection calls `stop_producing()` at once; above the high water mark `pause_producing()`, and if that throws
    /// it is not registered. Lifetime: it stays until unregistered or told to stop.
    virtual void register_producer(Producer& producer) = 0;
    virtual void unregister_producer() = 0;

    /// Bytes queued at which a Producer is paused, and at which it is resumed. Throws std::invalid_argument unless
    /// low < high.
    virtual void set_write_watermarks(std::size_t low, std::size_t high) = 0;

    /// Bytes queued and not yet taken by the kernel.
    virtual std::size_t write_buffered() const noexcept = 0;

    /// For writers that produce by turns instead of registering as a Producer.
    /// Fires:  when no more than the low water mark is queued; ready if that is so now.
    /// Fails:  with the reason, when the connection is lost first.
    /// Cancel: only that waiter is forgotten. Dropping likewise.
    virtual Deferred<> drained() = 0;

    /// Our end, and theirs.
    virtual Address host() const = 0;
    virtual Address peer() const = 0;

    /// TCP: send small segments at once. On by default here: writes are already gathered. No effect elsewhere.
    virtual void set_no_delay(bool on) = 0;

    /// TCP: probe an idle peer. Off by default. No effect elsewhere.
    virtual void set_keep_alive(bool on) = 0;

    /// The same, switched on with these times. TCP counts; transports above it pass it down.
    virtual void set_keep_alive(const KeepAlive& times) {
        static_cast<void>(times);
        set_keep_alive(true);
    }

    /// Bytes handed to the protocol, and bytes taken from us by the kernel or the transport below, since the start.
    virtual std::uint64_t bytes_received() const noexcept { return 0; }
    virtual std::uint64_t bytes_sent() const noexcept { return 0; }

    /// Loses the connection with ConnectionTimedOut when no byte has moved in either direction for `limit`, also while
    /// reading is paused. Zero, the default: never. Counts from now; noticed up to a quarter of `limit` late, because
    /// moving bytes does not look at the clock.
    virtual void set_idle_timeout(Duration limit) { static_cast<void>(limit); }

    /// Loses the connection with ConnectionTimedOut when bytes are queued and not one was taken for `limit`, also while
    /// closing. Zero, the default: never. Late as above.
    virtual void set_write_timeout(Duration limit) { static_cast<void>(limit); }

    /// What a connection had, when its protocol is exchanged.
    struct Handover {
        std::shared_ptr<Protocol> protocol;
        Producer* producer = nullptr;  ///< taken off, and told nothing
        bool producer_paused = false;
    };

    /// Exchanges the protocol: `next` gets what arrives from now on, and connection_lost. For layers that are put
    /// between a protocol and its connection in mid-stream, as `start_tls` does; attaching `next` is theirs
    /// (Protocol::attach). The one before is detached, told nothing, and may be destroyed. Allowed from inside the
    /// protocol's callbacks; what such a callback throws afterwards still ends the connection. Throws UsageError on a
    /// lost connection; the default always: this transport cannot.
    virtual Handover hand_over(std::shared_ptr<Protocol> next);

protected:
    ~Transport() = default;
};

}  // namespace plait

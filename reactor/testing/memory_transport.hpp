// MemoryTransport: a connection with no network, for tests of one Protocol: read what it wrote, deliver what it should
// see, cut it off. Two protocols are joined by memory_network.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "plait/reactor/protocol.hpp"
#include "plait/reactor/transport.hpp"

namespace plait::testing {

/// A Transport in memory.
///
///     auto protocol = std::make_shared<Echo>();
///     MemoryTransport transport(protocol);        // calls connection_made()
///     transport.deliver("hello");
///     BOOST_TEST(transport.written() == "hello");
///
/// Destroying it loses the connection (ConnectionAborted) if nobody did; allowed from the protocol's callbacks.
/// Source: StringTransport of Twisted.
class MemoryTransport final : public Transport {
public:
    explicit MemoryTransport(std::shared_ptr<Protocol> protocol);
    MemoryTransport(std::shared_ptr<Protocol> protocol, Address host, Address peer);
    ~MemoryTransport();

    /// What the protocol wrote since the last `take_written()`.
    const std::string& written() const noexcept;
    /// The same, or the front of it, and takes it out of the buffer: who waits for room goes on.
    std::string take_written(std::size_t at_most = std::string::npos);
    /// True: what is written counts as sent at once. False, the default: as waiting until it is taken.
    void set_accepting(bool accepting);

    /// Hands bytes to the protocol. While it is paused they are held, in order, and delivered by `deliver_held()` or
    /// the next `deliver()` after it resumed. Without effect once it has closed the connection.
    void deliver(std::string_view bytes);
    void deliver(Bytes bytes);
    void deliver(const char* text) { deliver(std::string_view(text)); }
    void deliver_held();

    /// What a reactor does at the end of a turn: delivers what is held, and tells who waits for room if there is some,
    /// because the water marks were moved. Returns whether anything came of it.
    bool end_turn();

    /// The peer closes its direction; held like bytes while the protocol is paused.
    void deliver_end();

    /// The connection ends for `reason`: connection_lost is called, once.
    void lose(const Failure& reason);
    /// The same with ConnectionDone, ConnectionLost.
    void lose_cleanly();
    void lose_broken();

    /// What time-outs are measured by; it must outlive the connection.
    void set_clock(Clock& clock);

    bool reading_paused() const noexcept;
    bool has_producer() const noexcept;
    bool aborted() const noexcept;
    bool write_closed() const noexcept;
    bool lost() const noexcept;
    /// What connection_lost was told; none before.
    std::optional<Failure> reason() const;

    void write(Bytes data) override;
    void write(std::string_view text) override;
    using Transport::write;
    void write_sequence(std::span<const Bytes> pieces) override;
    /// Only recorded (`disconnecting()`); end it with `lose_cleanly()`.
    void lose_connection() override;
    /// Only recorded (`write_closed()`).
    void lose_write_connection() override;
    /// Only recorded (`aborted()`, `disconnecting()`); end it with `lose()`.
    void abort_connection() override;
    bool disconnecting() const noexcept override;
    void pause_producing() override;
    void resume_producing() override;
    void register_producer(Producer& producer) override;
    void unregister_producer() override;
    void set_write_watermarks(std::size_t low, std::size_t high) override;
    std::size_t write_buffered() const noexcept override;
    Deferred<> drained() override;
    Handover hand_over(std::shared_ptr<Protocol> next) override;
    Address host() const override;
    Address peer() const override;
    void set_no_delay(bool) override {}
    void set_keep_alive(bool) override {}
    void set_keep_alive(const KeepAlive&) override {}
    std::uint64_t bytes_received() const noexcept override;
    /// What was taken, or counted as sent at once.
    std::uint64_t bytes_sent() const noexcept override;
    /// Both need `set_clock()`; set before it, they begin with it.
    void set_idle_timeout(Duration limit) override;
    void set_write_timeout(Duration limit) override;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace plait::testing

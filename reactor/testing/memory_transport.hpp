// MemoryTransport: a connection with no network, for tests of one Protocol: read what it wrote, deliver what it should
// see, cut it off. Two protocols are joined by memory_network.hpp.
#pragma once

#include <memory>
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
/// Destroying it loses the connection (ConnectionAborted) if nobody did.
/// Source: StringTransport of Twisted.
class MemoryTransport final : public Transport {
public:
    explicit MemoryTransport(std::shared_ptr<Protocol> protocol);
    ~MemoryTransport();

    /// What the protocol wrote since the last `take_written()`.
    const std::string& written() const noexcept { return written_; }
    /// The same, and empties the buffer: a Producer or `drained()` waiting for room goes on.
    std::string take_written();
    /// Leaves writes in `written()` but counts them as unsent (the default) or as sent at once.
    void set_accepting(bool accepting);

    /// Hands bytes to the protocol. While it is paused they are held, in order, and delivered by `resume_producing`'s
    /// next `deliver()` or `deliver_held()`.
    void deliver(std::string_view bytes);
    void deliver(Bytes bytes);
    void deliver_held();

    /// The peer closes its direction.
    void deliver_end();

    /// The connection ends for `reason`: connection_lost is called, once.
    void lose(const Failure& reason);
    /// The same with ConnectionDone, ConnectionLost.
    void lose_cleanly();
    void lose_broken();

    bool reading_paused() const noexcept { return paused_; }
    bool lost() const noexcept { return lost_; }
    bool aborted() const noexcept { return aborted_; }
    bool write_closed() const noexcept { return write_closed_; }

    void write(Bytes data) override;
    void write(std::string_view text) override;
    using Transport::write;
    void write_sequence(std::span<const Bytes> pieces) override;
    /// Only recorded (`disconnecting()`); end it with `lose_cleanly()`.
    void lose_connection() override;
    void lose_write_connection() override;
    /// Only recorded (`aborted()`, `disconnecting()`); end it with `lose()`.
    void abort_connection() override;
    bool disconnecting() const noexcept override { return disconnecting_; }
    void pause_producing() override { paused_ = true; }
    void resume_producing() override { paused_ = false; }
    void register_producer(Producer& producer) override;
    void unregister_producer() override;
    void set_write_watermarks(std::size_t low, std::size_t high) override;
    std::size_t write_buffered() const noexcept override;
    Deferred<> drained() override;
    Address host() const override { return {"10.0.0.1", 12345}; }
    Address peer() const override { return {"192.168.1.1", 54321}; }
    void set_no_delay(bool) override {}
    void set_keep_alive(bool) override {}

private:
    std::shared_ptr<Protocol> protocol_;
    std::string written_;
    bool paused_ = false;
    bool lost_ = false;
    bool aborted_ = false;
    bool disconnecting_ = false;
    bool write_closed_ = false;
};

}  // namespace plait::testing

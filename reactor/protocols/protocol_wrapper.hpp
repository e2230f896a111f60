// ProtocolWrapper: stands between a Protocol and its transport, and passes everything on, both ways. WrappingFactory:
// puts one around each protocol of another factory. Not policies themselves: throttling.hpp, connection_limits.hpp,
// timeout_factory.hpp and traffic_log.hpp, beside this, are.
#pragma once

#include <memory>

#include "plait/reactor/protocol.hpp"
#include "plait/reactor/transport.hpp"

namespace plait {

/// A Protocol to the transport below, a Transport to the protocol it wraps. Derive from it, override what is to be
/// different, and call the base's member to pass a thing on. As it is, the wrapped protocol cannot tell that it is
/// wrapped, but for what goes beyond a Transport and does not reach through it: tls_transport() finds nothing,
/// descriptors of UNIX connections are not handed on. After start_tls() above it, it sees what is encrypted: to see the
/// rest, wrap what stands on TLS.
///
/// Lifetime: holds the wrapped protocol until its connection_lost() has returned. Either may be destroyed from the
///           wrapped one's callbacks.
/// Source:   ProtocolWrapper of Twisted.
class ProtocolWrapper : public Protocol, public Transport {
public:
    /// Throws std::invalid_argument for null.
    explicit ProtocolWrapper(std::shared_ptr<Protocol> wrapped);
    ~ProtocolWrapper() override;

    /// Null once the connection is lost.
    const std::shared_ptr<Protocol>& wrapped() const noexcept { return wrapped_; }

    // The one is Transport's, the other what transports call on a Protocol.
    void lose_connection() override;
    using Protocol::lose_connection;

    // What comes from below.
    void connection_made() override;
    void data_received(const Bytes& data) override;
    void read_connection_lost() override;
    void connection_lost(const Failure& reason) override;
    const Protocol& described() const noexcept override;

    // What comes from above.
    void write(Bytes data) override;
    void write(std::string_view text) override;
    using Transport::write;
    void write_sequence(std::span<const Bytes> pieces) override;
    void lose_write_connection() override;
    void abort_connection() override;
    bool disconnecting() const noexcept override;
    void pause_producing() override;
    void resume_producing() override;
    void register_producer(Producer& producer) override;
    void unregister_producer() override;
    void set_write_watermarks(std::size_t low, std::size_t high) override;
    std::size_t write_buffered() const noexcept override;
    Deferred<> drained() override;
    /// The wrapped protocol is exchanged, and this stays: start_tls() works above it.
    Handover hand_over(std::shared_ptr<Protocol> next) override;
    Address host() const override;
    Address peer() const override;
    void set_no_delay(bool on) override;
    void set_keep_alive(bool on) override;
    void set_keep_alive(const KeepAlive& times) override;
    std::uint64_t bytes_received() const noexcept override;
    std::uint64_t bytes_sent() const noexcept override;
    void set_idle_timeout(Duration limit) override;
    void set_write_timeout(Duration limit) override;

private:
    std::shared_ptr<Protocol> wrapped_;
};

/// Builds what another factory builds, each in a wrapper. The other one is started and stopped with it: an override of
/// start_factory() or stop_factory() calls the base's.
///
/// Lifetime: wrappers may outlive it.
/// Source:   WrappingFactory of Twisted.
class WrappingFactory : public Factory {
public:
    /// Throws std::invalid_argument for null.
    explicit WrappingFactory(std::shared_ptr<Factory> wrapped);
    ~WrappingFactory() override;

    /// Null when the wrapped factory says null.
    std::shared_ptr<Protocol> build_protocol(const Address& peer) override;
    void start_factory() override;
    void stop_factory() override;

protected:
    virtual std::shared_ptr<Protocol> wrap(std::shared_ptr<Protocol> protocol, const Address& peer) = 0;

private:
    std::shared_ptr<Factory> wrapped_;
};

}  // namespace plait

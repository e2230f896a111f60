// TlsConnection: the Protocol that speaks TLS to the transport below, and the Transport that the protocol above sees.
// Not the bytes of TLS, which are TlsEngine's, nor those that wait to become such, which are TlsOutbox's.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/detail/flow_control.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/tls_engine.hpp"
#include "plait/reactor/detail/tls_outbox.hpp"
#include "plait/reactor/tls.hpp"

namespace plait::detail {

/// One connection over TLS.
///
///     handshake --> open -- lose_connection --> closing: our close-notify goes out, theirs is waited for
///         |           |                             |
///         +-----------+----- failure, abort --------+--> the transport below is closed --> connection_lost(reason)
///
/// Every end comes by the way of the transport below: the protocol above is told from its connection_lost, so never
/// inside a call of ours and never twice.
///
/// What is written is encrypted at the end of the turn; while a message of TLS itself is half here, when the rest of it
/// has come.
///
/// Lifetime: shared by the transport below; keeps itself while it runs anybody's code.
class TlsConnection final : public Protocol,
                            public TlsTransport,
                            public std::enable_shared_from_this<TlsConnection>,
                            private Flushable {
public:
    using Established = std::shared_ptr<Protocol>;

    TlsConnection(Clock& clock, std::shared_ptr<const TlsContext> context, const TlsPeer& peer,
                  std::shared_ptr<Protocol> above, TlsTimes times);
    ~TlsConnection() override = default;

    /// Takes over `transport` from the protocol it has; see start_tls.
    void start_on(Transport& transport, Bytes received);

    /// Fires with the protocol above once it is connected, or fails with why that came to nothing; perhaps at once.
    /// Cancel: aborts the connection.
    Deferred<Established> established();

    /// Called when the handshake fails and there is nobody else to be told.
    void on_handshake_failed(UniqueFunction<void(const Failure&)> call) { handshake_failed_ = std::move(call); }

    // What the transport below tells.
    void connection_made() override;
    void data_received(const Bytes& data) override;
    void read_connection_lost() override;
    void connection_lost(const Failure& reason) override;
    const Protocol& described() const noexcept override { return above_ == nullptr ? *this : above_->described(); }

    // What the protocol above asks for.
    void write(Bytes data) override;
    void write(std::string_view text) override;
    using Transport::write;
    void write_sequence(std::span<const Bytes> pieces) override;
    void lose_connection() override;
    void lose_write_connection() override;
    void abort_connection() override;
    bool disconnecting() const noexcept override { return closing_ || ending() || gone_; }
    void pause_producing() override;
    void resume_producing() override;
    void register_producer(Producer& producer) override;
    void unregister_producer() override;
    void set_write_watermarks(std::size_t low, std::size_t high) override;
    std::size_t write_buffered() const noexcept override { return out_.size() + below().write_buffered(); }
    Deferred<> drained() override;
    Handover hand_over(std::shared_ptr<Protocol> next) override;
    Address host() const override { return below().host(); }
    Address peer() const override { return below().peer(); }
    void set_no_delay(bool on) override { below().set_no_delay(on); }
    void set_keep_alive(bool on) override { below().set_keep_alive(on); }
    void set_keep_alive(const KeepAlive& times) override { below().set_keep_alive(times); }
    void set_idle_timeout(Duration limit) override { below().set_idle_timeout(limit); }
    void set_write_timeout(Duration limit) override { below().set_write_timeout(limit); }
    std::uint64_t bytes_received() const noexcept override { return received_; }
    std::uint64_t bytes_sent() const noexcept override { return out_.sent(); }
    TlsInfo tls() const override;
    std::optional<TlsCertificate> peer_certificate() const override;

private:
    Transport& below() const noexcept { return Protocol::transport(); }
    /// It has been decided that the connection ends at once, and why.
    bool ending() const noexcept { return aborting_ || reason_.has_value(); }
    bool takes_writes() const noexcept;

    void begin();
    void flush() noexcept override { send(); }
    void after_queueing();
    void need_send();
    void ask_for_flush();
    void send() noexcept;
    void encrypt(std::size_t window);
    void wait_for_message();
    void tell_who_waits();
    void wait_for_room();
    void close_what_is_due();
    void close_below();
    void watch_closing();
    void closing_overdue();

    void receive();
    void shake_hands();
    void completed();
    void complete_message();
    bool read_some();
    void answer();
    void peer_ended();
    void receive_soon();
    void update_reading();

    template <typename F>
    bool guarded(F&& call) noexcept;
    void fail(const Failure& reason) noexcept;
    std::string who() const { return engine_.who(peer().str()); }
    Failure final_reason(const Failure& below) const;
    void tell_of_the_end(const Failure& reason) noexcept;

    Clock& clock_;
    ReactorCore* core_;  ///< where the clock is a reactor: it has ends of turns
    TlsEngine engine_;
    std::shared_ptr<Protocol> above_;
    TlsOutbox out_;
    FlowControl flow_;
    TlsTimes times_;

    bool above_made_ = false;
    bool open_ = false;    ///< the handshake is done
    bool inside_ = false;  ///< send() comes before we return to the transport below
    bool send_wanted_ = false;
    bool held_up_ = false;  ///< send() waits for the rest of a message of TLS
    bool paused_ = false;
    bool below_paused_ = false;
    bool read_ended_ = false;    ///< the peer's close-notify, or its end while we close
    bool ending_write_ = false;  ///< lose_write_connection was called
    bool write_ended_ = false;   ///< our close-notify is out
    bool closing_ = false;
    bool aborting_ = false;
    bool below_closing_ = false;
    bool gone_ = false;

    std::size_t owed_ = 0;  ///< bytes of answers to the peer's own doing since the transport below was empty
    std::uint64_t received_ = 0;
    std::size_t level_before_ = 0;  ///< when watch_closing() looked last

    Deferred<> room_;  ///< while waiting for the transport below
    DelayedCall flush_soon_;
    DelayedCall receive_soon_;
    DelayedCall timer_;  ///< the handshake's, later the closing's
    Promise<Established> established_;
    UniqueFunction<void(const Failure&)> handshake_failed_;
    std::optional<Failure> reason_;
};

}  // namespace plait::detail

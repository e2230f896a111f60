// StreamConnection: the Transport over connected descriptors: a socket, a terminal, a pair of pipes. Not the way there:
// connecting, accepting and adopting hand it its ends.
#pragma once

#include <memory>
#include <optional>

#include "plait/reactor/detail/file_ends.hpp"
#include "plait/reactor/detail/flow_control.hpp"
#include "plait/reactor/detail/io_watch.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/stream_ends.hpp"
#include "plait/reactor/detail/transport_timeouts.hpp"
#include "plait/reactor/detail/write_queue.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

/// One connection.
///
///                  lose_connection                queue empty, no producer
///     open ------------------------> closing ----------------------------> lost (ConnectionDone)
///      | lose_write_connection, peer's end: one direction each; both together are the end too
///      +-- abort, error, exception from the protocol, reactor destroyed --> lost (that reason)
///
/// Transport calls only note what is wanted. Everything that can end the connection happens in `flush()` at the end of
/// the turn, or in an event's turn: so connection_lost never runs inside a call of ours.
///
/// Sockets are read and written here without any call in between; for other kinds there are two virtual functions.
///
/// Lifetime: from begin() on owns itself until lost, and is destroyed at the end of the turn in which it was; keeps the
/// protocol until
///           then.
class StreamConnection : public Transport,
                         public Doomed,
                         private EventHandler,
                         private Flushable,
                         private Resource,
                         private FileEndsOwner {
public:
    /// Takes over open, non-blocking descriptors and calls the protocol's connection_made(). Precondition: in a turn.
    /// Returns: why it has ended already, if connection_made() threw.
    static std::optional<Failure> start(ReactorCore& core, StreamEnds ends, Address host, Address peer,
                                        std::shared_ptr<Protocol> protocol);

    /// The same in two steps, for who has to have several or none: the next one is `release()->begin()`, which cannot
    /// fail. Until then nobody knows of it, and destroying it closes its descriptors.
    static std::unique_ptr<StreamConnection> prepare(ReactorCore& core, StreamEnds ends, Address host, Address peer,
                                                     std::shared_ptr<Protocol> protocol);
    /// Calls connection_made(); once. From here on it owns itself. Returns: as start().
    std::optional<Failure> begin() noexcept;

    ~StreamConnection() override = default;

    void write(Bytes data) override;
    void write(std::string_view text) override;
    using Transport::write;
    void write_sequence(std::span<const Bytes> pieces) override;
    void lose_connection() override;
    void lose_write_connection() override;
    void abort_connection() override;
    bool disconnecting() const noexcept override { return closing_ || aborting_ || lost_; }
    void pause_producing() override;
    void resume_producing() override;
    void register_producer(Producer& producer) override;
    void unregister_producer() override;
    void set_write_watermarks(std::size_t low, std::size_t high) override;
    std::size_t write_buffered() const noexcept override { return queue_.size(); }
    Deferred<> drained() override;
    Handover hand_over(std::shared_ptr<Protocol> next) override;
    Address host() const override { return host_; }
    Address peer() const override { return peer_; }
    void set_no_delay(bool on) override;
    void set_keep_alive(bool on) override;
    void set_keep_alive(const KeepAlive& times) override;
    std::uint64_t bytes_received() const noexcept override { return received_; }
    std::uint64_t bytes_sent() const noexcept override { return queue_.sent(); }
    void set_idle_timeout(Duration limit) override;
    void set_write_timeout(Duration limit) override;

protected:
    StreamConnection(ReactorCore& core, StreamEnds ends, Address host, Address peer,
                     std::shared_ptr<Protocol> protocol);

    /// For every kind but `socket`: as recv, and as WriteQueue::send_to. May run the protocol by way of `guarded`, but
    /// nothing else that ends the connection.
    virtual ssize_t read_some(std::span<char> room) noexcept;
    virtual int write_some(WriteQueue& queue) noexcept;
    /// The queue is empty and the connection is to be closed in good order; what else that would lose.
    virtual std::optional<Failure> lost_by_closing() const { return std::nullopt; }
    /// `out`, which is no socket, was closed; the reading goes on.
    virtual void out_closed() noexcept {}
    /// `out` was closed, and `in` will be; called once, before the protocol is told.
    virtual void ends_closing() noexcept {}

    int fd() const noexcept { return fd_.get(); }
    Protocol& protocol() noexcept { return *protocol_; }
    bool lost() const noexcept { return lost_; }
    bool takes_writes() const noexcept;
    void need_flush() noexcept;
    template <typename F>
    bool guarded(F&& call) noexcept {
        try {
            std::forward<F>(call)();
        } catch (...) {
            finish(Failure::current());
        }
        return !lost_;
    }
    void finish(const Failure& reason) noexcept;

private:
    void event_ready(IOFlags flags) noexcept override;
    void flush() noexcept override;
    void reactor_destroyed() noexcept override;
    void reactor_stopped() noexcept override;
    std::string describe() const override;
    std::size_t bytes_queued() const noexcept override { return queue_.size(); }
    void end_ready(IOFlags flags) noexcept override;
    void reader_gone() noexcept override;

    bool over_socket() const noexcept { return kind_ == StreamEnds::Kind::socket; }
    bool has_socket() const noexcept { return files_ == nullptr; }
    bool wants_input() const noexcept { return !paused_ && !read_ended_ && !closing_ && !aborting_ && !lost_; }
    void after_queueing();
    void receive() noexcept;
    void peer_ended() noexcept;
    void send_queued() noexcept;
    void rest() noexcept;
    void close_what_is_due() noexcept;
    void update_watch() noexcept;
    TransportTimeouts& timeouts();
    void timed_out(const std::string& what) noexcept;
    void end_writing() noexcept;
    void broken(int error) noexcept;
    void read_what_is_left() noexcept;
    void finish_done() noexcept;

    // What every event touches stands together; the rest is behind it.
    ReactorCore& core_;
    UniqueFd fd_;
    StreamEnds::Kind kind_;
    bool kernel_full_ = false;  ///< the rest of the queue waits for the socket to become writable
    bool paused_ = false;
    bool read_ended_ = false;    ///< by the peer
    bool ending_write_ = false;  ///< lose_write_connection was called
    bool write_ended_ = false;   ///< and carried out
    bool closing_ = false;
    bool aborting_ = false;
    bool lost_ = false;
    std::optional<IOWatch> watch_;     ///< of a socket
    std::unique_ptr<FileEnds> files_;  ///< of what is none
    std::shared_ptr<Protocol> protocol_;
    WriteQueue queue_;
    FlowControl flow_;
    std::uint64_t received_ = 0;

    Address host_;
    Address peer_;
    std::optional<Failure> reason_;
    std::unique_ptr<TransportTimeouts> timeouts_;  ///< none until asked for
    DelayedCall resting_;                          ///< the system is out of memory for what we send
};

}  // namespace plait::detail

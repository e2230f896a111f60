// DatagramSocket: the working half of a datagram port, UDP or UNIX: it reads, sends, and outlives the port's destructor
// by the rest of a turn. Not what users hold: that is DatagramPort.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "plait/reactor/datagram.hpp"
#include "plait/reactor/detail/datagram_queue.hpp"
#include "plait/reactor/detail/empty_wake_ups.hpp"
#include "plait/reactor/detail/flow_control.hpp"
#include "plait/reactor/detail/io_watch.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

/// Who holds a DatagramSocket, and is told when it is gone.
class DatagramSocketOwner {
public:
    virtual void socket_gone() noexcept = 0;

protected:
    ~DatagramSocketOwner() = default;
};

struct DatagramLimits {
    std::size_t most_received;
    std::size_t most_queued;
};

/// Throws std::invalid_argument for limits that make no sense, naming `options`.
DatagramLimits checked_limits(std::size_t most_received, std::size_t most_queued, const std::string& options);

/// "UDP port", "UNIX datagram port"
const char* kind_of_port(int family) noexcept;

/// Lifetime: owns itself. After stop() it calls nothing but stop_protocol(), at the end of the turn, in which it is
///           destroyed.
class DatagramSocket final : public Doomed, private EventHandler, private Flushable, private Resource {
public:
    DatagramSocket(ReactorCore& core, UniqueFd fd, int family, DatagramLimits limits,
                   std::shared_ptr<DatagramProtocol> protocol, DatagramSocketOwner& owner);
    ~DatagramSocket() override = default;

    int fd() const noexcept { return fd_.get(); }
    int family() const noexcept { return family_; }
    const Address& host() const noexcept { return host_; }
    bool connected() const noexcept { return peer_.has_value(); }
    /// Precondition: connected.
    const Address& peer() const noexcept { return *peer_; }
    /// Returns: 0, or the errno of what failed.
    int connect(const SocketAddress& peer);

    /// See DatagramTransport; the address is checked.
    bool write(Bytes data, const SocketAddress& to);
    std::size_t write_buffered() const noexcept { return queue_.size(); }
    Deferred<> drained();
    const DatagramTransport::Counters& counters() const noexcept { return counters_; }

    void stop() noexcept;
    Deferred<> close();

private:
    enum class State : unsigned char { opened, started, closing, stopped };

    void event_ready(IOFlags flags) noexcept override;
    void flush() noexcept override;
    void reactor_destroyed() noexcept override;
    std::string describe() const override;
    std::size_t bytes_queued() const noexcept override { return queue_.size(); }

    bool receives() const noexcept { return state_ == State::started; }
    bool sends() const noexcept { return state_ != State::stopped; }
    bool over_unix() const noexcept;
    std::string name() const;
    void start() noexcept;
    void receive() noexcept;
    int receive_batch() noexcept;
    int receive_large() noexcept;
    void deliver(const Bytes& data, std::size_t size, const sockaddr_storage& from, socklen_t from_size) noexcept;
    const Address& address_of(const sockaddr_storage& from, socklen_t size);
    void receive_failed(int error) noexcept;
    void send_queued() noexcept;
    bool wait_for_receiver() noexcept;
    bool send_refused(int error) noexcept;
    std::string why_refused(int error) const;
    DatagramQueue::Sent send_some() noexcept;
    void count_dropped(std::size_t count, std::size_t bytes) noexcept;
    void rest() noexcept;
    void update_watch() noexcept;
    void went_away(int error) noexcept;
    void end() noexcept;
    void finish() noexcept;

    ReactorCore& core_;
    UniqueFd fd_;
    int family_;
    State state_ = State::opened;
    bool told_start_ = false;
    bool kernel_full_ = false;  ///< the rest of the queue waits for the socket to become writable
    bool retried_ = false;      ///< the first datagram of the queue was, after an error that was not its own
    int rests_ = 0;             ///< for the first datagram of the queue, whose receiver is full
    std::size_t most_received_;
    std::optional<IOWatch> watch_;
    std::shared_ptr<DatagramProtocol> protocol_;
    DatagramSocketOwner* owner_;  ///< null once stopped
    DatagramQueue queue_;
    FlowControl flow_;
    EmptyWakeUps empty_wake_ups_;
    DelayedCall resting_;                       ///< the system is out of memory for what we send, or a receiver is
    TimePoint hurry_until_ = TimePoint::min();  ///< one was not worth it: until then there are none
    Address host_;
    SocketAddress connected_to_;
    std::optional<Address> peer_;
    std::optional<Promise<>> closed_;
    std::optional<Failure> reason_;  ///< none if it was us who stopped it
    DatagramTransport::Counters counters_;
    SocketAddress last_from_;  ///< as in last_address_: most datagrams come from who sent the one before
    Address last_address_;
};

}  // namespace plait::detail

// OpenDatagramPort: what the ports of both kinds, UDP and UNIX, do alike: the handle that users hold, over a
// DatagramSocket. It opens no socket.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/errors.hpp"
#include "plait/reactor/detail/datagram_socket.hpp"
#include "plait/reactor/detail/socket.hpp"

namespace plait::detail {

/// Implements `Interface`, a DatagramPort.
/// Lifetime: what derives from it calls stop_listening() in its destructor, if it overrides socket_gone().
template <typename Interface>
class OpenDatagramPort : public Interface, protected DatagramSocketOwner {
public:
    OpenDatagramPort(ReactorCore& core, UniqueFd fd, int family, DatagramLimits limits,
                     const std::shared_ptr<DatagramProtocol>& protocol)
        : family_(family),
          socket_(new DatagramSocket(core, std::move(fd), family, limits, protocol, *this)),
          protocol_(protocol) {
        protocol->make_connection(this);
    }
    ~OpenDatagramPort() override { OpenDatagramPort::stop_listening(); }

    using Interface::write;
    bool write(Bytes data, const Address& to) override {
        if (socket_ == nullptr) return false;
        if (socket_->connected()) {
            if (to != socket_->peer() && to != connected_to_)
                throw InvalidState(a_port() + " connected to " + socket_->peer().str() + " cannot send to " + to.str());
            return write(std::move(data));
        }
        if (to != last_to_ || last_destination_.size == 0) {  // most go where the one before went
            last_destination_ = destination(to);
            last_to_ = to;
        }
        check_length(data.size(), to);
        return socket_->write(std::move(data), last_destination_);
    }
    bool write(Bytes data) override {
        if (socket_ == nullptr) return false;
        if (!socket_->connected()) throw InvalidState(a_port() + " that is not connected was not told where to send");
        check_length(data.size(), socket_->peer());
        return socket_->write(std::move(data), SocketAddress());
    }

    void connect(const Address& peer) override {
        if (socket_ == nullptr) return;
        if (const int error = socket_->connect(destination(peer)); error != 0)
            throw DatagramRefused("cannot connect " + a_port() + " to " + peer.str() + ": " + error_text(error));
        connected_to_ = peer;  // which may be another path to what calls itself peer()
    }

    std::size_t write_buffered() const noexcept override { return socket_ != nullptr ? socket_->write_buffered() : 0; }
    Deferred<> drained() override { return socket_ != nullptr ? socket_->drained() : fail(stopped()); }
    Address host() const override { return socket_ != nullptr ? socket_->host() : last_host_; }
    DatagramTransport::Counters counters() const noexcept override {
        return socket_ != nullptr ? socket_->counters() : last_counters_;
    }

    void stop_listening() override {
        if (socket_ != nullptr) socket_->stop();
    }
    Deferred<> close() override { return socket_ != nullptr ? socket_->close() : succeed(); }

protected:
    /// `to` in the kernel's form. Throws BadDatagramAddress.
    virtual SocketAddress destination(const Address& to) const = 0;
    /// Throws DatagramTooLong if no datagram can be that long.
    virtual void check_length(std::size_t, const Address&) const {}

    ConnectionDone stopped() const {
        return ConnectionDone("the " + std::string(kind_of_port(family_)) + " is stopped");
    }
    /// Null once stopped.
    const DatagramSocket* socket() const noexcept { return socket_; }
    int family() const noexcept { return family_; }

    void socket_gone() noexcept override {
        last_counters_ = socket_->counters();
        last_host_ = socket_->host();
        socket_ = nullptr;
        if (const auto protocol = protocol_.lock()) protocol->make_connection(nullptr);
    }

private:
    std::string a_port() const { return std::string("a ") + kind_of_port(family_); }

    int family_;
    DatagramSocket* socket_;  // owns itself; null once stopped
    std::weak_ptr<DatagramProtocol> protocol_;
    DatagramTransport::Counters last_counters_;
    Address last_host_;
    Address last_to_;
    Address connected_to_;
    SocketAddress last_destination_;
};

}  // namespace plait::detail

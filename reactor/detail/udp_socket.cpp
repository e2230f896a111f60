#include "plait/reactor/detail/udp_socket.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/socket.hpp"

namespace plait::detail {
namespace {

constexpr int reads_a_turn = 4;
constexpr std::size_t most_a_read = 32;
constexpr Duration rest_when_exhausted = std::chrono::milliseconds(10);

/// An IPv4 peer of a port that serves both kinds is shown, and answered, as what it is.
Address plain_address(const sockaddr_storage& from) {
    const auto* any = reinterpret_cast<const sockaddr*>(&from);
    if (any->sa_family != AF_INET6) return to_address(any);
    const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(&from);
    if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return to_address(any);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = v6.sin6_port;
    std::memcpy(&v4.sin_addr, v6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
    return to_address(reinterpret_cast<const sockaddr*>(&v4));
}

}  // namespace

UdpSocket::UdpSocket(ReactorCore& core, UniqueFd fd, int family, const UdpOptions& options,
                     std::shared_ptr<DatagramProtocol> protocol, UdpSocketOwner& owner)
    : core_(core),
      fd_(std::move(fd)),
      family_(family),
      most_received_(options.most_received),
      protocol_(std::move(protocol)),
      owner_(&owner),
      queue_(options.most_queued) {
    watch_.emplace(core_.iops(), fd_.get(), static_cast<EventHandler&>(*this));
    core_.add_resource(*this);
    core_.queue_flush(*this);  // that turn starts the protocol
}

// --- what the protocol asks for

int UdpSocket::connect(const SocketAddress& peer) {
    if (::connect(fd_.get(), peer.get(), peer.size) != 0) return errno;
    peer_ = plain_address(peer.storage);
    return 0;
}

bool UdpSocket::write(Bytes data, const SocketAddress& to) {
    if (state_ != State::stopped && state_ != State::closing && queue_.push(std::move(data), to)) {
        if (!kernel_full_) core_.queue_flush(*this);
        return true;
    }
    ++counters_.dropped;
    return false;
}

Deferred<> UdpSocket::drained() {
    return flow_.drained(queue_.size());
}

void UdpSocket::stop() noexcept {
    if (state_ == State::stopped) return;
    if (!kernel_full_ && !resting_.active()) counters_.sent += queue_.send(fd_.get()).count;
    counters_.dropped += queue_.count();
    queue_.clear();
    state_ = State::stopped;
    if (owner_ != nullptr) std::exchange(owner_, nullptr)->socket_gone();
    resting_.cancel();
    watch_.reset();
    fd_.reset();
    core_.queue_flush(*this);
}

Deferred<> UdpSocket::close() {
    if (closed_) return fail(InvalidState("a UDP port was closed twice"));
    auto [deferred, promise] = make_deferred([this] { stop(); });
    closed_ = std::move(promise);
    if (state_ != State::stopped) {
        state_ = State::closing;
        update_watch();
        if (!kernel_full_) core_.queue_flush(*this);
    }
    return std::move(deferred);
}

// --- what the loop reports

void UdpSocket::event_ready(IOFlags flags) noexcept {
    const ReactorCore::Turn turn(core_);
    if (any(flags & (IOFlags::read | IOFlags::error)) && receives()) receive();
    if (any(flags & (IOFlags::write | IOFlags::error)) && sends()) send_queued();
}

void UdpSocket::receive() noexcept {
    for (int reads = 0; reads < reads_a_turn && receives(); ++reads) {
        const bool large = core_.read_blocks().room().size() < most_received_;
        const int error = large ? receive_large() : receive_batch();
        if (error == EAGAIN || error == EINTR) return;
        if (error != 0) receive_failed(error);
    }
}

/// Returns: EAGAIN when there is no more to be had for now.
int UdpSocket::receive_batch() noexcept {
    const std::span<char> room = core_.read_blocks().room();
    const std::size_t count = std::min(room.size() / most_received_, most_a_read);
    std::array<mmsghdr, most_a_read> messages;
    std::array<iovec, most_a_read> vectors;
    std::array<sockaddr_storage, most_a_read> from;
    for (std::size_t i = 0; i < count; ++i) {
        vectors[i] = {room.data() + i * most_received_, most_received_};
        messages[i] = {};
        messages[i].msg_hdr.msg_name = &from[i];
        messages[i].msg_hdr.msg_namelen = sizeof from[i];
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int got =
        ::recvmmsg(fd_.get(), messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_TRUNC, nullptr);
    if (got < 0) return errno;
    const auto received = static_cast<std::size_t>(got);
    const Bytes all = core_.read_blocks().take(received * most_received_);
    for (std::size_t i = 0; i < received && receives(); ++i) {
        const std::size_t size = messages[i].msg_len;
        deliver(all.slice(i * most_received_, std::min(size, most_received_)), size, from[i],
                messages[i].msg_hdr.msg_namelen);
    }
    return received < count ? EAGAIN : 0;
}

/// The pool's room is too small for one: slices of its block are kept.
int UdpSocket::receive_large() noexcept {
    int error = 0;
    contain([&] {
        std::string room(most_received_, '\0');
        sockaddr_storage from;
        socklen_t from_size = sizeof from;
        const ssize_t got = ::recvfrom(fd_.get(), room.data(), room.size(), MSG_DONTWAIT | MSG_TRUNC,
                                       reinterpret_cast<sockaddr*>(&from), &from_size);
        if (got < 0) {
            error = errno;
            return;
        }
        const auto size = static_cast<std::size_t>(got);
        room.resize(std::min(size, room.size()));
        deliver(Bytes::copy(room), size, from, from_size);
    });
    return error;
}

void UdpSocket::deliver(const Bytes& data, std::size_t size, const sockaddr_storage& from,
                        socklen_t from_size) noexcept {
    const std::shared_ptr<DatagramProtocol> protocol = protocol_;
    const bool whole = size <= most_received_;
    contain([&] {
        const Address address = address_of(from, from_size);
        if (connected() && address != peer()) return;  // it came before we were
        ++(whole ? counters_.received : counters_.truncated);
        core_.doing("datagram_received", protocol.get());
        if (whole) {
            protocol->datagram_received(data, address);
        } else {
            protocol->datagram_truncated(data, size, address);
        }
    });
}

const Address& UdpSocket::address_of(const sockaddr_storage& from, socklen_t size) {
    if (size != last_from_.size || std::memcmp(&from, &last_from_.storage, size) != 0) {
        last_address_ = plain_address(from);
        last_from_.size = size;
        std::memcpy(&last_from_.storage, &from, size);
    }
    return last_address_;
}

/// An error that waits at the socket, and is gone with this: nothing to end a port for.
void UdpSocket::receive_failed(int error) noexcept {
    if (error != ECONNREFUSED || !connected()) return;
    const std::shared_ptr<DatagramProtocol> protocol = protocol_;
    contain([&] { protocol->connection_refused(); });
}

// --- sending

void UdpSocket::flush() noexcept {
    if (state_ == State::stopped) return finish();
    if (state_ == State::opened) start();
    if (sends() && !kernel_full_ && !resting_.active()) send_queued();
}

void UdpSocket::start() noexcept {
    state_ = State::started;
    told_start_ = true;
    update_watch();
    const std::shared_ptr<DatagramProtocol> protocol = protocol_;
    contain([&] { protocol->start_protocol(); });
}

void UdpSocket::send_queued() noexcept {
    kernel_full_ = false;
    while (sends()) {
        const DatagramQueue::Sent result = queue_.send(fd_.get());
        counters_.sent += result.count;
        if (result.count > 0) retried_ = false;
        if (result.error == 0) break;
        if (result.error == EAGAIN || result.error == EWOULDBLOCK) {
            kernel_full_ = true;
            break;
        }
        if (result.error == ENOBUFS || result.error == ENOMEM) {
            rest();
            break;
        }
        if (!send_refused(result.error)) break;
    }
    while (sends() && flow_.sent(queue_.size())) {
    }
    if (state_ == State::closing && queue_.empty()) return stop();
    update_watch();
}

/// Returns whether to go on sending.
bool UdpSocket::send_refused(int error) noexcept {
    const std::shared_ptr<DatagramProtocol> protocol = protocol_;
    if (error == ECONNREFUSED && !std::exchange(retried_, true)) {
        // News of an earlier datagram; this one has not been tried.
        if (connected()) contain([&] { protocol->connection_refused(); });
        return sends();
    }
    retried_ = false;
    ++counters_.refused;
    contain([&] {
        const SocketAddress& first = queue_.first_to();
        const Address to = first.size != 0 ? plain_address(first.storage) : peer();
        const std::string size = std::to_string(queue_.first_size());
        queue_.drop_first();
        const std::string hint = error == EACCES ? "; for a broadcast address set UdpOptions::broadcast" : "";
        protocol->send_failed(make_failure(DatagramRefused("a datagram of " + size + " bytes to " + to.str() +
                                                           " was not sent: " + error_text(error) + hint)),
                              to);
    });
    return sends();
}

/// Out of memory for it: unlike a full socket, this does not end with an event.
void UdpSocket::rest() noexcept {
    contain(
        [this] { resting_ = core_.reactor().call_later(rest_when_exhausted, [this] { core_.queue_flush(*this); }); });
}

void UdpSocket::update_watch() noexcept {
    if (!watch_) return;
    const IOFlags read = receives() ? IOFlags::read : IOFlags::none;
    const IOFlags write = kernel_full_ ? IOFlags::write : IOFlags::none;
    watch_->watch(read | write);
}

// --- the end

std::string UdpSocket::describe() const {
    std::string text = "the UDP port " + local_address(fd_.get()).str();
    if (connected()) text += " connected to " + peer().str();
    if (!queue_.empty()) text += ", " + std::to_string(queue_.count()) + " datagrams queued";
    return text;
}

void UdpSocket::reactor_destroyed() noexcept {
    stop();
    finish();
}

void UdpSocket::finish() noexcept {
    ListHook<ResourceTag>::unlink();
    ListHook<FlushTag>::unlink();
    flow_.end(make_failure(ConnectionDone("the UDP port was stopped")));
    if (const std::shared_ptr<DatagramProtocol> protocol = std::move(protocol_)) {
        protocol->make_connection(nullptr);
        if (told_start_) contain([&] { protocol->stop_protocol(); });
    }
    if (closed_) {
        Promise<> closed = *std::exchange(closed_, std::nullopt);
        contain([&] { closed.callback(); });
    }
    core_.destroy_later(std::unique_ptr<Doomed>(this));
}

}  // namespace plait::detail

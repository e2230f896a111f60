#include "plait/reactor/detail/datagram_socket.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/detail/kernel_room.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/detail/unix_address.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::detail {
namespace {

constexpr int reads_a_turn = 4;
constexpr std::size_t most_a_read = 32;
constexpr int most_rests = 3;  // for one receiver that is full, among many
constexpr Duration hurry_after_stuck = std::chrono::seconds(1);

/// What is open under the number is no socket, or nothing is.
bool is_gone(int error) noexcept {
    return error == EBADF || error == ENOTSOCK;
}

/// Empty for a UNIX socket without a name. An IPv4 peer of a port that serves both kinds is shown, and answered, as
/// what it is.
Address plain_address(const sockaddr_storage& from, socklen_t size) {
    if (size == 0) return {};
    const auto* any = reinterpret_cast<const sockaddr*>(&from);
    if (any->sa_family == AF_UNIX) return {unix_path({from, size}), 0};
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

DatagramLimits checked_limits(std::size_t most_received, std::size_t most_queued, const std::string& options) {
    if (most_received == 0 || most_received > 65535)
        throw std::invalid_argument(options + "::most_received has to be 1 to 65535");
    return {most_received, most_queued};
}

const char* kind_of_port(int family) noexcept {
    return family == AF_UNIX ? "UNIX datagram port" : "UDP port";
}

DatagramSocket::DatagramSocket(ReactorCore& core, UniqueFd fd, int family, DatagramLimits limits,
                               std::shared_ptr<DatagramProtocol> protocol, DatagramSocketOwner& owner)
    : core_(core),
      fd_(std::move(fd)),
      family_(family),
      most_received_(limits.most_received),
      protocol_(std::move(protocol)),
      owner_(&owner),
      queue_(limits.most_queued),
      host_(name_of_socket(fd_.get())) {
    watch_.emplace(core_.iops(), fd_.get(), static_cast<EventHandler&>(*this));
    core_.add_resource(*this);
    core_.queue_flush(*this);  // that turn starts the protocol
}

// --- what the protocol asks for

int DatagramSocket::connect(const SocketAddress& peer) {
    if (::connect(fd_.get(), peer.get(), peer.size) != 0) return errno;
    connected_to_ = peer;
    // What comes from a UNIX peer has the name that it gave itself, which may be another path to the same file.
    peer_ = over_unix() ? name_of_peer(fd_.get()) : plain_address(peer.storage, peer.size);
    host_ = name_of_socket(fd_.get());
    return 0;
}

bool DatagramSocket::over_unix() const noexcept {
    return family_ == AF_UNIX;
}

std::string DatagramSocket::name() const {
    return std::string("the ") + kind_of_port(family_) + " " + host_.str();
}

bool DatagramSocket::write(Bytes data, const SocketAddress& to) {
    const std::size_t size = data.size();
    if (state_ != State::stopped && state_ != State::closing && queue_.push(std::move(data), to)) {
        if (!kernel_full_) core_.queue_flush(*this);
        return true;
    }
    ++counters_.dropped;
    count_dropped(1, size);
    return false;
}

Deferred<> DatagramSocket::drained() {
    return flow_.drained(queue_.size());
}

void DatagramSocket::stop() noexcept {
    if (state_ == State::stopped) return;
    if (!kernel_full_ && !resting_.active()) {
        if (is_gone(send_some().error)) static_cast<void>(fd_.release());
    }
    end();
}

Deferred<> DatagramSocket::close() {
    if (closed_) return fail(InvalidState(name() + " was closed twice"));
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

void DatagramSocket::event_ready(IOFlags flags) noexcept {
    const ReactorCore::Turn turn(core_);
    if (any(flags & (IOFlags::read | IOFlags::error)) && receives()) receive();
    if (any(flags & (IOFlags::write | IOFlags::error)) && sends()) send_queued();
}

void DatagramSocket::receive() noexcept {
    for (int reads = 0; reads < reads_a_turn && receives(); ++reads) {
        const bool large = core_.read_blocks().room().size() < most_received_;
        const int error = large ? receive_large() : receive_batch();
        if (would_block(error)) {
            // Somebody else who shares the port was faster; or there is no port any more.
            if (empty_wake_ups_.was_shut_down(fd_.get())) went_away(error);
            return;
        }
        if (error == EINTR) return;
        if (is_gone(error)) return went_away(error);
        if (error != 0) receive_failed(error);
    }
}

/// Returns: EAGAIN when there is no more to be had for now.
int DatagramSocket::receive_batch() noexcept {
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
    empty_wake_ups_.reset();
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
int DatagramSocket::receive_large() noexcept {
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
        empty_wake_ups_.reset();
        const auto size = static_cast<std::size_t>(got);
        room.resize(std::min(size, room.size()));
        deliver(Bytes::copy(room), size, from, from_size);
    });
    return error;
}

void DatagramSocket::deliver(const Bytes& data, std::size_t size, const sockaddr_storage& from,
                             socklen_t from_size) noexcept {
    const std::shared_ptr<DatagramProtocol> protocol = protocol_;
    const bool whole = size <= most_received_;
    contain([&] {
        const Address address = address_of(from, from_size);
        if (connected() && address != peer()) return;  // it came before we were
        ++(whole ? counters_.received : counters_.truncated);
        ++core_.counters().datagrams_received;
        core_.counters().datagram_bytes_received += size;
        core_.doing("datagram_received", protocol.get());
        if (whole) {
            protocol->datagram_received(data, address);
        } else {
            protocol->datagram_truncated(data, size, address);
        }
    });
}

const Address& DatagramSocket::address_of(const sockaddr_storage& from, socklen_t size) {
    if (size != last_from_.size || std::memcmp(&from, &last_from_.storage, size) != 0) {
        last_address_ = plain_address(from, size);
        last_from_.size = size;
        std::memcpy(&last_from_.storage, &from, size);
    }
    return last_address_;
}

/// An error that waits at the socket, and is gone with this: nothing to end a port for.
void DatagramSocket::receive_failed(int error) noexcept {
    if (error != ECONNREFUSED || !connected()) return;
    const std::shared_ptr<DatagramProtocol> protocol = protocol_;
    contain([&] { protocol->connection_refused(); });
}

// --- sending

void DatagramSocket::flush() noexcept {
    if (state_ == State::stopped) return finish();
    if (state_ == State::opened) start();
    if (sends() && !kernel_full_ && !resting_.active()) send_queued();
}

void DatagramSocket::start() noexcept {
    state_ = State::started;
    told_start_ = true;
    update_watch();
    const std::shared_ptr<DatagramProtocol> protocol = protocol_;
    contain([&] { protocol->start_protocol(); });
}

void DatagramSocket::send_queued() noexcept {
    kernel_full_ = false;
    // Each of those queued now may be tried twice. What is written by who is told of a loss waits for the next turn:
    // one that is written again each time would keep the loop to itself.
    std::size_t refusals_left = 2 * queue_.count();
    while (sends()) {
        const DatagramQueue::Sent result = send_some();
        if (result.count > 0) {
            retried_ = false;
            rests_ = 0;
        }
        if (result.error == 0) break;
        if (is_gone(result.error)) return went_away(result.error);
        if (would_block(result.error) && wait_for_receiver()) break;
        if (is_exhausted(result.error)) {
            rest();
            break;
        }
        if (!send_refused(result.error)) break;
        if (refusals_left-- == 0) {
            if (sends() && !queue_.empty()) core_.queue_flush(*this);
            break;
        }
    }
    while (sends() && flow_.sent(queue_.size())) {
    }
    if (state_ == State::closing && queue_.empty()) return stop();
    update_watch();
}

DatagramQueue::Sent DatagramSocket::send_some() noexcept {
    const std::size_t before = queue_.size();
    const DatagramQueue::Sent result = queue_.send(fd_.get());
    counters_.sent += result.count;
    core_.counters().datagrams_sent += result.count;
    core_.counters().datagram_bytes_sent += before - queue_.size();
    return result;
}

void DatagramSocket::count_dropped(std::size_t count, std::size_t bytes) noexcept {
    core_.counters().datagrams_dropped += count;
    core_.counters().datagram_bytes_dropped += bytes;
}

/// The socket takes no more. Returns whether to wait; if not, it is about the first datagram alone.
bool DatagramSocket::wait_for_receiver() noexcept {
    if (!over_unix() || connected()) {
        kernel_full_ = true;
        return true;
    }
    // One of many receivers is full, and no event will say that it is not any more. It gets a while to catch up, but
    // is not to keep the others from what is theirs.
    const TimePoint now = core_.reactor().now();
    if (now < hurry_until_) return false;
    if (++rests_ > most_rests) {
        rests_ = 0;
        hurry_until_ = now + hurry_after_stuck;
        return false;
    }
    rest();
    return true;
}

/// Returns whether to go on sending.
bool DatagramSocket::send_refused(int error) noexcept {
    const std::shared_ptr<DatagramProtocol> protocol = protocol_;
    const bool peer_gone =
        error == ECONNREFUSED || (over_unix() && connected() && (error == ENOTCONN || error == ECONNRESET));
    if (peer_gone && !std::exchange(retried_, true)) {
        if (!over_unix()) {
            // News of an earlier datagram; this one has not been tried.
            if (connected()) contain([&] { protocol->connection_refused(); });
            return sends();
        }
        // The socket that we were connected to is gone; there may be another one at its path by now.
        if (connected() && connect(connected_to_) == 0) return true;
    }
    retried_ = false;
    ++counters_.refused;
    count_dropped(1, queue_.first_size());
    contain([&] {
        const SocketAddress& first = queue_.first_to();
        const Address to = first.size != 0 ? plain_address(first.storage, first.size) : peer();
        const std::string size = std::to_string(queue_.first_size());
        queue_.drop_first();
        if (peer_gone && over_unix() && connected()) return protocol->connection_refused();
        protocol->send_failed(make_failure(DatagramRefused("a datagram of " + size + " bytes to " + to.str() +
                                                           " was not sent: " + why_refused(error))),
                              to);
    });
    return sends();
}

std::string DatagramSocket::why_refused(int error) const {
    std::string why = error_text(error);
    if (error == EACCES && !over_unix()) why += "; for a broadcast address set UdpOptions::broadcast";
    if (would_block(error)) why += "; who receives there does not keep up";
    return why;
}

void DatagramSocket::rest() noexcept {
    contain([this] { resting_ = core_.reactor().call_later(exhausted_rest, [this] { core_.queue_flush(*this); }); });
}

void DatagramSocket::update_watch() noexcept {
    if (!watch_) return;
    const IOFlags read = receives() ? IOFlags::read : IOFlags::none;
    const IOFlags write = kernel_full_ ? IOFlags::write : IOFlags::none;
    watch_->watch(read | write);
}

// --- the end

std::string DatagramSocket::describe() const {
    std::string text = name();
    if (connected()) text += " connected to " + peer().str();
    if (!queue_.empty()) text += ", " + std::to_string(queue_.count()) + " datagrams queued";
    return text;
}

void DatagramSocket::reactor_destroyed() noexcept {
    stop();
    finish();
}

/// Closed or shut down by something else in this program, or by who shares it.
void DatagramSocket::went_away(int error) noexcept {
    if (is_gone(error)) static_cast<void>(fd_.release());  // the number may be somebody else's by now
    reason_ =
        make_failure(DescriptorWentAway(name() + " is closed: its socket was closed or shut down by something else"));
    end();
}

/// Ends all but what the protocol is told, at the end of the turn.
void DatagramSocket::end() noexcept {
    counters_.dropped += queue_.count();
    count_dropped(queue_.count(), queue_.size());
    queue_.clear();
    state_ = State::stopped;
    if (owner_ != nullptr) std::exchange(owner_, nullptr)->socket_gone();
    resting_.cancel();
    watch_.reset();
    fd_.reset();
    core_.queue_flush(*this);
}

void DatagramSocket::finish() noexcept {
    ListHook<ResourceTag>::unlink();
    ListHook<FlushTag>::unlink();
    flow_.end(reason_ ? *reason_ : make_failure(ConnectionDone(name() + " was stopped")));
    if (const std::shared_ptr<DatagramProtocol> protocol = std::move(protocol_)) {
        if (told_start_) contain([&] { protocol->stop_protocol(); });
    }
    if (closed_) {
        Promise<> closed = *std::exchange(closed_, std::nullopt);
        contain([&] { reason_ ? closed.errback(*reason_) : closed.callback(); });
    } else if (reason_) {
        report_unhandled_failure(*reason_);
    }
    core_.destroy_later(std::unique_ptr<Doomed>(this));
}

}  // namespace plait::detail

#include "plait/reactor/detail/stream_connection.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/type_name.hpp"
#include "plait/reactor/detail/block_pool.hpp"
#include "plait/reactor/detail/kernel_room.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::detail {
namespace {

constexpr int reads_a_turn = 4;     // of up to 64 KiB each: then it is somebody else's turn
constexpr int reads_at_close = 16;  // of what is thrown away
constexpr std::size_t file_vectors = 64;
constexpr std::size_t written_a_turn = 1024 * 1024;  // to a file, which never says that it is full

/// A protocol that was exchanged in one of its own callbacks may still be on the stack.
struct Exchanged final : Doomed {
    explicit Exchanged(std::shared_ptr<Protocol> before) noexcept : protocol(std::move(before)) {}
    std::shared_ptr<Protocol> protocol;
};

}  // namespace

std::optional<Failure> StreamConnection::start(ReactorCore& core, StreamEnds ends, Address host, Address peer,
                                               std::shared_ptr<Protocol> protocol) {
    return prepare(core, std::move(ends), std::move(host), std::move(peer), std::move(protocol)).release()->begin();
}

std::unique_ptr<StreamConnection> StreamConnection::prepare(ReactorCore& core, StreamEnds ends, Address host,
                                                            Address peer, std::shared_ptr<Protocol> protocol) {
    return std::unique_ptr<StreamConnection>(
        new StreamConnection(core, std::move(ends), std::move(host), std::move(peer), std::move(protocol)));
}

StreamConnection::StreamConnection(ReactorCore& core, StreamEnds ends, Address host, Address peer,
                                   std::shared_ptr<Protocol> protocol)
    : core_(core),
      fd_(std::move(ends.in)),
      kind_(ends.kind),
      protocol_(std::move(protocol)),
      host_(std::move(host)),
      peer_(std::move(peer)) {
    if (kind_ == StreamEnds::Kind::socket || kind_ == StreamEnds::Kind::unix_socket) {
        watch_.emplace(core_.iops(), fd_.get(), static_cast<EventHandler&>(*this));
    } else {
        const bool both_ways = kind_ == StreamEnds::Kind::device;
        files_ = std::make_unique<FileEnds>(core_, fd_.get(), std::move(ends.out), both_ways,
                                            static_cast<FileEndsOwner&>(*this));
        read_ended_ = !fd_;
        write_ended_ = !files_->has_out();
    }
}

std::optional<Failure> StreamConnection::begin() noexcept {
    // Owned by the list of resources from here on: whatever ends it also hands it to destroy_later().
    core_.add_resource(*this);
    ++core_.counters().connections_made;
    core_.doing("connection_made", protocol_.get());
    guarded([this] { protocol_->make_connection(*this); });
    update_watch();
    return reason_;
}

// --- what the protocol asks for

bool StreamConnection::takes_writes() const noexcept {
    if (lost_ || aborting_ || write_ended_) return false;
    return !(closing_ || ending_write_) || flow_.has_producer();
}

void StreamConnection::write(Bytes data) {
    if (!takes_writes()) return;
    queue_.push(std::move(data));
    after_queueing();
}

void StreamConnection::write(std::string_view text) {
    if (!takes_writes()) return;
    queue_.push(text);
    after_queueing();
}

void StreamConnection::write_sequence(std::span<const Bytes> pieces) {
    if (!takes_writes()) return;
    for (const Bytes& piece : pieces)
        queue_.push(piece);
    after_queueing();
}

void StreamConnection::after_queueing() {
    need_flush();
    flow_.queued(queue_.size());
}

void StreamConnection::need_flush() noexcept {
    if (!kernel_full_ || aborting_) core_.queue_flush(*this);
}

void StreamConnection::lose_connection() {
    if (lost_) return;
    closing_ = true;
    update_watch();
    need_flush();
}

void StreamConnection::lose_write_connection() {
    if (lost_) return;
    ending_write_ = true;
    need_flush();
}

void StreamConnection::abort_connection() {
    if (lost_) return;
    aborting_ = true;
    need_flush();
}

void StreamConnection::pause_producing() {
    paused_ = true;
    update_watch();
}

void StreamConnection::resume_producing() {
    paused_ = false;
    update_watch();
}

void StreamConnection::register_producer(Producer& producer) {
    if (lost_) return producer.stop_producing();
    flow_.register_producer(producer, queue_.size());
}

void StreamConnection::unregister_producer() {
    flow_.unregister_producer();
    if (!lost_) need_flush();  // it may have been all that closing waited for
}

void StreamConnection::set_write_watermarks(std::size_t low, std::size_t high) {
    flow_.set_watermarks(low, high);
    if (!lost_) core_.queue_flush(*this);  // who waits may have room now
}

Transport::Handover StreamConnection::hand_over(std::shared_ptr<Protocol> next) {
    if (lost_) throw UsageError("hand_over: this connection is lost");
    core_.destroy_later(std::make_unique<Exchanged>(protocol_));
    Handover before = flow_.release();
    before.protocol = std::exchange(protocol_, std::move(next));
    before.protocol->detach(*this);
    return before;
}

Deferred<> StreamConnection::drained() {
    if (lost_) return Deferred<>::fail(*reason_);
    return flow_.drained(queue_.size());
}

void StreamConnection::set_no_delay(bool on) {
    if (!lost_ && has_socket()) set_option(fd_.get(), IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0);
}

void StreamConnection::set_keep_alive(bool on) {
    if (!lost_ && has_socket()) set_option(fd_.get(), SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0);
}

void StreamConnection::set_keep_alive(const KeepAlive& times) {
    if (!lost_ && has_socket()) detail::set_keep_alive(fd_.get(), times);
}

void StreamConnection::set_idle_timeout(Duration limit) {
    if (!lost_) timeouts().set_idle(limit);
}

void StreamConnection::set_write_timeout(Duration limit) {
    if (!lost_) timeouts().set_write(limit);
}

TransportTimeouts& StreamConnection::timeouts() {
    if (timeouts_ == nullptr)
        timeouts_ = std::make_unique<TransportTimeouts>(
            core_.reactor(), [this] { return TransportTimeouts::Traffic{received_, queue_.sent(), queue_.size()}; },
            [this](const std::string& what) { timed_out(what); });
    return *timeouts_;
}

// --- what the loop reports

void StreamConnection::event_ready(IOFlags flags) noexcept {
    const ReactorCore::Turn turn(core_);
    end_ready(flags);
}

void StreamConnection::end_ready(IOFlags flags) noexcept {
    // Reading goes first: a peer's last words come before the news that it is gone.
    if (any(flags & (IOFlags::read | IOFlags::error))) receive();
    if (any(flags & (IOFlags::write | IOFlags::error)) && !lost_) send_queued();
}

void StreamConnection::receive() noexcept {
    for (int reads = 0; reads < reads_a_turn && wants_input(); ++reads) {
        const std::span<char> room = core_.read_blocks().room();
        const ssize_t got = over_socket() ? ::recv(fd_.get(), room.data(), room.size(), 0) : read_some(room);
        if (got == 0) return peer_ended();
        if (got < 0) {
            if (!would_block(errno) && errno != EINTR) broken(errno);
            return;
        }
        const auto size = static_cast<std::size_t>(got);
        received_ += size;
        core_.counters().bytes_received += size;
        core_.doing("data_received", protocol_.get());
        const Bytes data = core_.read_blocks().take(size);
        if (!guarded([&] { protocol_->data_received(data); })) return;
        if (size < room.size()) return;
    }
}

void StreamConnection::peer_ended() noexcept {
    if (lost_) return;
    read_ended_ = true;
    update_watch();
    core_.doing("read_connection_lost", protocol_.get());
    if (!guarded([this] { protocol_->read_connection_lost(); })) return;
    if (write_ended_) finish_done();
}

void StreamConnection::flush() noexcept {
    if (lost_) return;
    if (aborting_) {
        if (has_socket()) reset_on_close(fd_.get());
        return finish(make_failure(ConnectionAborted("the connection to " + peer_.str() + " was aborted")));
    }
    send_queued();
}

void StreamConnection::send_queued() noexcept {
    const std::uint64_t sent_before = queue_.sent();
    const int error = over_socket() ? queue_.send_to(fd_.get()) : write_some(queue_);
    core_.counters().bytes_sent += queue_.sent() - sent_before;
    if (is_exhausted(error)) return rest();
    if (error != 0) return broken(error);
    kernel_full_ = !queue_.empty();
    // What they write now is sent in the next turn, so that one busy connection leaves room for the others.
    const bool alive = guarded([this] {
        while (!lost_ && flow_.sent(queue_.size())) {
        }
    });
    if (!alive) return;
    close_what_is_due();
    update_watch();
}

void StreamConnection::rest() noexcept {
    kernel_full_ = false;
    update_watch();
    contain([this] { resting_ = core_.reactor().call_later(exhausted_rest, [this] { core_.queue_flush(*this); }); });
}

void StreamConnection::close_what_is_due() noexcept {
    if (aborting_ || !queue_.empty() || flow_.has_producer()) return;
    if (closing_) return finish_done();
    if (!ending_write_ || write_ended_) return;
    end_writing();
    if (read_ended_ && !lost_) finish_done();
}

void StreamConnection::end_writing() noexcept {
    if (const auto reason = lost_by_closing()) return finish(*reason);
    write_ended_ = true;
    if (has_socket()) {
        ::shutdown(fd_.get(), SHUT_WR);
    } else {
        files_->close_out();
        out_closed();
    }
}

void StreamConnection::reader_gone() noexcept {
    if (lost_) return;
    // With bytes under way, or with nothing to read either, that is the end; else the next write finds out.
    if (read_ended_ || !queue_.empty()) broken(EPIPE);
}

void StreamConnection::reactor_destroyed() noexcept {
    if (has_socket()) reset_on_close(fd_.get());
    finish(make_failure(
        ConnectionAborted("the connection to " + peer_.str() + " was aborted: its reactor was destroyed")));
}

void StreamConnection::reactor_stopped() noexcept {
    if (!queue_.empty()) {
        if (has_socket()) reset_on_close(fd_.get());  // the peer is not to take what it has for the whole
        return finish(
            make_failure(ConnectionAborted("the connection to " + peer_.str() + " was aborted with " +
                                           std::to_string(queue_.size()) + " bytes to send: its reactor was stopped")));
    }
    if (!read_ended_ && has_socket()) read_what_is_left();
    finish(make_failure(ConnectionLost("the connection to " + peer_.str() + " was closed: its reactor was stopped")));
}

std::string StreamConnection::describe() const {
    const Protocol& protocol = protocol_->described();
    std::string text = "a connection to " + peer_.str() + " of " + readable_name(typeid(protocol));
    if (!queue_.empty()) text += ", " + std::to_string(queue_.size()) + " bytes queued";
    if (paused_) text += ", reading paused";
    if (closing_) text += ", closing";
    return text;
}

void StreamConnection::update_watch() noexcept {
    if (lost_) return;
    if (!has_socket()) return files_->watch(wants_input(), kernel_full_);
    const IOFlags read = wants_input() ? IOFlags::read : IOFlags::none;
    const IOFlags write = kernel_full_ ? IOFlags::write : IOFlags::none;
    watch_->watch(read | write);
}

// --- what is not a socket

ssize_t StreamConnection::read_some(std::span<char> room) noexcept {
    const ssize_t got = ::read(fd_.get(), room.data(), room.size());
    // A terminal whose other side was closed says so as an error.
    if (got < 0 && errno == EIO && kind_ == StreamEnds::Kind::device) return 0;
    return got;
}

int StreamConnection::write_some(WriteQueue& queue) noexcept {
    std::array<iovec, file_vectors> vectors;
    for (std::size_t written = 0; !queue.empty() && written < written_a_turn;) {
        const std::size_t count = queue.gather(vectors, written_a_turn - written);
        const ssize_t some = files_->write(std::span(vectors).first(count));
        if (some < 0) {
            if (errno == EINTR) continue;
            return would_block(errno) ? 0 : errno;
        }
        queue.consume(static_cast<std::size_t>(some));
        written += static_cast<std::size_t>(some);
    }
    return 0;
}

// --- the end

void StreamConnection::timed_out(const std::string& what) noexcept {
    if (has_socket()) reset_on_close(fd_.get());
    finish(make_failure(ConnectionTimedOut("the connection to " + peer_.str() + " " + what)));
}

void StreamConnection::broken(int error) noexcept {
    if (lost_) return;
    if (error != EBADF && error != ENOTSOCK) return finish(connection_lost(peer_, error));
    // Of two ends one may be well. Both are when one is not open for what is done with it: then they are ours to close.
    const bool in_gone = has_socket() || (fd_ && ::fcntl(fd_.get(), F_GETFD) < 0);
    const bool out_gone = files_ != nullptr && files_->forget_closed_out();
    if (!in_gone && !out_gone) return finish(connection_lost(peer_, error));
    // The number may be somebody else's by now: it is not ours to close.
    watch_.reset();
    if (in_gone) static_cast<void>(fd_.release());
    finish(make_failure(DescriptorWentAway("the connection to " + peer_.str() +
                                           " was lost: its descriptor was closed by something else in this program")));
}

/// Bytes that nobody read would turn our close into a reset, and that would take from the peer what we sent last.
void StreamConnection::read_what_is_left() noexcept {
    ::shutdown(fd_.get(), SHUT_WR);
    const std::span<char> room = core_.read_blocks().room();
    for (int reads = 0; reads < reads_at_close; ++reads)
        if (::recv(fd_.get(), room.data(), room.size(), MSG_DONTWAIT) <= 0) return;
}

void StreamConnection::finish_done() noexcept {
    if (const auto reason = lost_by_closing()) return finish(*reason);
    if (!read_ended_ && has_socket()) read_what_is_left();
    finish(make_failure(ConnectionDone("the connection to " + peer_.str() + " was closed in good order")));
}

void StreamConnection::finish(const Failure& reason) noexcept {
    if (std::exchange(lost_, true)) return;
    reason_ = reason;
    watch_.reset();
    files_.reset();
    ends_closing();
    fd_.reset();
    ListHook<ResourceTag>::unlink();
    ListHook<FlushTag>::unlink();
    queue_.clear();
    resting_.cancel();
    timeouts_.reset();
    flow_.end(reason);
    ++core_.counters().connections_lost;
    core_.doing("connection_lost", protocol_.get());
    contain([this] { protocol_->lose_connection(*reason_); });
    core_.destroy_later(std::unique_ptr<Doomed>(this));
}

}  // namespace plait::detail

#include "plait/reactor/detail/tcp_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/block_pool.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::detail {
namespace {

constexpr int reads_a_turn = 4;  // of up to 64 KiB each: then it is somebody else's turn
constexpr std::size_t discarded_at_close = 1024 * 1024;

}  // namespace

std::optional<Failure> TcpConnection::start(ReactorCore& core, UniqueFd fd, Address peer,
                                            std::shared_ptr<Protocol> protocol, bool no_delay) {
    // Owned by the list of resources from here on: whatever ends it also hands it to destroy_later().
    auto* self = new TcpConnection(core, std::move(fd), std::move(peer), std::move(protocol));
    if (no_delay) self->set_no_delay(true);
    self->guarded([self] { self->protocol_->make_connection(*self); });
    self->update_watch();
    return self->reason_;
}

TcpConnection::TcpConnection(ReactorCore& core, UniqueFd fd, Address peer, std::shared_ptr<Protocol> protocol)
    : core_(core),
      fd_(std::move(fd)),
      protocol_(std::move(protocol)),
      host_(local_address(fd_.get())),
      peer_(std::move(peer)) {
    watch_.emplace(core_.iops(), fd_.get(), static_cast<EventHandler&>(*this));
    core_.add_resource(*this);
}

// --- what the protocol asks for

bool TcpConnection::takes_writes() const noexcept {
    if (lost_ || aborting_ || write_ended_) return false;
    return !(closing_ || ending_write_) || flow_.has_producer();
}

void TcpConnection::write(Bytes data) {
    if (!takes_writes()) return;
    queue_.push(std::move(data));
    after_queueing();
}

void TcpConnection::write(std::string_view text) {
    if (!takes_writes()) return;
    queue_.push(text);
    after_queueing();
}

void TcpConnection::write_sequence(std::span<const Bytes> pieces) {
    if (!takes_writes()) return;
    for (const Bytes& piece : pieces)
        queue_.push(piece);
    after_queueing();
}

void TcpConnection::after_queueing() {
    need_flush();
    flow_.queued(queue_.size());
}

void TcpConnection::need_flush() noexcept {
    if (!kernel_full_ || aborting_) core_.queue_flush(*this);
}

void TcpConnection::lose_connection() {
    if (lost_) return;
    closing_ = true;
    update_watch();
    need_flush();
}

void TcpConnection::lose_write_connection() {
    if (lost_) return;
    ending_write_ = true;
    need_flush();
}

void TcpConnection::abort_connection() {
    if (lost_) return;
    aborting_ = true;
    update_watch();
    need_flush();
}

void TcpConnection::pause_producing() {
    paused_ = true;
    update_watch();
}

void TcpConnection::resume_producing() {
    paused_ = false;
    update_watch();
}

void TcpConnection::register_producer(Producer& producer) {
    if (lost_) return producer.stop_producing();
    flow_.register_producer(producer, queue_.size());
}

void TcpConnection::unregister_producer() {
    flow_.unregister_producer();
    if (!lost_) need_flush();  // it may have been all that closing waited for
}

void TcpConnection::set_write_watermarks(std::size_t low, std::size_t high) {
    flow_.set_watermarks(low, high);
    if (!lost_) core_.queue_flush(*this);  // who waits may have room now
}

Deferred<> TcpConnection::drained() {
    if (lost_) return Deferred<>::fail(*reason_);
    return flow_.drained(queue_.size());
}

void TcpConnection::set_no_delay(bool on) {
    if (!lost_) set_option(fd_.get(), IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0);
}

void TcpConnection::set_keep_alive(bool on) {
    if (!lost_) set_option(fd_.get(), SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0);
}

void TcpConnection::set_keep_alive(const KeepAlive& times) {
    if (!lost_) detail::set_keep_alive(fd_.get(), times);
}

void TcpConnection::set_idle_timeout(Duration limit) {
    if (!lost_) timeouts().set_idle(limit);
}

void TcpConnection::set_write_timeout(Duration limit) {
    if (!lost_) timeouts().set_write(limit);
}

TransportTimeouts& TcpConnection::timeouts() {
    if (timeouts_ == nullptr)
        timeouts_ = std::make_unique<TransportTimeouts>(
            core_.reactor(), [this] { return TransportTimeouts::Traffic{received_, queue_.sent(), queue_.size()}; },
            [this](const std::string& what) { timed_out(what); });
    return *timeouts_;
}

// --- what the loop reports

void TcpConnection::event_ready(IOFlags flags) noexcept {
    const ReactorCore::Turn turn(core_);
    // Reading goes first: a peer's last words come before the news that it is gone.
    if (any(flags & (IOFlags::read | IOFlags::error)) && wants_input()) receive();
    if (any(flags & (IOFlags::write | IOFlags::error)) && !lost_) send_queued();
}

void TcpConnection::receive() noexcept {
    for (int reads = 0; reads < reads_a_turn && wants_input(); ++reads) {
        const std::span<char> room = core_.read_blocks().room();
        const ssize_t got = ::recv(fd_.get(), room.data(), room.size(), 0);
        if (got == 0) return peer_ended();
        if (got < 0) {
            if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) finish(connection_lost(peer_, errno));
            return;
        }
        const auto size = static_cast<std::size_t>(got);
        received_ += size;
        const Bytes data = core_.read_blocks().take(size);
        if (!guarded([&] { protocol_->data_received(data); })) return;
        if (size < room.size()) return;
    }
}

void TcpConnection::peer_ended() noexcept {
    read_ended_ = true;
    update_watch();
    if (!guarded([this] { protocol_->read_connection_lost(); })) return;
    if (write_ended_) finish_done();
}

void TcpConnection::flush() noexcept {
    if (lost_) return;
    if (aborting_) {
        reset_on_close(fd_.get());
        return finish(make_failure(ConnectionAborted("the connection to " + peer_.str() + " was aborted")));
    }
    send_queued();
}

void TcpConnection::send_queued() noexcept {
    if (const int error = queue_.send_to(fd_.get()); error != 0) return finish(connection_lost(peer_, error));
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

void TcpConnection::close_what_is_due() noexcept {
    if (aborting_ || !queue_.empty() || flow_.has_producer()) return;
    if (closing_) return finish_done();
    if (!ending_write_ || write_ended_) return;
    ::shutdown(fd_.get(), SHUT_WR);
    write_ended_ = true;
    if (read_ended_) finish_done();
}

void TcpConnection::reactor_destroyed() noexcept {
    reset_on_close(fd_.get());
    finish(make_failure(
        ConnectionAborted("the connection to " + peer_.str() + " was aborted: its reactor was destroyed")));
}

void TcpConnection::update_watch() noexcept {
    if (lost_) return;
    const IOFlags read = wants_input() ? IOFlags::read : IOFlags::none;
    const IOFlags write = kernel_full_ ? IOFlags::write : IOFlags::none;
    watch_->watch(read | write);
}

// --- the end

/// Runs what is not ours; its exception ends the connection. Returns whether the connection lives.
template <typename F>
bool TcpConnection::guarded(F&& call) noexcept {
    try {
        std::forward<F>(call)();
    } catch (...) {
        finish(Failure::current());
    }
    return !lost_;
}

void TcpConnection::timed_out(const std::string& what) noexcept {
    reset_on_close(fd_.get());
    finish(make_failure(ConnectionTimedOut("the connection to " + peer_.str() + " " + what)));
}

void TcpConnection::finish_done() noexcept {
    // Bytes that nobody read would turn our close into a reset, and that would take from the peer what we sent last.
    if (!read_ended_) {
        ::shutdown(fd_.get(), SHUT_WR);
        ::recv(fd_.get(), nullptr, discarded_at_close, MSG_TRUNC | MSG_DONTWAIT);
    }
    finish(make_failure(ConnectionDone("the connection to " + peer_.str() + " was closed in good order")));
}

void TcpConnection::finish(const Failure& reason) noexcept {
    if (std::exchange(lost_, true)) return;
    reason_ = reason;
    watch_.reset();
    fd_.reset();
    ListHook<ResourceTag>::unlink();
    ListHook<FlushTag>::unlink();
    queue_.clear();
    timeouts_.reset();
    flow_.end(reason);
    contain([this] { protocol_->lose_connection(*reason_); });
    core_.destroy_later(std::unique_ptr<Doomed>(this));
}

}  // namespace plait::detail

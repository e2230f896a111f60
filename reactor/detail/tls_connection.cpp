#include "plait/reactor/detail/tls_connection.hpp"

#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/block_pool.hpp"
#include "plait/reactor/detail/tls_failures.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::detail {
namespace {

constexpr std::size_t most_owed = 256 * 1024;

/// Where decrypted bytes are put; as for the bytes of sockets, one block serves all connections of a thread.
BlockPool& clear_blocks() {
    static thread_local BlockPool pool;
    return pool;
}

ReactorCore* core_of(Clock& clock) {
    auto* reactor = dynamic_cast<Reactor*>(&clock);
    return reactor != nullptr ? &reactor->core() : nullptr;
}

}  // namespace

TlsConnection::TlsConnection(Clock& clock, std::shared_ptr<const TlsContext> context, const TlsPeer& peer,
                             std::shared_ptr<Protocol> above, TlsTimes times)
    : clock_(clock),
      core_(core_of(clock)),
      engine_(std::move(context), peer),
      above_(std::move(above)),
      out_(engine_),
      times_(times) {}

Deferred<TlsConnection::Established> TlsConnection::established() {
    if (gone_) return Deferred<Established>::fail(*reason_);
    if (open_) return Deferred<Established>::succeed(above_);
    auto [deferred, promise] = make_deferred<Established>([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->abort_connection();
    });
    established_ = std::move(promise);
    return std::move(deferred);
}

// --- the handshake

void TlsConnection::connection_made() {
    const auto self = shared_from_this();
    begin();
}

void TlsConnection::start_on(Transport& transport, Bytes received) {
    Handover before = transport.hand_over(shared_from_this());
    Protocol::attach(transport);
    above_ = std::move(before.protocol);
    above_->attach(*this);
    above_made_ = true;
    flow_.adopt(before);
    transport.resume_producing();
    begin();
    if (received.empty()) return;
    engine_.feed(std::move(received));
    receive_soon();
}

void TlsConnection::begin() {
    timer_ = clock_.call_later(times_.handshake, [this] { fail(tls_handshake_overdue(who(), times_.handshake)); });
    if (!engine_.server()) shake_hands();
}

void TlsConnection::shake_hands() {
    const TlsEngine::Status status = engine_.handshake();
    answer();
    if (status == TlsEngine::Status::done) return completed();
    if (status != TlsEngine::Status::wants_input && !ending()) fail(engine_.failure(peer().str()));
}

void TlsConnection::completed() {
    open_ = true;
    timer_.cancel();
    send_wanted_ = true;
    const std::shared_ptr<Protocol> above = above_;
    if (!std::exchange(above_made_, true) && !guarded([&] { above->make_connection(*this); })) return;
    if (auto* aware = dynamic_cast<TlsProtocol*>(above.get()))
        if (!guarded([&] { aware->handshake_completed(*this); })) return;
    update_reading();
    if (established_.wanted()) established_.callback(above);
}

// --- what the protocol above asks for

bool TlsConnection::takes_writes() const noexcept {
    if (gone_ || ending() || write_ended_) return false;
    return !(closing_ || ending_write_) || flow_.has_producer();
}

void TlsConnection::write(Bytes data) {
    if (!takes_writes()) return;
    out_.push(std::move(data));
    after_queueing();
}

void TlsConnection::write(std::string_view text) {
    if (!takes_writes()) return;
    out_.push(text);
    after_queueing();
}

void TlsConnection::write_sequence(std::span<const Bytes> pieces) {
    if (!takes_writes()) return;
    for (const Bytes& piece : pieces)
        out_.push(piece);
    after_queueing();
}

void TlsConnection::after_queueing() {
    need_send();
    flow_.queued(write_buffered());
}

void TlsConnection::need_send() {
    if (inside_) {
        send_wanted_ = true;
    } else if (open_ && !room_.valid()) {  // who waits for room sends then
        ask_for_flush();
    }
}

void TlsConnection::ask_for_flush() {
    if (gone_) return;
    if (core_ == nullptr) {
        if (!flush_soon_.active()) flush_soon_ = clock_.call_later(Duration::zero(), [this] { send(); });
        return;
    }
    core_->queue_flush(*this);
    below().write(Bytes());  // queues it for flushing behind us: what we encrypt leaves at the end of the same turn
}

void TlsConnection::lose_connection() {
    if (gone_ || closing_) return;
    closing_ = true;
    if (!open_) return;  // the handshake has its time; closing goes on after it
    update_reading();
    if (engine_.has_input()) receive_soon();  // what a pause held back may end in their close-notify
    ask_for_flush();
}

void TlsConnection::lose_write_connection() {
    if (gone_) return;
    ending_write_ = true;
    need_send();
}

void TlsConnection::abort_connection() {
    if (gone_) return;
    aborting_ = true;
    out_.clear();
    below().abort_connection();
}

void TlsConnection::pause_producing() {
    paused_ = true;
    update_reading();
}

void TlsConnection::resume_producing() {
    paused_ = false;
    if (engine_.has_input()) {
        receive_soon();  // and then what the transport below has
    } else {
        update_reading();
    }
}

void TlsConnection::register_producer(Producer& producer) {
    if (gone_) return producer.stop_producing();
    flow_.register_producer(producer, write_buffered());
}

void TlsConnection::unregister_producer() {
    flow_.unregister_producer();
    if (!gone_ && (closing_ || ending_write_)) ask_for_flush();  // it may have been all that closing waited for
}

void TlsConnection::set_write_watermarks(std::size_t low, std::size_t high) {
    flow_.set_watermarks(low, high);
    if (gone_) return;
    below().set_write_watermarks(low, high);
    out_.set_window(high);
    if (open_) ask_for_flush();  // who waits may have room now
}

Deferred<> TlsConnection::drained() {
    if (gone_) return Deferred<>::fail(*reason_);
    Deferred<> waits = flow_.drained(write_buffered());
    need_send();
    return waits;
}

Transport::Handover TlsConnection::hand_over(std::shared_ptr<Protocol> next) {
    if (gone_) throw UsageError("hand_over: this connection is lost");
    Handover before = flow_.release();
    before.protocol = std::exchange(above_, std::move(next));
    before.protocol->detach(*this);
    return before;
}

TlsInfo TlsConnection::tls() const {
    if (!open_) throw InvalidState("tls(): the handshake is not done");
    return engine_.info();
}

std::optional<TlsCertificate> TlsConnection::peer_certificate() const {
    return engine_.peer_certificate();
}

// --- out

void TlsConnection::send() noexcept {
    if (gone_ || ending() || !open_) return;
    const auto self = shared_from_this();
    if (engine_.mid_message()) {
        guarded([this] { wait_for_message(); });
        return;
    }
    const bool outermost = !std::exchange(inside_, true);
    send_wanted_ = false;
    const bool alive = guarded([this] {
        encrypt(out_.window());
        if (!ending()) tell_who_waits();
    });
    if (outermost) inside_ = false;
    if (!alive || ending()) return;
    guarded([this] {
        // What they write now is encrypted in the next turn, so that one busy connection leaves room for the others.
        if (std::exchange(send_wanted_, false) && !room_.valid()) ask_for_flush();
        wait_for_room();
        close_what_is_due();
    });
}

void TlsConnection::encrypt(std::size_t window) {
    if (!out_.encrypt_for(below(), window)) fail(engine_.failure(peer().str()));
}

/// receive() goes on when the rest is here.
void TlsConnection::wait_for_message() {
    send_wanted_ = false;
    held_up_ = true;
    if (!closing_) return;
    read_ended_ ? close_below() : watch_closing();
}

void TlsConnection::tell_who_waits() {
    while (!gone_ && flow_.sent(write_buffered())) {
    }
}

/// Arranges for more when the transport below has room, if there is more or somebody waits for room.
void TlsConnection::wait_for_room() {
    if (gone_ || ending() || room_.valid() || (out_.empty() && !flow_.waited_for())) return;
    Deferred<> room = below().drained();
    if (room.ready()) {
        static_cast<void>(room.take());
        // It holds little by its own measure, which may not be ours: go on, so that nobody waits for ever.
        if (!out_.empty()) encrypt(below().write_buffered() + out_.window());
        while (!gone_ && out_.empty() && flow_.sent(0)) {
        }
        if (!gone_ && (!out_.empty() || flow_.waited_for())) ask_for_flush();
        return;
    }
    room_ = std::move(room).add_callbacks(
        [this] {
            const auto self = shared_from_this();
            const Deferred<> done = std::move(room_);
            send();
        },
        [](const Failure&) {});  // connection_lost follows
}

// --- in

void TlsConnection::data_received(const Bytes& data) {
    if (gone_ || ending()) return;
    const auto self = shared_from_this();
    engine_.feed(data);
    receive();
}

void TlsConnection::receive() {
    const bool outermost = !std::exchange(inside_, true);
    while (!gone_ && !ending()) {
        if (!open_) {
            shake_hands();
            if (!open_) break;
        } else if (paused_ && !closing_) {
            complete_message();
            break;
        } else if (!read_some()) {
            break;
        }
    }
    if (!outermost) return;
    inside_ = false;
    if (gone_ || ending()) return;
    update_reading();
    if (held_up_ && !engine_.mid_message()) {
        held_up_ = false;
        send_wanted_ = true;
    }
    if (send_wanted_) send();
}

/// A pause is one for bytes: what TLS itself began to say is heard to its end, as nothing can be sent before.
void TlsConnection::complete_message() {
    if (!engine_.mid_message()) return;
    const TlsEngine::Status status = engine_.handshake();
    answer();
    if (status == TlsEngine::Status::failed) fail(engine_.failure(peer().str()));
}

/// Decrypts up to a block of what was fed and delivers it.
/// Returns: whether there may be more.
bool TlsConnection::read_some() {
    if (read_ended_) {
        engine_.drop_input();
        return false;
    }
    std::size_t got = 0;
    const std::span<char> room = clear_blocks().room();
    const TlsEngine::Status status = engine_.read(room, got);
    if (got != 0 && !closing_) {
        const Bytes data = clear_blocks().take(got);
        received_ += got;
        answer();
        if (!guarded([&] { std::shared_ptr<Protocol>(above_)->data_received(data); }) || ending()) return false;
    } else {
        answer();
    }
    if (ending()) return false;
    if (status == TlsEngine::Status::done) return true;
    if (status == TlsEngine::Status::ended) {
        peer_ended();
    } else if (status == TlsEngine::Status::failed) {
        fail(engine_.failure(peer().str()));
    }
    return false;
}

/// Sends what TLS itself has to say: a step of the handshake, tickets, an alert.
void TlsConnection::answer() {
    const std::size_t size = engine_.output_size();
    if (size == 0) return;
    owed_ = below().write_buffered() == 0 ? size : owed_ + size;
    engine_.hand_output_to(below());
    if (owed_ > most_owed) fail(tls_answers_unread(who()));
}

void TlsConnection::peer_ended() {
    read_ended_ = true;
    engine_.drop_input();
    if (!closing_ && !guarded([this] { std::shared_ptr<Protocol>(above_)->read_connection_lost(); })) return;
    send_wanted_ = true;  // there may be something to close now
}

void TlsConnection::read_connection_lost() {
    if (gone_ || ending()) return;
    const auto self = shared_from_this();
    if (!open_) return fail(tls_handshake_failure(who(), "the peer closed the connection"));
    if (read_ended_) return;  // it said so before: we may go on writing
    if (!closing_) return fail(tls_truncated(who()));
    read_ended_ = true;
    send();
}

void TlsConnection::receive_soon() {
    if (receive_soon_.active()) return;
    receive_soon_ = clock_.call_later(Duration::zero(), [this] {
        if (gone_ || ending()) return;
        const auto self = shared_from_this();
        receive();
    });
}

/// The transport below reads when we do, and when nothing it has read before is held here.
void TlsConnection::update_reading() {
    if (gone_) return;
    const bool pause = open_ && !closing_ && !engine_.mid_message() && (paused_ || engine_.has_input());
    if (pause == below_paused_) return;
    below_paused_ = pause;
    if (pause) {
        below().pause_producing();
    } else {
        below().resume_producing();
    }
}

// --- the end

void TlsConnection::close_what_is_due() {
    if (gone_ || ending() || !open_ || flow_.has_producer()) return;
    if (!out_.empty()) {
        if (closing_) watch_closing();
        return;
    }
    if (!closing_ && !ending_write_) return;
    if (!std::exchange(write_ended_, true)) {
        timer_.cancel();  // for their answer there is all of the time again
        engine_.end_writing();
        engine_.hand_output_to(below());
    }
    if (read_ended_) return close_below();
    if (closing_) watch_closing();
}

void TlsConnection::close_below() {
    below_closing_ = true;
    below().lose_connection();
    watch_closing();
}

/// Looks after the peer from time to time while we close.
void TlsConnection::watch_closing() {
    if (timer_.active()) return;
    level_before_ = write_buffered();
    timer_ = clock_.call_later(times_.close, [this] { closing_overdue(); });
}

void TlsConnection::closing_overdue() {
    const std::size_t level = write_buffered();
    // A producer is waited for; send() goes on when it has gone.
    if (!write_ended_ && !below_closing_ && flow_.has_producer()) return;
    if (level != 0 && level < level_before_) return watch_closing();
    if (level == 0 && !below_closing_) return close_below();
    if (!reason_) reason_ = tls_close_overdue(who(), level);
    below().abort_connection();
}

/// Runs what is not ours; its exception ends the connection. Returns whether the connection lives.
template <typename F>
bool TlsConnection::guarded(F&& call) noexcept {
    try {
        std::forward<F>(call)();
    } catch (...) {
        reason_ = Failure::current();
        out_.clear();
        below().abort_connection();
    }
    return !gone_ && !ending();
}

/// TLS failed: the alert goes out, then the transport below is closed.
void TlsConnection::fail(const Failure& reason) noexcept {
    if (gone_ || ending()) return;
    reason_ = reason;
    out_.clear();
    engine_.drop_input();
    timer_.cancel();
    engine_.hand_output_to(below());
    if (below_paused_) below().resume_producing();
    close_below();
}

void TlsConnection::connection_lost(const Failure& reason) {
    const auto self = shared_from_this();
    const Failure why = final_reason(reason);
    gone_ = true;
    reason_ = why;
    timer_.cancel();
    receive_soon_.cancel();
    flush_soon_.cancel();
    ListHook<FlushTag>::unlink();
    room_ = {};
    out_.clear();
    engine_.drop_input();
    flow_.end(why);
    tell_of_the_end(why);
}

Failure TlsConnection::final_reason(const Failure& below) const {
    if (reason_) return *reason_;
    if (open_) {
        if (!below.check<ConnectionDone>() || closing_ || read_ended_) return below;
        return tls_truncated(who());
    }
    if (above_made_ && (aborting_ || below.check<ConnectionAborted>())) return below;
    const auto* error = below.exception();
    return tls_handshake_failure(who(), error != nullptr ? error->what() : "the connection ended");
}

void TlsConnection::tell_of_the_end(const Failure& reason) noexcept {
    const std::shared_ptr<Protocol> above = std::move(above_);
    if (above_made_) {
        contain([&] { above->lose_connection(reason); });
    } else if (auto* aware = dynamic_cast<TlsProtocol*>(above.get())) {
        contain([&] { aware->handshake_failed(reason); });
    }
    if (!open_ && handshake_failed_) contain([&] { std::exchange(handshake_failed_, {})(reason); });
    if (established_.wanted()) established_.errback(reason);
}

}  // namespace plait::detail

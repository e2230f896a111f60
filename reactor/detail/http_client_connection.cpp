#include "plait/reactor/detail/http_client_connection.hpp"

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/reactor/errors.hpp"

namespace plait::detail {

HttpClientConnection::HttpClientConnection(Clock& clock, HttpLimits limits, std::shared_ptr<Keeper> keeper,
                                           Duration idle_limit)
    : clock_(clock),
      keeper_(std::move(keeper)),
      idle_limit_(idle_limit),
      parser_(*this, limits),
      deadline_(clock, *this) {}

void HttpClientConnection::begin(HttpOutgoing request, HttpResponseHandler& handler,
                                 const HttpExchangeOptions& options) {
    ++requests_;
    request_ = std::move(request);
    handler_ = &handler;
    options_ = options;
    free_ = sent_ = answered_ = head_seen_ = paused_ = awaiting_continue_ = held_back_ = false;
    if (request_.to_head) parser_.expect_no_body();
    if (connected()) send();
}

void HttpClientConnection::connect(Connector& connector, const HostPort& where) {
    where_ = where.str();
    starting_ = true;
    connecting_ = connector.connect(where, shared_from_this())
                      .add_callback([](const std::shared_ptr<Protocol>&) {})  // ourselves: not to be kept here
                      .add_errback([this](const Failure& reason) { lost(reason); });
    starting_ = false;
    if (!lost_) wait();
}

void HttpClientConnection::abandon() noexcept {
    handler_ = nullptr;
    free_ = false;
    release();
    if (connected()) {
        transport().abort_connection();
    } else {
        tell_ended();
    }
}

void HttpClientConnection::close_idle() noexcept {
    free_ = false;
    deadline_.clear();
    transport().lose_connection();
}

void HttpClientConnection::pause() {
    if (handler_ == nullptr || paused_) return;
    paused_ = true;
    deliver_call_.cancel();
    parser_.pause();
    if (connected()) deadline_.clear();
    transport().pause_producing();
}

void HttpClientConnection::resume() {
    if (handler_ == nullptr || !paused_) return;
    paused_ = false;
    if (connected()) wait();
    if (delivering_) {
        parser_.resume();
        transport().resume_producing();
    } else {
        // Nothing more is read before what the parser kept has gone: it has no bound of its own.
        deliver_call_ = clock_.call_later(Duration::zero(), [this] { deliver_held(); });
    }
}

const char* HttpClientConnection::phase() const noexcept {
    if (!made_) return "connecting";
    if (head_seen_) return "reading the answer";
    return sent_ ? "waiting for the answer" : "sending";
}

// ---- Protocol

void HttpClientConnection::connection_made() {
    made_ = true;
    if (handler_ == nullptr) return transport().abort_connection();
    send();
    if (paused_) {
        deadline_.clear();
        transport().pause_producing();
    }
}

void HttpClientConnection::data_received(const Bytes& data) {
    if (handler_ == nullptr) {
        // Nothing was asked: whatever this is, what follows could be taken for the next answer.
        if (free_) abandon();
        return;
    }
    answered_ = true;
    deliver([this, &data] { parser_.feed(data); });
    if (handler_ != nullptr && head_seen_ && !paused_ && !lost_) wait();
}

void HttpClientConnection::connection_lost(const Failure& reason) {
    free_ = false;
    const auto self = shared_from_this();
    tell_ended();
    lost(reason);
}

// ---- what the parser tells

void HttpClientConnection::on_informational(HttpResponseHead head) {
    if (head.status == 100 && awaiting_continue_) start_body();
}

void HttpClientConnection::on_head(HttpResponseHead head) {
    head_seen_ = true;
    keep_alive_ = head.keep_alive;
    // An answer to the head alone: the body is not wanted.
    held_back_ = std::exchange(awaiting_continue_, false);
    if (!lost_) wait();
    handler_->on_head(std::move(head));
}

/// Who answers before that may never read the rest, and take it for the next request if he does.
bool HttpClientConnection::all_taken() const noexcept {
    return sent_ && transport().write_buffered() == 0;
}

void HttpClientConnection::on_body(Bytes piece) {
    handler_->on_body(std::move(piece));
}

void HttpClientConnection::on_trailers(HttpHeaders trailers) {
    handler_->on_trailers(std::move(trailers));
}

void HttpClientConnection::on_complete() {
    auto* const handler = std::exchange(handler_, nullptr);
    const bool usable = connected() && !lost_ && !transport().disconnecting() && all_taken();
    const bool may_go_on = keeper_ != nullptr && usable && keep_alive_ && !request_.closes && parser_.unread() == 0;
    const auto self = shared_from_this();
    release();
    if (may_go_on) {
        free_ = true;
        deadline_.set(idle_limit_);
        keeper_->connection_free(*this);
    } else if (sent_) {
        // Who answered before reading all of it may never read the rest.
        if (transport().write_buffered() > 0) transport().set_write_timeout(options_.send_timeout);
        transport().lose_connection();
    } else {
        transport().abort_connection();
    }
    contain([handler] { handler->on_complete(); });
}

// ---- sending

void HttpClientConnection::send() {
    sent_ = !request_.source && !request_.awaits_continue;
    if (sent_) {
        const Bytes pieces[] = {std::move(request_.text), std::move(request_.body)};
        transport().write_sequence(pieces);
    } else {
        transport().write(std::move(request_.text));
        awaiting_continue_ = request_.awaits_continue;
        if (!awaiting_continue_) start_body();
    }
    wait();
}

/// Somebody's code is called for it: never from inside begin().
void HttpClientConnection::start_body() {
    awaiting_continue_ = false;
    send_call_ = clock_.call_later(Duration::zero(), [this] {
        const auto self = shared_from_this();
        if (!request_.source) {
            transport().write(std::move(request_.body));
            return body_sent();
        }
        left_to_send_ = request_.source->length.value_or(0);
        auto sending = send_body(request_.source).add_errback([this](const Failure& reason) {
            // That the connection is lost we hear in connection_lost(), after what came before. The transport knows
            // first, and says so to those who wait for room.
            if (reason.check<ConnectionClosed>() == nullptr || !transport().disconnecting()) fail(reason);
        });
        if (handler_ != nullptr && !sent_) sending_ = std::move(sending);
    });
}

/// Holds what it uses: the source may end the request.
Deferred<> HttpClientConnection::send_body(std::shared_ptr<HttpBodySource> source) {
    const auto self = shared_from_this();
    for (;;) {
        auto next = source->next();
        Bytes piece = co_await std::move(next);
        if (handler_ == nullptr) co_return;
        if (piece.empty()) break;
        write_piece(std::move(piece));
        if (!paused_ && !lost_) wait();
        auto room = transport().drained();
        co_await std::move(room);
        if (handler_ == nullptr) co_return;
    }
    finish_body();
}

void HttpClientConnection::write_piece(Bytes piece) {
    if (!request_.source->length) {
        const Bytes chunk[] = {Bytes::copy(fmt::format("{:x}\r\n", piece.size())), std::move(piece),
                               Bytes::borrow("\r\n")};
        return transport().write_sequence(chunk);
    }
    if (piece.size() > left_to_send_) {
        throw InvalidState(request_.name + ": its body is longer than was said of it");
    }
    left_to_send_ -= piece.size();
    transport().write(std::move(piece));
}

void HttpClientConnection::finish_body() {
    if (!request_.source->length) {
        transport().write("0\r\n\r\n");
    } else if (left_to_send_ > 0) {
        throw InvalidState(
            fmt::format("{}: its body is {} bytes shorter than was said of it", request_.name, left_to_send_));
    }
    body_sent();
}

void HttpClientConnection::body_sent() {
    sent_ = true;
    if (!paused_ && !lost_) wait();
}

// ---- delivering

template <typename F>
void HttpClientConnection::deliver(F step) {
    const auto self = shared_from_this();
    delivering_ = true;
    try {
        step();
    } catch (...) {
        delivering_ = false;
        fail(Failure::current());
        return;
    }
    delivering_ = false;
}

void HttpClientConnection::deliver_held() {
    const auto self = shared_from_this();
    deliver([this] { parser_.resume(); });
    // One that is free by now reads on, too: the next answer, and that the server closes.
    if (paused_ || (handler_ == nullptr && !free_)) return;
    if (lost_) {
        end();
    } else {
        transport().resume_producing();
    }
}

// ---- ends

/// There is no connection any more, or none to be had. What came before is delivered first.
void HttpClientConnection::lost(const Failure& reason) {
    if (handler_ == nullptr) return tell_ended();
    lost_ = reason;
    deadline_.clear();
    sending_ = {};
    send_call_.cancel();
    if (starting_) {
        deliver_call_ = clock_.call_later(Duration::zero(), [this] { deliver_held(); });
    } else if (!paused_ && !deliver_call_.active()) {
        end();
    }
}

/// The connection is gone and all that came has been delivered.
void HttpClientConnection::end() {
    const auto self = shared_from_this();
    const auto reason = *lost_;
    if (reason.check<ConnectionDone>() == nullptr) return fail(reason);
    if (parser_.between_messages()) {
        return fail(
            make_failure(HttpTruncated(HttpTruncated::Where::before_head,
                                       request_.name + ": the server closed the connection without an answer")));
    }
    deliver([this] { parser_.finish(); });
}

/// By value: release() may destroy what the reason was read from.
void HttpClientConnection::fail(Failure reason) {
    auto* const handler = std::exchange(handler_, nullptr);
    if (handler == nullptr) return;
    const auto self = shared_from_this();
    release();
    transport().abort_connection();
    if (!connected()) tell_ended();
    handler->on_failure(reason);
}

/// Lets go of everything that could call back.
void HttpClientConnection::release() noexcept {
    // One that is kept moves its timer on.
    if (keeper_ == nullptr) {
        deadline_.cancel();
    } else {
        deadline_.clear();
    }
    deliver_call_.cancel();
    send_call_.cancel();
    connecting_ = {};
    sending_ = {};
    request_.source.reset();
    parser_.reset();  // what else may come belongs to nobody
}

void HttpClientConnection::tell_ended() noexcept {
    if (const auto keeper = std::move(keeper_)) keeper->connection_ended(*this);
}

// ---- time

void HttpClientConnection::wait() {
    if (!made_) {
        deadline_.set(options_.connect_timeout);
    } else if (head_seen_) {
        deadline_.set(options_.idle_timeout);
    } else if (awaiting_continue_) {
        deadline_.set(options_.continue_timeout);
    } else if (!sent_) {
        deadline_.set(options_.send_timeout);
    } else {
        deadline_.set(options_.head_timeout);
    }
}

void HttpClientConnection::deadline_passed() {
    const auto self = shared_from_this();
    if (free_) return close_idle();
    if (handler_ != nullptr) time_out();
}

void HttpClientConnection::time_out() {
    const auto give_up = [this](HttpTimeout::Waiting waiting, const char* what, Duration limit) {
        fail(make_failure(HttpTimeout(waiting, fmt::format("{} {} {} s", request_.name, what, in_seconds(limit)))));
    };
    if (!made_) {
        connecting_ = {};
        return lost(make_failure(ConnectTimeout(
            fmt::format("no connection to {} within {} s", where_, in_seconds(options_.connect_timeout)))));
    }
    if (head_seen_) {
        return give_up(HttpTimeout::Waiting::body, "no more of its answer came within", options_.idle_timeout);
    }
    if (awaiting_continue_) {
        start_body();
        return wait();
    }
    if (!sent_)
        return give_up(HttpTimeout::Waiting::sending, "was not taken by the server within", options_.send_timeout);
    give_up(HttpTimeout::Waiting::head, "was not answered within", options_.head_timeout);
}

}  // namespace plait::detail

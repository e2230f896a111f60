#include "plait/reactor/detail/http_server_connection.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/detail/http_request_rules.hpp"
#include "plait/reactor/errors.hpp"

namespace plait::detail {
namespace {

/// What may wait here of pipelined requests while one is being answered, before reading stops.
constexpr std::size_t most_unread = 64 * 1024;

HttpResponseHead plain_head(int status, std::size_t size) {
    HttpResponseHead head;
    head.status = status;
    head.headers = {{"Content-Type", "text/plain; charset=utf-8"},
                    {"Content-Length", std::to_string(size)},
                    {"Connection", "close"}};
    return head;
}

int status_for(HttpLimitExceeded::Part part) noexcept {
    if (part == HttpLimitExceeded::Part::body) return 413;
    return part == HttpLimitExceeded::Part::start_line ? 414 : 431;
}

}  // namespace

std::string HttpServerShared::text_of(const HttpResponseHead& head) {
    auto text = format_head(head);
    if (!options.date || head.headers.contains("Date")) return text;
    const auto& line = date_line();
    return text.insert(text.size() - 2, line);  // before the empty line
}

const std::string& HttpServerShared::date_line() {
    const auto now = wall_clock();
    if (now != date_at_ || date_line_.empty()) {
        date_line_ = fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} GMT\r\n", fmt::gmtime(now));
        date_at_ = now;
    }
    return date_line_;
}

HttpServerConnection::HttpServerConnection(std::shared_ptr<HttpServerShared> shared, bool turned_away)
    : shared_(std::move(shared)),
      parser_(*this, shared_->options.limits),
      deadline_(shared_->clock, *this),
      turned_away_(turned_away) {}

HttpServerConnection::~HttpServerConnection() {
    shared_->open.erase(this);
    if (writer_ != nullptr) writer_->connection_ = nullptr;
}

// ---- Protocol

void HttpServerConnection::connection_made() {
    shared_->open.insert(this);
    if (turned_away_) return refuse(503, "this server has as many connections as it takes; try again later");
    wait_for_request();
}

void HttpServerConnection::data_received(const Bytes& data) {
    if (lingering_) {
        thrown_away_ += data.size();
        if (thrown_away_ > shared_->options.linger_bytes) abort();
        return;
    }
    if (!begun_ && writer_ == nullptr && !closing_) {
        begun_ = true;
        began_ = shared_->clock.now();
        deadline_.set(shared_->options.head_timeout);
    }
    read([this, &data] { parser_.feed(data); });
    if (writer_ != nullptr && parser_.unread() > most_unread) transport().pause_producing();
}

void HttpServerConnection::read_connection_lost() {
    input_ended_ = true;
    if (lingering_) return transport().lose_connection();
    read([this] { parser_.finish(); });
}

void HttpServerConnection::connection_lost(const Failure& reason) {
    const auto self = shared_from_this();
    shared_->open.erase(this);
    deadline_.cancel();
    next_.cancel();
    closing_ = true;
    end_body(reason);
    if (auto* const writer = std::exchange(writer_, nullptr)) writer->connection_lost(reason);
}

// ---- what the parser tells

void HttpServerConnection::on_head(HttpRequestHead head) {
    check_request(head);
    ++requests_;
    in_request_ = true;
    client_stays_ = head.keep_alive;
    check_expectation(head);
    if (closing_) return;
    if (!shared_->stream_handler) {
        if (owes_continue_) say_continue();
        const auto limit = shared_->options.request_timeout;
        const auto used = shared_->clock.now() - began_;
        deadline_.set(limit <= Duration::zero() ? limit : std::max(limit - used, Duration(1)));
        head_ = std::move(head);
        return;
    }
    deadline_.clear();
    const bool has_body = head.chunked || head.content_length.value_or(0) > 0;
    HttpIncoming incoming{std::move(head), transport().peer(), HttpBodyReader()};
    auto answer = make_answer(incoming.head);
    if (has_body) {
        body_ = std::make_shared<HttpBodyQueue>(shared_from_this());
        incoming.body = HttpBodyReader(body_);
    }
    const auto handler = shared_->stream_handler;
    call(*handler, std::move(incoming), answer);
}

void HttpServerConnection::check_expectation(const HttpRequestHead& head) {
    owes_continue_ = false;
    if (head.minor_version == 0) return;
    for (const auto& [name, value] : head.headers) {
        if (!equal_ignoring_case(name, "Expect")) continue;
        if (!equal_ignoring_case(value, "100-continue")) {
            return refuse(417, fmt::format("what is expected here, \"{}\", is not known", value));
        }
        owes_continue_ = head.chunked || head.content_length.value_or(0) > 0;
    }
}

void HttpServerConnection::say_continue() {
    owes_continue_ = false;
    transport().write("HTTP/1.1 100 Continue\r\n\r\n");
}

void HttpServerConnection::on_body(Bytes piece) {
    owes_continue_ = false;  // he did not wait to be told
    if (!shared_->stream_handler) {
        gathered_.add(std::move(piece));
        return;
    }
    if (skipping_) {
        thrown_away_ += piece.size();
        if (thrown_away_ <= shared_->options.linger_bytes) return;
        if (writer_ == nullptr) return linger();
        pause_body();
        return;
    }
    deadline_.set(shared_->options.request_timeout);
    if (const auto body = body_) body->push(std::move(piece));
}

void HttpServerConnection::on_complete() {
    const auto self = shared_from_this();
    deadline_.clear();
    parser_.pause();
    in_request_ = false;
    if (shared_->stream_handler || body_ != nullptr) {
        if (const auto body = std::move(body_)) body->end();
        if (writer_ == nullptr && !closing_) next_request();
        return;
    }
    HttpRequest request{std::move(head_), gathered_.take()};
    const auto handler = shared_->handler;
    if (!handler) return abort();
    auto answer = make_answer(request.head);
    call(*handler, std::move(request), answer);
}

HttpAnswer HttpServerConnection::make_answer(const HttpRequestHead& head) {
    HttpAnswer answer(new HttpResponseWriter(*this, head));
    writer_ = answer.get();
    return answer;
}

template <typename Function, typename Request>
void HttpServerConnection::call(Function& handler, Request request, const HttpAnswer& answer) {
    const auto self = shared_from_this();
    try {
        handler(std::move(request), answer);
    } catch (...) {
        report_unhandled_failure(Failure::current());
        if (answer->finished()) return;
        if (answer->started()) return answer->abort();
        answer->respond(500, {}, Bytes::borrow("the server failed to answer this request\n"));
    }
}

// ---- who reads the body

void HttpServerConnection::pause_body() {
    body_paused_ = true;
    deadline_.clear();
    parser_.pause();
    transport().pause_producing();
}

void HttpServerConnection::resume_body() {
    if (!std::exchange(body_paused_, false) || closing_) return;
    if (!skipping_) deadline_.set(shared_->options.request_timeout);
    if (reading_) {
        parser_.resume();
        transport().resume_producing();
        return;
    }
    // Nothing more is read before what the parser kept has gone.
    next_ = shared_->clock.call_later(Duration::zero(), [this] {
        const auto self = shared_from_this();
        read([this] { parser_.resume(); });
        if (!closing_ && !body_paused_) transport().resume_producing();
    });
}

void HttpServerConnection::body_wanted() {
    if (closing_) return;
    if (owes_continue_ && writer_ != nullptr && !writer_->started()) say_continue();
    deadline_.set(shared_->options.request_timeout);
}

void HttpServerConnection::drop_body() {
    body_ = nullptr;
    if (closing_) return;  // the time to linger is running
    deadline_.clear();
    if (!in_request_) return;
    skip_body();
    if (writer_ == nullptr) deadline_.set(shared_->options.linger_timeout);  // it was answered before
}

/// What comes is read, as long as it is little: then another request may follow.
void HttpServerConnection::skip_body() {
    if (skipping_) return;
    skipping_ = true;
    thrown_away_ = 0;
    resume_body();
}

void HttpServerConnection::end_body(const Failure& reason) {
    if (const auto body = std::move(body_)) body->fail(reason);
}

// ---- for the writer

bool HttpServerConnection::may_go_on() const noexcept {
    const auto most = shared_->options.requests_per_connection;
    if (most != 0 && requests_ >= most) return false;
    return !owes_continue_;  // it may or may not send the body now
}

void HttpServerConnection::answer_starts(int status) {
    if (owes_continue_ && body_ != nullptr && status < 400) say_continue();
}

void HttpServerConnection::answer_finished(bool keep_alive) {
    writer_ = nullptr;
    if (closing_) return;
    if (broken_) return linger();
    if (in_request_) {
        if (!keep_alive || thrown_away_ > shared_->options.linger_bytes) return linger();
        if (body_ == nullptr) skip_body();
        if (skipping_) deadline_.set(shared_->options.linger_timeout);
        return;
    }
    // Who did not ask for the end may have sent more by now.
    if (!keep_alive) return client_stays_ || parser_.unread() > 0 ? linger() : close();
    next_request();
}

void HttpServerConnection::next_request() {
    skipping_ = body_paused_ = begun_ = false;
    thrown_away_ = 0;
    began_ = shared_->clock.now();
    transport().resume_producing();
    wait_for_request();
    if (reading_) {
        parser_.resume();
    } else {
        next_ = shared_->clock.call_later(Duration::zero(), [this] { read([this] { parser_.resume(); }); });
    }
}

void HttpServerConnection::close() {
    stop_reading();
    transport().lose_connection();
}

void HttpServerConnection::abort() {
    stop_reading();
    transport().abort_connection();
}

// ---- reading

template <typename F>
void HttpServerConnection::read(F step) {
    if (closing_) return;
    const auto self = shared_from_this();
    const auto failed = [this](int status, const HttpError& error) {
        const auto reason = Failure::current();
        const std::string why = error.what();
        broken_ = true;
        end_body(reason);  // its reader may answer
        if (closing_) return;
        if (writer_ != nullptr && writer_->started()) return abort();
        if (auto* const writer = std::exchange(writer_, nullptr)) writer->connection_lost(reason);
        refuse(status, why);
    };
    reading_ = true;
    try {
        step();
    } catch (const HttpTruncated&) {
        end_body(Failure::current());
        close();
    } catch (const HttpLimitExceeded& error) {
        failed(status_for(error.part()), error);
    } catch (const HttpNotSupported& error) {
        failed(501, error);
    } catch (const HttpBadVersion& error) {
        failed(505, error);
    } catch (const HttpError& error) {
        failed(400, error);
    }
    reading_ = false;
    if (input_ended_ && writer_ == nullptr && !in_request_ && !closing_ && !next_.active()) close();
}

void HttpServerConnection::refuse(int status, const std::string& why) {
    const auto text = why + "\n";
    transport().write(text_of(plain_head(status, text.size())));
    transport().write(text);
    linger();
}

void HttpServerConnection::wait_for_request() {
    deadline_.set(shared_->options.idle_timeout);
}

void HttpServerConnection::deadline_passed() {
    const auto self = shared_from_this();
    if (lingering_) {
        // A long answer takes its time; one that does not move is not wanted.
        const auto left = transport().write_buffered();
        if (left == 0) return transport().lose_connection();
        if (left >= left_at_deadline_) return transport().abort_connection();
        left_at_deadline_ = left;
        return deadline_.set(shared_->options.linger_timeout);
    }
    if (in_request_ && shared_->stream_handler) {
        if (writer_ == nullptr) return linger();
        abort();
        return end_body(make_failure(
            HttpTimeout(HttpTimeout::Waiting::body, "no more of the body of an HTTP request came in time")));
    }
    if (parser_.between_messages() && !in_request_) return close();
    refuse(408, "the request did not arrive in time");
}

// ---- the end

/// The answer goes out, and what the client still sends is thrown away.
void HttpServerConnection::linger() {
    stop_reading();
    if (input_ended_ || shared_->options.linger_timeout <= Duration::zero()) return transport().lose_connection();
    lingering_ = true;
    thrown_away_ = 0;
    left_at_deadline_ = transport().write_buffered() + 1;
    deadline_.set(shared_->options.linger_timeout);
    transport().lose_write_connection();
    transport().resume_producing();
}

/// An answer under way stays attached: it hears of the end in connection_lost().
void HttpServerConnection::stop_reading() {
    closing_ = true;
    lingering_ = false;
    deadline_.cancel();
    next_.cancel();
    parser_.pause();
}

}  // namespace plait::detail

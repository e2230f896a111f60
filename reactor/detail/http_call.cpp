#include "plait/reactor/detail/http_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <typeinfo>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/http_redirect.hpp"
#include "plait/reactor/errors.hpp"

namespace plait::detail {
namespace {

/// Of an answer that leads elsewhere: read to keep the connection, or, when there is more, not at all.
constexpr std::size_t most_skipped = 64 * 1024;

bool is_idempotent(std::string_view method) noexcept {
    constexpr std::array<std::string_view, 6> methods{"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
    return std::find(methods.begin(), methods.end(), method) != methods.end();
}

/// The same error with `before` in front of its sentence, if it is just an E.
template <typename E>
bool with_name(const Failure& reason, const std::string& before, std::optional<Failure>& named) {
    const auto* const error = reason.check<E>();
    if (error == nullptr || typeid(*error) != typeid(E)) return false;
    const auto sentence = before + error->what();
    if constexpr (std::is_same_v<E, HttpTruncated>) {
        named = Failure(std::make_exception_ptr(E(error->where(), sentence)), reason.origin());
    } else if constexpr (std::is_same_v<E, HttpLimitExceeded>) {
        named = Failure(std::make_exception_ptr(E(error->part(), error->limit(), sentence)), reason.origin());
    } else {
        named = Failure(std::make_exception_ptr(E(sentence)), reason.origin());
    }
    return true;
}

template <typename... Errors>
Failure with_names(const Failure& reason, const std::string& before) {
    std::optional<Failure> named;
    static_cast<void>((with_name<Errors>(reason, before, named) || ...));
    return named.value_or(reason);
}

}  // namespace

HttpCallState::HttpCallState(std::shared_ptr<HttpPool> pool, HttpClientRequest request, HttpResponseHandler& handler)
    : pool_(std::move(pool)), handler_(&handler), request_(std::move(request)) {
    const bool harmless = request_.method == "GET" || request_.method == "HEAD";
    may_follow_ = request_.redirections.value_or(harmless ? pool_->options().redirections : 0);
    if (request_.source) {
        source_ = std::make_shared<HttpBodySource>(std::move(*request_.source));
        request_.source.reset();
    }
    ready_ = outgoing();
}

HttpCallState::~HttpCallState() {
    pool_->remove_call(*this);
}

void HttpCallState::start() {
    pool_->add_call(*this);
    const auto limit = pool_->options().total_timeout;
    if (limit > Duration::zero()) {
        total_timer_ = pool_->clock().call_later(limit, [this, limit] {
            fail(make_failure(HttpTimeout(HttpTimeout::Waiting::whole,
                                          fmt::format("{} was not complete within {} s", name(), in_seconds(limit)))));
        });
    }
    attempt();
}

void HttpCallState::abandon() noexcept {
    end();
    if (const auto connection = std::move(connection_)) connection->abandon();
}

void HttpCallState::client_closed() {
    tell_failure(make_failure(HttpClientClosed(name() + ": the HttpClient was closed before the answer was complete")));
}

// ---- what goes out

HttpOutgoing HttpCallState::outgoing() {
    HttpRequestHead head;
    head.method = request_.method;
    head.target = request_.url.target();
    auto& headers = head.headers;
    const bool usual_host = trusted_ && pool_->options().headers.contains("Host");
    if (!request_.headers.contains("Host") && !usual_host) headers.add("Host", request_.url.authority());
    for (const auto& [name, value] : request_.headers)
        headers.add(name, value);
    for (const auto& [name, value] : pool_->options().headers) {
        if (!request_.headers.contains(name) && (trusted_ || !is_secret(name))) headers.add(name, value);
    }
    if (!headers.contains("Authorization")) {
        if (auto authorization = request_.url.basic_authorization()) {
            headers.add("Authorization", *std::move(authorization));
        }
    }
    // A range is one of the encoded text, which nobody could decode.
    undoes_encoding_ = pool_->options().decode && !headers.contains("Accept-Encoding") && !headers.contains("Range");
    if (undoes_encoding_) headers.add("Accept-Encoding", "gzip, deflate");
    const bool has_body = source_ != nullptr || !request_.body.empty();
    if (request_.expect_continue && has_body && !headers.contains("Expect")) headers.add("Expect", "100-continue");
    if (!may_expect_) headers.remove("Expect");
    auto out = write_http_request(std::move(head), request_.body, source_, request_.url.host_port(),
                                  request_.url.secure, false);
    expects_ = out.awaits_continue;
    return out;
}

std::string HttpCallState::name() const {
    return request_.method + " " + request_.url.str();
}

void HttpCallState::attempt() {
    const HttpOrigin origin{request_.url.secure, request_.url.host, request_.url.port};
    if (pool_->closed()) {
        return fail_soon(make_failure(HttpClientClosed(name() + ": the HttpClient is closed")));
    }
    if (!pool_->reaches(origin)) {
        return fail_soon(make_failure(BadUrl(name() + ": the HttpClient has no Connector for this scheme")));
    }
    bool served = false;
    try {
        served = pool_->ask(origin, *this);
    } catch (const HttpQueueFull& error) {
        return fail_soon(make_failure(HttpQueueFull(name() + ": " + error.what())));
    }
    const auto limit = pool_->options().waiting_timeout;
    if (served || limit <= Duration::zero()) return;
    waiting_timer_ = pool_->clock().call_later(limit, [this, limit] {
        fail(make_failure(
            HttpTimeout(HttpTimeout::Waiting::connection,
                        fmt::format("{}: no connection was free within {} s", name(), in_seconds(limit)))));
    });
}

void HttpCallState::take_connection(std::shared_ptr<HttpClientConnection> connection, Connector* connector) {
    waiting_timer_.cancel();
    connection_ = std::move(connection);
    auto out = ready_ ? *std::exchange(ready_, std::nullopt) : outgoing();
    connection_->begin(std::move(out), *this, pool_->options());
    if (connector != nullptr) connection_->connect(*connector, request_.url.host_port());
    if (paused_) connection_->pause();
}

// ---- what comes in

void HttpCallState::on_head(HttpResponseHead head) {
    if (drops_expectation(head) || (may_follow_ > 0 && leads_elsewhere(head))) return;
    choose_decoder(head);
    handler_->on_head(std::move(head));
}

void HttpCallState::on_body(Bytes piece) {
    const auto self = shared_from_this();
    if (next_) {
        skipped_ += piece.size();
        if (skipped_ <= most_skipped) return;
        const auto connection = std::move(connection_);
        connection->abandon();
        soon_ = pool_->clock().call_later(Duration::zero(), [this] { follow(); });
        return;
    }
    if (!decoder_) return handler_->on_body(std::move(piece));
    decoder_->feed(std::move(piece));
    in_event_ = true;
    try {
        decode();
    } catch (...) {
        in_event_ = false;
        throw;
    }
    in_event_ = false;
}

void HttpCallState::on_trailers(HttpHeaders trailers) {
    if (!next_) handler_->on_trailers(std::move(trailers));
}

void HttpCallState::on_complete() {
    const auto self = shared_from_this();
    connection_ = nullptr;
    if (next_) return follow();
    if (decoder_) {
        try {
            decoder_->finish();
        } catch (...) {
            return fail(named(Failure::current(), "reading the answer"));
        }
    }
    if (auto* const handler = end()) handler->on_complete();
}

void HttpCallState::on_failure(const Failure& reason) {
    const auto self = shared_from_this();
    const auto connection = std::move(connection_);
    const auto* const truncated = reason.check<HttpTruncated>();
    const bool gone = reason.check<ConnectionClosed>() != nullptr ||
                      (truncated != nullptr && truncated->where() == HttpTruncated::Where::before_head);
    if (gone && connection->reused() && !connection->answered() && can_repeat()) {
        repeated_ = true;
        pool_->drop_idle({request_.url.secure, request_.url.host, request_.url.port});
        return attempt();
    }
    fail(named(reason, connection->phase()));
}

bool HttpCallState::can_repeat() const noexcept {
    return !repeated_ && source_ == nullptr && is_idempotent(request_.method);
}

// ---- again, and elsewhere

bool HttpCallState::can_send_again() const noexcept {
    return source_ == nullptr || connection_->held_back();
}

/// 417 is about the expectation alone: somebody on the way does not know it.
bool HttpCallState::drops_expectation(const HttpResponseHead& head) {
    if (head.status != 417 || !expects_ || !can_send_again()) return false;
    may_expect_ = false;
    next_ = HttpNextRequest{request_.url, request_.method};
    skipped_ = 0;
    return true;
}

bool HttpCallState::leads_elsewhere(const HttpResponseHead& head) {
    const auto location = head.headers.find("Location");
    if (!is_redirection(head.status) || !location) return false;
    auto next = follow_redirection(request_, head.status, *location);
    if (!next.drops_body && !can_send_again()) return false;
    if (followed_++ >= may_follow_) {
        throw HttpBadRedirect(fmt::format("it was led on more than {} times, last to {}", may_follow_, next.url.str()));
    }
    next_ = std::move(next);
    skipped_ = 0;
    return true;
}

void HttpCallState::follow() {
    auto next = *std::exchange(next_, std::nullopt);
    if (!request_.url.same_origin(next.url)) {
        trusted_ = false;
        drop_secrets(request_.headers);
    }
    if (next.drops_body) {
        drop_body_headers(request_.headers);
        request_.body = {};
        source_ = nullptr;
    }
    request_.url = std::move(next.url);
    request_.method = std::move(next.method);
    repeated_ = false;
    try {
        ready_ = outgoing();
    } catch (...) {
        return fail(Failure::current());
    }
    attempt();
}

// ---- decoding

void HttpCallState::choose_decoder(HttpResponseHead& head) {
    if (!undoes_encoding_) return;
    const auto encoding = head.headers.find("Content-Encoding");
    if (!encoding || head.headers.count("Content-Encoding") > 1) return;  // none, or one around another
    if (equal_ignoring_case(*encoding, "gzip") || equal_ignoring_case(*encoding, "x-gzip")) {
        decoder_.emplace(GzipDecoder::Format::gzip, pool_->options().decoding);
    } else if (equal_ignoring_case(*encoding, "deflate")) {
        decoder_.emplace(GzipDecoder::Format::deflate, pool_->options().decoding);
    } else {
        return;  // not asked for; the handler sees what it is
    }
    head.headers.remove("Content-Encoding");
    head.headers.remove("Content-Length");
    head.content_length.reset();
}

/// False when something is left: it is paused, or over.
bool HttpCallState::decode() {
    while (handler_ != nullptr && !paused_) {
        auto piece = decoder_->next();
        if (piece.empty()) return true;
        handler_->on_body(std::move(piece));
    }
    return false;
}

// ---- pausing

void HttpCallState::pause() {
    if (handler_ == nullptr || paused_) return;
    paused_ = true;
    go_on_call_.cancel();
    if (connection_ && !next_) connection_->pause();
}

void HttpCallState::resume() {
    if (handler_ == nullptr || !paused_) return;
    paused_ = false;
    if (failed_) return fail_soon(*failed_);
    if (going_on_ || !connection_) return;
    if (decoder_ && !in_event_) {
        go_on_call_ = pool_->clock().call_later(Duration::zero(), [this] { go_on(); });
    } else {
        connection_->resume();
    }
}

/// What is decoded already, or could be, goes before what is to come.
void HttpCallState::go_on() {
    const auto self = shared_from_this();
    bool all = false;
    going_on_ = true;
    try {
        all = decode();
    } catch (...) {
        going_on_ = false;
        return fail(named(Failure::current(), "reading the answer"));
    }
    going_on_ = false;
    if (all && connection_) connection_->resume();
}

// ---- the end

void HttpCallState::fail_soon(Failure reason) {
    soon_ = pool_->clock().call_later(Duration::zero(), [this, reason = std::move(reason)] { fail(reason); });
}

/// By value: what follows may destroy what the reason was read from.
void HttpCallState::fail(Failure reason) {
    const auto self = shared_from_this();
    if (!paused_) return tell_failure(reason);
    if (handler_ == nullptr) return;
    failed_ = std::move(reason);
    let_go();
    if (const auto connection = std::move(connection_)) connection->abandon();
}

void HttpCallState::tell_failure(const Failure& reason) {
    const auto self = shared_from_this();
    auto* const handler = end();
    if (const auto connection = std::move(connection_)) connection->abandon();
    if (handler != nullptr) handler->on_failure(reason);
}

HttpResponseHandler* HttpCallState::end() noexcept {
    let_go();
    pool_->remove_call(*this);
    return std::exchange(handler_, nullptr);
}

void HttpCallState::let_go() noexcept {
    soon_.cancel();
    go_on_call_.cancel();
    waiting_timer_.cancel();
    total_timer_.cancel();
    pool_->leave(*this);
}

Failure HttpCallState::named(const Failure& reason, const char* phase) const {
    const auto* const error = reason.exception();
    if (error != nullptr && std::string_view(error->what()).starts_with(request_.method + " http")) return reason;
    return with_names<HttpMalformed, HttpBadVersion, HttpNotSupported, HttpTruncated, HttpLimitExceeded,
                      HttpTrailingData, HttpBadContent, HttpBadRedirect, ConnectionRefused, NoRoute, ConnectTimeout,
                      NameNotFound, ConnectError, ConnectionDone, ConnectionLost, ConnectionAborted>(
        reason, name() + ": " + phase + ": ");
}

}  // namespace plait::detail

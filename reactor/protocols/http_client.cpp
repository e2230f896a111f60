#include "plait/reactor/protocols/http_client.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/tcp.hpp"

namespace plait {
namespace {

constexpr std::uint64_t default_fetch_limit = 16 * 1024 * 1024;

double seconds(Duration time) {
    return std::chrono::duration<double>(time).count();
}

std::string request_text(HttpRequest& request, const HostPort& where) {
    auto& headers = request.head.headers;
    const bool bare = where.port == 80 && where.host.find(':') == std::string::npos;
    if (!headers.contains("Host")) headers.add("Host", bare ? where.host : where.str());
    if (!headers.contains("Connection")) headers.add("Connection", "close");
    const bool framed = headers.contains("Content-Length") || headers.contains("Transfer-Encoding");
    const bool expects_body = !request.body.empty() || request.head.method == "POST" || request.head.method == "PUT";
    if (expects_body && !framed) headers.add("Content-Length", std::to_string(request.body.size()));
    return format_head(request.head);
}

}  // namespace

/// The protocol on the wire and the exchange's state in one. `handler_` is null once the outcome is told or unwanted.
class HttpExchange::Connection final : public Protocol,
                                       public HttpResponseParser::Handler,
                                       public std::enable_shared_from_this<Connection> {
public:
    Connection(Clock& clock, const HostPort& where, HttpRequest request, HttpResponseHandler& handler,
               const HttpClientOptions& options)
        : clock_(clock),
          handler_(&handler),
          options_(options),
          parser_(*this, options.limits),
          name_(fmt::format("{} http://{}{}", request.head.method, where.str(), request.head.target)),
          head_text_(Bytes::own(request_text(request, where))),
          body_(std::move(request.body)) {
        if (request.head.method == "HEAD") parser_.expect_no_body();
    }

    void connect(Connector& connector, const HostPort& where) {
        connecting_ = connector.connect(where, shared_from_this())
                          .add_callback([](const std::shared_ptr<Protocol>&) {})  // ourselves: not to be kept here
                          .add_errback([this](const Failure& reason) { lost(reason); });
        starting_ = false;
        if (lost_) return;
        set_timer(options_.connect_timeout, [this, address = where.str()] {
            connecting_ = {};
            lost(make_failure(ConnectTimeout(
                fmt::format("no connection to {} within {} s", address, seconds(options_.connect_timeout)))));
        });
    }

    void abandon() noexcept {
        if (std::exchange(handler_, nullptr) == nullptr) return;  // it has ended: its connection is closed, or closing
        release();
        transport().abort_connection();
    }

    void pause() {
        if (handler_ == nullptr || paused_) return;
        paused_ = true;
        deliver_call_.cancel();
        parser_.pause();
        if (connected()) timer_.cancel();
        transport().pause_producing();
    }

    void resume() {
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

    bool paused() const noexcept { return paused_; }
    bool finished() const noexcept { return handler_ == nullptr; }

    // ---- Protocol

    void connection_made() override {
        if (handler_ == nullptr) return transport().abort_connection();
        const Bytes pieces[] = {std::move(head_text_), std::move(body_)};
        transport().write_sequence(pieces);
        if (paused_) {
            timer_.cancel();
            transport().pause_producing();
        } else {
            wait();
        }
    }

    void data_received(const Bytes& data) override {
        if (handler_ == nullptr) return;
        deliver([this, &data] { parser_.feed(data); });
        if (timer_.active() && head_seen_) timer_.reset(options_.idle_timeout);
    }

    void connection_lost(const Failure& reason) override { lost(reason); }

    // ---- parser

    void on_head(HttpResponseHead head) override {
        head_seen_ = true;
        if (!lost_) wait();
        handler_->on_head(std::move(head));
    }

    void on_body(Bytes piece) override { handler_->on_body(std::move(piece)); }

    void on_complete() override {
        auto* const handler = std::exchange(handler_, nullptr);
        release();
        transport().lose_connection();
        contain([handler] { handler->on_complete(); });
    }

private:
    template <typename F>
    void deliver(F step) {
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

    void deliver_held() {
        const auto self = shared_from_this();
        deliver([this] { parser_.resume(); });
        if (handler_ == nullptr || paused_) return;
        if (lost_) {
            end();
        } else {
            transport().resume_producing();
        }
    }

    /// There is no connection any more, or none to be had. What came before is delivered first.
    void lost(const Failure& reason) {
        if (handler_ == nullptr) return;
        lost_ = reason;
        timer_.cancel();
        if (starting_) {
            deliver_call_ = clock_.call_later(Duration::zero(), [this] { deliver_held(); });
        } else if (!paused_ && !deliver_call_.active()) {
            end();
        }
    }

    /// The connection is gone and all that came has been delivered.
    void end() {
        const auto self = shared_from_this();
        const auto reason = *lost_;
        if (reason.check<ConnectionDone>() == nullptr) return fail(reason);
        if (parser_.between_messages()) {
            return fail(make_failure(HttpTruncated(HttpTruncated::Where::before_head,
                                                   name_ + ": the server closed the connection without an answer")));
        }
        deliver([this] { parser_.finish(); });
    }

    /// By value: release() may destroy what the reason was read from.
    void fail(Failure reason) {
        auto* const handler = std::exchange(handler_, nullptr);
        if (handler == nullptr) return;
        const auto self = shared_from_this();
        release();
        transport().abort_connection();
        handler->on_failure(reason);
    }

    /// Lets go of everything that could call back.
    void release() noexcept {
        timer_.cancel();
        deliver_call_.cancel();
        connecting_ = {};
        parser_.reset();  // what else may come belongs to nobody
    }

    void wait() {
        if (head_seen_) {
            set_timer(options_.idle_timeout, [this] {
                time_out(HttpTimeout::Waiting::body, "no more of its answer came within", options_.idle_timeout);
            });
        } else {
            set_timer(options_.head_timeout, [this] {
                time_out(HttpTimeout::Waiting::head, "was not answered within", options_.head_timeout);
            });
        }
    }

    void time_out(HttpTimeout::Waiting waiting, const char* what, Duration limit) {
        fail(make_failure(HttpTimeout(waiting, fmt::format("{} {} {} s", name_, what, seconds(limit)))));
    }

    template <typename F>
    void set_timer(Duration limit, F expired) {
        timer_.cancel();
        if (limit > Duration::zero()) timer_ = clock_.call_later(limit, std::move(expired));
    }

    Clock& clock_;
    HttpResponseHandler* handler_;
    HttpClientOptions options_;
    HttpResponseParser parser_;
    std::string name_;
    Bytes head_text_;
    Bytes body_;
    Deferred<> connecting_;
    DelayedCall timer_;
    DelayedCall deliver_call_;
    std::optional<Failure> lost_;
    bool starting_ = true;  ///< the constructor of the exchange has not returned
    bool head_seen_ = false;
    bool paused_ = false;
    bool delivering_ = false;
};

HttpExchange::HttpExchange(Clock& clock, Connector& connector, const HostPort& where, HttpRequest request,
                           HttpResponseHandler& handler, HttpClientOptions options)
    : connection_(std::make_shared<Connection>(clock, where, std::move(request), handler, options)) {
    connection_->connect(connector, where);
}

HttpExchange::~HttpExchange() {
    connection_->abandon();
}

void HttpExchange::pause() {
    connection_->pause();
}

void HttpExchange::resume() {
    connection_->resume();
}

bool HttpExchange::paused() const noexcept {
    return connection_->paused();
}

bool HttpExchange::finished() const noexcept {
    return connection_->finished();
}

HttpRequest make_http_request(const Url& url, std::string method, Bytes body) {
    HttpRequest request;
    request.head.method = std::move(method);
    request.head.target = url.target();
    request.head.headers.add("Host", url.authority());
    if (auto authorization = url.basic_authorization()) {
        request.head.headers.add("Authorization", *std::move(authorization));
    }
    request.body = std::move(body);
    return request;
}

namespace {

/// Gathers an answer. Owned by the canceller of its own Deferred, and gone when that has fired.
class Fetch final : public HttpResponseHandler {
public:
    explicit Fetch(std::shared_ptr<Connector> kept) : connector_(std::move(kept)) {}

    void start(Clock& clock, Connector& connector, const HostPort& where, HttpRequest request,
               const HttpClientOptions& options, Promise<HttpResponse> promise) {
        promise_ = std::move(promise);
        exchange_.emplace(clock, connector, where, std::move(request), *this, options);
    }

    void on_head(HttpResponseHead head) override { head_ = std::move(head); }
    void on_body(Bytes piece) override { pieces_.push_back(std::move(piece)); }

    void on_complete() override {
        HttpResponse response{std::move(head_), joined()};
        auto promise = std::move(promise_);
        promise.callback(std::move(response));
    }

    void on_failure(const Failure& reason) override {
        auto promise = std::move(promise_);
        promise.errback(reason);
    }

private:
    Bytes joined() {
        if (pieces_.size() == 1) return std::move(pieces_.front());
        std::string text;
        for (const auto& piece : pieces_)
            text.append(piece.view());
        return Bytes::own(std::move(text));
    }

    std::shared_ptr<Connector> connector_;
    Promise<HttpResponse> promise_;
    HttpResponseHead head_;
    std::vector<Bytes> pieces_;
    std::optional<HttpExchange> exchange_;
};

/// `kept`: a connector to keep until the end, or null.
Deferred<HttpResponse> fetch_with(Clock& clock, Connector& connector, std::shared_ptr<Connector> kept,
                                  const HostPort& where, HttpRequest request, HttpClientOptions options) {
    if (!options.limits.body_bytes) options.limits.body_bytes = default_fetch_limit;
    auto fetch = std::make_shared<Fetch>(std::move(kept));
    auto [deferred, promise] = make_deferred<HttpResponse>([fetch] {});
    try {
        fetch->start(clock, connector, where, std::move(request), options, std::move(promise));
    } catch (...) {
        return fail<HttpResponse>(Failure::current());
    }
    return std::move(deferred);
}

}  // namespace

Deferred<HttpResponse> http_fetch(Clock& clock, Connector& connector, const HostPort& where, HttpRequest request,
                                  HttpClientOptions options) {
    return fetch_with(clock, connector, nullptr, where, std::move(request), options);
}

Deferred<HttpResponse> http_get(Clock& clock, Connector& connector, const Url& url, HttpClientOptions options) {
    return fetch_with(clock, connector, nullptr, url.host_port(), make_http_request(url), options);
}

Deferred<HttpResponse> http_get(Reactor& reactor, const Url& url, HttpClientOptions options) {
    // The same limit below: its sentence tells more than ours.
    ConnectOptions tcp;
    tcp.timeout = options.connect_timeout > Duration::zero() ? options.connect_timeout : Duration::max();
    auto connector = make_tcp_connector(reactor, tcp);
    auto& borrowed = *connector;
    return fetch_with(reactor, borrowed, std::move(connector), url.host_port(), make_http_request(url), options);
}

}  // namespace plait

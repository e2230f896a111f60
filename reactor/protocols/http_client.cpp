#include "plait/reactor/protocols/http_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "plait/reactor/detail/http_body_queue.hpp"
#include "plait/reactor/detail/http_call.hpp"
#include "plait/reactor/detail/http_gatherer.hpp"

namespace plait {
namespace {

/// Owned by the canceller of its own Deferred, and gone when that has fired.
class Gather final : public detail::HttpGatherer {
public:
    explicit Gather(std::size_t most) : most_(most) {}

    void start(HttpClient& client, HttpClientRequest request, Promise<HttpResponse> promise) {
        to_head_ = request.method == "HEAD";
        gather_for(std::move(promise));
        call_ = client.start(std::move(request), *this);
    }

    void on_head(HttpResponseHead head) override {
        // Else it is the length of what is not sent.
        const bool has_body = !to_head_ && head.status != 204 && head.status != 304;
        if (has_body && head.content_length.value_or(0) > most_) refuse();
        HttpGatherer::on_head(std::move(head));
    }

    void on_body(Bytes piece) override {
        if (piece.size() > most_ - size_) refuse();
        size_ += piece.size();
        HttpGatherer::on_body(std::move(piece));
    }

private:
    [[noreturn]] void refuse() const {
        throw HttpLimitExceeded(HttpLimitExceeded::Part::body, most_,
                                fmt::format("the body of an HTTP response is larger than {} bytes", most_));
    }

    const std::size_t most_;
    bool to_head_ = false;
    std::size_t size_ = 0;
    std::unique_ptr<HttpCall> call_;
};

/// Moves an answer into a queue. Owned by the canceller of its Deferred until the head is here, then by the queue,
/// until that has ended.
class Pour final : public HttpResponseHandler,
                   public detail::HttpBodyQueue::Flow,
                   public std::enable_shared_from_this<Pour> {
public:
    void start(HttpClient& client, HttpClientRequest request, Promise<HttpStream> promise) {
        promise_ = std::move(promise);
        call_ = client.start(std::move(request), *this);
    }

    void on_head(HttpResponseHead head) override {
        const auto self = shared_from_this();
        queue_ = std::make_shared<detail::HttpBodyQueue>(self);
        auto promise = std::move(promise_);
        promise.callback(HttpStream{std::move(head), call_->url(), HttpBodyReader(queue_)});
    }

    void on_body(Bytes piece) override {
        if (const auto queue = queue_) queue->push(std::move(piece));
    }

    void on_complete() override {
        const auto self = shared_from_this();
        if (const auto queue = std::move(queue_)) queue->end();
    }

    void on_failure(const Failure& reason) override {
        const auto self = shared_from_this();
        if (promise_.wanted()) {
            auto promise = std::move(promise_);
            return promise.errback(reason);
        }
        if (const auto queue = std::move(queue_)) queue->fail(reason);
    }

    void pause_body() override { call_->pause(); }
    void resume_body() override { call_->resume(); }
    void drop_body() override {
        queue_ = nullptr;
        call_ = nullptr;
    }

private:
    Promise<HttpStream> promise_;
    std::shared_ptr<detail::HttpBodyQueue> queue_;
    std::unique_ptr<HttpCall> call_;
};

}  // namespace

// ---- HttpCall

HttpCall::HttpCall(std::shared_ptr<detail::HttpCallState> state) noexcept : state_(std::move(state)) {}

HttpCall::~HttpCall() {
    state_->abandon();
}

void HttpCall::pause() {
    state_->pause();
}

void HttpCall::resume() {
    state_->resume();
}

bool HttpCall::paused() const noexcept {
    return state_->paused();
}

bool HttpCall::finished() const noexcept {
    return state_->finished();
}

const Url& HttpCall::url() const noexcept {
    return state_->url();
}

// ---- HttpClient

HttpClient::HttpClient(Clock& clock, std::shared_ptr<Connector> plain, std::shared_ptr<Connector> secure,
                       HttpClientOptions options)
    : pool_(std::make_shared<detail::HttpPool>(clock, std::move(plain), std::move(secure), std::move(options))) {}

HttpClient::~HttpClient() {
    const auto pool = pool_;
    pool->destroy();
}

Deferred<HttpResponse> HttpClient::request(HttpClientRequest request) {
    auto gather = std::make_shared<Gather>(pool_->options().response_bytes);
    auto [deferred, promise] = make_deferred<HttpResponse>([gather] {});
    try {
        gather->start(*this, std::move(request), std::move(promise));
    } catch (...) {
        return fail<HttpResponse>(Failure::current());
    }
    return std::move(deferred);
}

Deferred<HttpResponse> HttpClient::request(std::string method, Url url, HttpHeaders headers, Bytes body) {
    HttpClientRequest whole;
    whole.method = std::move(method);
    whole.url = std::move(url);
    whole.headers = std::move(headers);
    whole.body = std::move(body);
    return request(std::move(whole));
}

Deferred<HttpResponse> HttpClient::get(Url url, HttpHeaders headers) {
    return request("GET", std::move(url), std::move(headers));
}

Deferred<HttpStream> HttpClient::open(HttpClientRequest request) {
    auto pour = std::make_shared<Pour>();
    auto [deferred, promise] = make_deferred<HttpStream>([pour] {});
    try {
        pour->start(*this, std::move(request), std::move(promise));
    } catch (...) {
        return fail<HttpStream>(Failure::current());
    }
    return std::move(deferred);
}

std::unique_ptr<HttpCall> HttpClient::start(HttpClientRequest request, HttpResponseHandler& handler) {
    auto state = std::make_shared<detail::HttpCallState>(pool_, std::move(request), handler);
    auto call = std::make_unique<HttpCall>(state);
    state->start();
    return call;
}

Deferred<> HttpClient::close() {
    return pool_->close();
}

std::size_t HttpClient::connections() const noexcept {
    return pool_->connections();
}

std::size_t HttpClient::idle_connections() const noexcept {
    return pool_->idle();
}

std::size_t HttpClient::waiting() const noexcept {
    return pool_->waiting();
}

}  // namespace plait

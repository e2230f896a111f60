// HttpGatherer: an answer until it is whole, for the Deferred that waits for it. Not public, and no bound on its size:
// who makes it sets one.
#pragma once

#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/detail/gathered_body.hpp"
#include "plait/reactor/protocols/http_exchange.hpp"

namespace plait::detail {

class HttpGatherer : public HttpResponseHandler {
public:
    /// Before the first event. The promise is fired last: its Deferred may own this.
    void gather_for(Promise<HttpResponse> promise) { promise_ = std::move(promise); }

    void on_head(HttpResponseHead head) override { head_ = std::move(head); }
    void on_body(Bytes piece) override { body_.add(std::move(piece)); }

    void on_complete() override {
        HttpResponse response{std::move(head_), body_.take()};
        auto promise = std::move(promise_);
        promise.callback(std::move(response));
    }

    void on_failure(const Failure& reason) override {
        auto promise = std::move(promise_);
        promise.errback(reason);
    }

private:
    Promise<HttpResponse> promise_;
    HttpResponseHead head_;
    GatheredBody body_;
};

}  // namespace plait::detail

// HttpCallState: one request of an HttpClient from the call to the last byte: waiting, sending, once more, elsewhere,
// decoding. Not public. Leaves connections to HttpPool.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/detail/http_pool.hpp"
#include "plait/reactor/detail/http_redirect.hpp"
#include "plait/reactor/protocols/http_client.hpp"

namespace plait::detail {

/// Lifetime: shared by its HttpCall and the calls on the stack. `handler_` is null once the outcome is told or
/// unwanted.
class HttpCallState final : public HttpResponseHandler,
                            public HttpWaiter,
                            public std::enable_shared_from_this<HttpCallState> {
public:
    /// Throws std::invalid_argument for a request that cannot be written.
    HttpCallState(std::shared_ptr<HttpPool> pool, HttpClientRequest request, HttpResponseHandler& handler);
    ~HttpCallState() override;

    void start();
    void abandon() noexcept;
    void pause();
    void resume();
    bool paused() const noexcept { return paused_; }
    bool finished() const noexcept { return handler_ == nullptr; }
    const Url& url() const noexcept { return request_.url; }

    /// Fails it.
    void client_closed();

    void take_connection(std::shared_ptr<HttpClientConnection> connection, Connector* connector) override;

    void on_head(HttpResponseHead head) override;
    void on_body(Bytes piece) override;
    void on_trailers(HttpHeaders trailers) override;
    void on_complete() override;
    void on_failure(const Failure& reason) override;

private:
    HttpOutgoing outgoing();
    std::string name() const;
    void attempt();
    bool can_repeat() const noexcept;
    bool can_send_again() const noexcept;
    bool drops_expectation(const HttpResponseHead& head);
    bool leads_elsewhere(const HttpResponseHead& head);
    void follow();
    void choose_decoder(HttpResponseHead& head);
    bool decode();
    void go_on();
    void fail_soon(Failure reason);
    void fail(Failure reason);
    void tell_failure(const Failure& reason);
    void let_go() noexcept;
    HttpResponseHandler* end() noexcept;
    Failure named(const Failure& reason, const char* phase) const;

    std::shared_ptr<HttpPool> pool_;
    HttpResponseHandler* handler_;
    HttpClientRequest request_;  ///< as it is by now
    std::shared_ptr<HttpBodySource> source_;
    std::optional<HttpOutgoing> ready_;
    std::shared_ptr<HttpClientConnection> connection_;
    std::optional<GzipDecoder> decoder_;
    std::optional<HttpNextRequest> next_;  ///< what the answer under way leads to; its body is not wanted
    std::size_t skipped_ = 0;
    std::optional<Failure> failed_;  ///< and nobody told yet: it is paused
    DelayedCall soon_;
    DelayedCall go_on_call_;
    DelayedCall waiting_timer_;
    DelayedCall total_timer_;
    int may_follow_ = 0;
    int followed_ = 0;
    bool trusted_ = true;  ///< still at the origin it was first sent to
    bool undoes_encoding_ = false;
    bool expects_ = false;    ///< has said `Expect: 100-continue`
    bool may_expect_ = true;  ///< nobody has answered that with 417
    bool repeated_ = false;
    bool paused_ = false;
    bool in_event_ = false;  ///< decoding what the connection delivers
    bool going_on_ = false;  ///< decoding what was held
};

}  // namespace plait::detail

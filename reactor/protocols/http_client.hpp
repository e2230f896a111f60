// HttpClient: many HTTP/1.1 requests to many hosts over connections that are kept and bounded, with redirections,
// authorization, decoding and time-outs. Not here: cookies, caching, proxies, HTTP/2, pipelining.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/reactor/connector.hpp"
#include "plait/reactor/protocols/gzip_decoder.hpp"
#include "plait/reactor/protocols/http_body.hpp"
#include "plait/reactor/protocols/http_exchange.hpp"
#include "plait/reactor/protocols/url.hpp"

namespace plait {

namespace detail {
class HttpCallState;
class HttpPool;
}  // namespace detail

/// One request. `source` stands for `body` when there is one.
struct HttpClientRequest {
    std::string method = "GET";
    Url url;
    HttpHeaders headers = {};
    Bytes body = {};
    std::optional<HttpBodySource> source = std::nullopt;
    /// Sends `Expect: 100-continue` and holds the body back until the server asks for it, or `continue_timeout`.
    bool expect_continue = false;
    /// How many redirections to follow. None: as many as the client's options say for GET and HEAD; for other methods
    /// none, and a 3xx is the answer.
    std::optional<int> redirections = std::nullopt;
};

/// Times and limits of single requests are those of HttpExchangeOptions. A limit of zero means none where it is a time.
struct HttpClientOptions : HttpExchangeOptions {
    /// From the call to the last byte, redirections included.
    Duration total_timeout = Duration::zero();
    /// For a connection to be free. Fails with HttpTimeout.
    Duration waiting_timeout = std::chrono::seconds(30);
    /// Requests that wait for one at most. One more fails with HttpQueueFull.
    std::size_t most_waiting = 10'000;

    /// Connections at most, those that are being made or closed included.
    std::size_t connections_per_host = 8;
    std::size_t connections = 256;
    /// Of these, how many may be kept for later requests, and for how long. Below what servers usually do, so that it
    /// is mostly we who close.
    std::size_t idle_connections = 64;
    Duration idle_connection_timeout = std::chrono::seconds(50);

    int redirections = 10;
    /// Asks for gzip and deflate, and undoes them. Content-Encoding and Content-Length are then not among the headers
    /// of the answer. A request with an `Accept-Encoding` or a `Range` of its own is left alone, and so is its
    /// answer.
    bool decode = true;
    GzipLimits decoding = {};
    /// Of an answer that is held whole, once decoded.
    std::size_t response_bytes = 16 * 1024 * 1024;

    /// Sent with every request that does not have such a field itself. `Authorization` only goes out to the origin of
    /// the first request, not to where that leads.
    HttpHeaders headers = {};
};

/// An answer whose body is still coming.
struct HttpStream {
    HttpResponseHead head;
    Url url;  ///< where it came from in the end
    HttpBodyReader body;
};

/// A request under way, for its handler. The rules of HttpExchange hold.
/// Lifetime: destroying it drops the request: the connection it has is closed, others are not. It may outlive the
///           client.
class HttpCall {
public:
    explicit HttpCall(std::shared_ptr<detail::HttpCallState> state) noexcept;
    ~HttpCall();
    HttpCall(const HttpCall&) = delete;
    HttpCall& operator=(const HttpCall&) = delete;

    /// As those of HttpExchange. Waiting for a connection and redirections go on meanwhile, unheard.
    void pause();
    void resume();
    bool paused() const noexcept;
    bool finished() const noexcept;

    /// Where it was led to by now.
    const Url& url() const noexcept;

private:
    /// Shared with its connection and its own calls on the stack: the handler may destroy this from within them.
    std::shared_ptr<detail::HttpCallState> state_;
};

/// Makes requests.
///
///     HttpClient client(reactor, make_tcp_connector(reactor));
///     client.get(Url::parse("http://127.0.0.1:5984/")).add_callback([](HttpResponse answer) { ...
///     }).detach(log_failure);
///
/// Connections: a request takes the connection to its host that was used last, or a new one, or waits its turn: first
///           come, first served, over all hosts that are held up by the same bound. To make room below `connections`
///           the one idle for longest is closed. A connection on which the server said `Connection: close`, spoke
///           unasked, was not done or had not taken all of the request, is not used again. An idle one that the server
///           closes is noticed at once.
/// Again:    a request that can be repeated (GET, HEAD, OPTIONS, PUT, DELETE, TRACE with no streamed body) and met a
///           kept connection that ended before a byte of an answer came, is sent once more, on a new one. One that was
///           answered 417 for its `Expect` is sent without it, unless its body is streamed and has begun.
/// Redirections: 301, 302, 303, 307, 308. 303 leads to a GET, and so do 301 and 302 from a POST; 307 and 308 repeat the
///           request, and are the answer when its body is streamed and has begun. To another origin `Authorization` and
///           `Cookie` are not taken along. From https to http is refused.
/// Authorization: user and password of the Url, as Basic, unless the request says something itself.
///
/// Fails:    with a ConnectError, HttpError or ConnectionClosed that names method, address and phase, with HttpTimeout,
///           HttpQueueFull, HttpClientClosed; BadUrl for https without a connector for it; std::invalid_argument for a
///           request that cannot be written. A status such as 404 is an answer.
/// Cancel:   closes the connection the request has; others go on.
/// Lifetime: destroying it closes all connections and fails what is under way with HttpClientClosed, before it returns.
///           Allowed from any callback of its requests. The clock outlives it, and its connections.
/// Threads:  the reactor's.
class HttpClient {
public:
    /// `secure` is for https addresses: make_tls_connector() gives one.
    HttpClient(Clock& clock, std::shared_ptr<Connector> plain, std::shared_ptr<Connector> secure = nullptr,
               HttpClientOptions options = {});
    HttpClient(Clock& clock, std::shared_ptr<Connector> plain, HttpClientOptions options)
        : HttpClient(clock, std::move(plain), nullptr, std::move(options)) {}
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// The whole answer, up to `response_bytes`.
    Deferred<HttpResponse> request(HttpClientRequest request);
    Deferred<HttpResponse> request(std::string method, Url url, HttpHeaders headers = {}, Bytes body = {});
    Deferred<HttpResponse> get(Url url, HttpHeaders headers = {});

    /// Fires when the head is here; the body is read at the reader's own pace.
    Deferred<HttpStream> open(HttpClientRequest request);

    /// Tells `handler` of everything, never before this has returned. Throws std::invalid_argument for a request that
    /// cannot be written. Lifetime: the handler outlives the call.
    std::unique_ptr<HttpCall> start(HttpClientRequest request, HttpResponseHandler& handler);

    /// Takes no more requests, fails those under way with HttpClientClosed in the next turn, and closes.
    /// Fires:  when no connection is left.
    /// Fails:  never.
    /// Cancel: it closes all the same. Dropping likewise.
    Deferred<> close();

    /// Connections there are, those being made and closed included, and of these the idle ones; requests waiting.
    std::size_t connections() const noexcept;
    std::size_t idle_connections() const noexcept;
    std::size_t waiting() const noexcept;

private:
    std::shared_ptr<detail::HttpPool> pool_;
};

}  // namespace plait

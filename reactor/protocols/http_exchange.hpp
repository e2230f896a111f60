// HttpExchange: one HTTP/1.1 request and its answer, streamed piece by piece. http_fetch: the same, whole, as a
// Deferred. Not here: connections kept for the next request, redirections, decoding of content: HttpClient has them.
#pragma once

#include <memory>
#include <string>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/reactor/connector.hpp"
#include "plait/reactor/protocols/http_errors.hpp"
#include "plait/reactor/protocols/http_message.hpp"
#include "plait/reactor/protocols/http_parser.hpp"
#include "plait/reactor/protocols/url.hpp"

namespace plait {

class Reactor;

namespace detail {
class HttpClientConnection;
}  // namespace detail

/// Who hears of an answer.
///
///     on_head (on_body)* on_complete      or, at any point before on_complete,      on_failure
///
/// One of the two last is called, once, and nothing after it; nothing at all once the exchange was destroyed. What
/// on_head or on_body throws ends the exchange and is what on_failure is told; what on_complete throws is reported as
/// an unhandled failure.
class HttpResponseHandler {
public:
    virtual ~HttpResponseHandler() = default;
    virtual void on_head(HttpResponseHead head) = 0;
    /// Part of the body, without framing, in order. A slice of what was received, never empty.
    virtual void on_body(Bytes piece) = 0;
    /// Fields that came after a chunked body. Not called when there are none.
    virtual void on_trailers(HttpHeaders) {}
    virtual void on_complete() = 0;
    virtual void on_failure(const Failure& reason) = 0;
};

/// A limit of zero means none.
struct HttpExchangeOptions {
    /// For the connection, name look-up included. Fails with ConnectTimeout. Runs while paused, too.
    /// A Connector may have a limit of its own beside it.
    Duration connect_timeout = std::chrono::seconds(30);
    /// From one piece of the request's body to the next: for its source to make it and the server to take it. A body of
    /// up to 64 KiB is one piece and goes out with the head.
    Duration send_timeout = std::chrono::seconds(75);
    /// With `Expect: 100-continue`: for the server to ask for the body, which then goes out unasked.
    Duration continue_timeout = std::chrono::seconds(1);
    /// From then until the status and headers are here. A server may build a view's index before it answers.
    Duration head_timeout = std::chrono::minutes(5);
    /// Between one received piece and the next. Does not run while paused.
    Duration idle_timeout = std::chrono::seconds(75);
    /// Of the answer.
    HttpLimits limits = {};
};

/// A request for `url`: target, `Host` and `Authorization` are filled in from it, other headers may be added.
HttpRequest make_http_request(const Url& url, std::string method = "GET", Bytes body = {});

/// One request under way, on a connection of its own.
///
///     connecting ──> waiting for the head ──> body ──> complete
///         └───────────────────┴──────────────┴──> failed
///
/// A `Connection: close` is added unless the headers say otherwise, `Content-Length` when there is a body.
///
/// Fails:    (on_failure) with a ConnectError: ConnectionRefused, NameNotFound, NoRoute, ConnectTimeout; an HttpError:
///           the answer is malformed, cut off or above a limit; HttpTimeout; the ConnectionClosed that ended it early;
///           what on_head or on_body threw.
/// Lifetime: destroying it drops the request: the socket is closed and the handler not called again. Allowed from the
///           handler's own calls. Clock, connector and handler outlive it.
/// Threads:  the reactor's.
class HttpExchange {
public:
    /// Begins to connect. The handler is never called before this has returned.
    /// Throws std::invalid_argument for a request that cannot be written (http_message.hpp).
    HttpExchange(Clock& clock, Connector& connector, const HostPort& where, HttpRequest request,
                 HttpResponseHandler& handler, HttpExchangeOptions options = {});
    ~HttpExchange();
    HttpExchange(const HttpExchange&) = delete;
    HttpExchange& operator=(const HttpExchange&) = delete;

    /// Holds back the very next event, and stops reading, so that in the end the server has to wait. Failures wait too,
    /// those to connect included.
    void pause();

    /// Goes on. Nothing is delivered from inside this call; from within an event, after that event.
    void resume();

    bool paused() const noexcept;

    /// on_complete or on_failure has been called.
    bool finished() const noexcept;

private:
    /// Shared with its transport and its own calls on the stack: the handler may destroy this from within them.
    std::shared_ptr<detail::HttpClientConnection> connection_;
};

/// The whole answer, whatever its status. Without a `limits.body_bytes` of its own it is bounded by 16 MiB.
/// Fires:  when the body is complete; never before this has returned.
/// Fails:  as HttpExchange.
/// Cancel: closes the socket.
Deferred<HttpResponse> http_fetch(Clock& clock, Connector& connector, const HostPort& where, HttpRequest request,
                                  HttpExchangeOptions options = {});

/// GET `url`. An https address needs a connector that speaks TLS. Fires, Fails and Cancel: as http_fetch().
Deferred<HttpResponse> http_get(Clock& clock, Connector& connector, const Url& url, HttpExchangeOptions options = {});

/// The same over TCP, for http addresses: others fail with BadUrl. `connect_timeout` is the only limit for the
/// connection.
Deferred<HttpResponse> http_get(Reactor& reactor, const Url& url, HttpExchangeOptions options = {});

}  // namespace plait

// HttpServerFactory: the server's side of HTTP/1.1, for embedded servers and tests: requests in, whole or while they
// come, and answers out likewise. Not a web framework: no routes, no files, no TLS, no compression.
#pragma once

#include <cstddef>
#include <memory>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/protocols/http_body.hpp"
#include "plait/reactor/protocols/http_message.hpp"
#include "plait/reactor/protocols/http_parser.hpp"
#include "plait/reactor/protocols/http_response_writer.hpp"

namespace plait {

namespace detail {
struct HttpServerShared;
}  // namespace detail

/// A request whose body is still to come.
struct HttpIncoming {
    HttpRequestHead head;
    Address peer;
    HttpBodyReader body;
};

/// A time of zero is no limit. Not limited here: how long a client takes to read its answer. Write with drained(), and
/// abort() those that are too slow.
struct HttpServerOptions {
    /// Of requests. Above them: 414, 431 or 413, and the connection is closed.
    HttpLimits limits = {.body_bytes = 1024 * 1024};
    /// From the connection, or the answer before, to the first byte of a request.
    Duration idle_timeout = std::chrono::seconds(60);
    /// From there to the end of the head. Answered 408.
    Duration head_timeout = std::chrono::seconds(30);
    /// From the first byte to the last one of a whole request. Answered 408. Where bodies are streamed it holds between
    /// one piece and the next, while somebody reads.
    Duration request_timeout = std::chrono::seconds(60);

    /// A client that is answered before all it sends was read (413, a handler that answers early) may be sending still,
    /// and a connection closed now would take the answer from it: so what it sends is thrown away, for so long and so
    /// much of it.
    Duration linger_timeout = std::chrono::seconds(5);
    std::size_t linger_bytes = 1024 * 1024;

    /// Connections at once. One more is answered 503 and closed.
    std::size_t most_connections = 10'000;
    /// Requests on one connection; the last is answered `Connection: close`. Zero: any number.
    std::size_t requests_per_connection = 0;
    /// A `Date` header with each answer that has none, the server's own included; never with a 100. A server whose
    /// clock cannot be relied on is to switch it off. Source: RFC 9110, 6.6.1.
    bool date = true;
};

/// Connections for `listen_tcp` or the test kit's network. Each takes one request after the other: a pipelined one
/// waits until the answer before it is finished, and no more than 64 KiB of them are read ahead. One that cannot be
/// taken is answered, and the connection closed: 400 malformed, 505 another version, 414, 431 or 413 too large, 417 an
/// expectation other than 100-continue, 501 CONNECT or an unknown Transfer-Encoding, 408 too slow.
///
/// A target is a path with its query, or "*": of one that is a whole address the rest becomes the `Host`.
///
///     auto server = std::make_shared<HttpServerFactory>(reactor, [](HttpRequest request, HttpAnswer answer) {
///         answer->respond(200, {{"Content-Type", "text/plain"}}, Bytes::own("you asked for " + request.head.target));
///     });
///
/// Lifetime: connections outlive the factory and go on calling the handler; stop() ends that. The clock outlives both.
class HttpServerFactory : public Factory {
public:
    using Handler = UniqueFunction<void(HttpRequest request, HttpAnswer answer)>;
    using StreamHandler = UniqueFunction<void(HttpIncoming request, HttpAnswer answer)>;

    /// `handler` gets each whole request. What it throws is reported as an unhandled failure, and the client gets a
    /// 500.
    HttpServerFactory(Clock& clock, Handler handler, HttpServerOptions options = {});
    ~HttpServerFactory() override;

    /// `handler` gets each request when its head is here, and reads the body at its own pace: who does not read holds
    /// up the client. A client that says `Expect: 100-continue` is told to go on by the first read, or by an answer
    /// below 400 that begins before. `limits.body_bytes` holds here, too: set it to nothing for bodies of any size. The
    /// body fails, and the connection with it, when the client sends what is malformed, or nothing for
    /// `request_timeout`.
    static std::shared_ptr<HttpServerFactory> streaming(Clock& clock, StreamHandler handler,
                                                        HttpServerOptions options = {});

    std::shared_ptr<Protocol> build_protocol(const Address& peer) override;

    /// Aborts all connections and drops the handler. New connections are refused. Allowed from within the handler.
    void stop();

    std::size_t open_connections() const noexcept;

private:
    explicit HttpServerFactory(std::shared_ptr<detail::HttpServerShared> shared) noexcept;
    std::shared_ptr<detail::HttpServerShared> shared_;
};

}  // namespace plait

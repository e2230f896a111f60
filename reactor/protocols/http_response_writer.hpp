// HttpResponseWriter: the answer to one request at an HTTP server, written whole or piece by piece.
// Not a buffer: what is written is sent; and not a place for headers after the body has begun.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/bytes.hpp"
#include "plait/reactor/protocols/http_message.hpp"

namespace plait {

namespace detail {
class HttpServerConnection;
}  // namespace detail

/// Writes the answer to one request.
///
///     start ──> write* ──> finish          or respond(), which is all three          or write_raw* ──> finish
///
/// With a `Content-Length` among the headers of start() the body must come out at just that size; without, it is sent
/// in chunks, and to an HTTP/1.0 client until the connection closes. For HEAD, 204 and 304 nothing of a body is sent.
/// Once the connection is gone all calls do nothing.
///
/// Fails:    throws InvalidState for calls out of that order, and for more or less of a body than promised; what was
///           sent then cannot be mended, so the connection is aborted.
/// Lifetime: shared. Letting go of the last one unfinished answers 500 if nothing was sent yet, and otherwise aborts
///           the connection, so that the client sees a cut and not an end.
class HttpResponseWriter {
public:
    HttpResponseWriter(const HttpResponseWriter&) = delete;
    HttpResponseWriter& operator=(const HttpResponseWriter&) = delete;
    ~HttpResponseWriter();

    /// Sends status and headers. Adds `Transfer-Encoding` or `Connection` where needed, a `Date` if there is none
    /// (HttpServerOptions::date), and leaves out what frames a body that is not sent.
    /// Throws std::invalid_argument for what cannot be written as a head, two lengths or a Transfer-Encoding other than
    /// chunked; nothing is sent then.
    void start(int status, HttpHeaders headers = {});

    /// A piece of the body. Queued as it is, not copied.
    void write(Bytes piece);

    /// The answer is complete: the next request on the connection is taken, or the connection is closed.
    void finish();

    /// A whole answer with its Content-Length.
    void respond(int status, HttpHeaders headers, Bytes body);

    /// Sends bytes as they are, around the framing: for servers that misbehave on purpose. The connection will be
    /// closed after finish(), which adds nothing of its own then.
    void write_raw(Bytes bytes);

    /// Sends what is queued, then closes, wherever the answer stands.
    void close();

    /// Throws the connection away with what is queued.
    void abort();

    /// Fires:  when there is room to write more; ready if there is now.
    /// Fails:  with the reason when the connection is gone; with InvalidState after finish(), close() or abort().
    /// Cancel: only that waiter is forgotten. Dropping likewise.
    Deferred<> drained();

    /// Calls `lost` once if the connection goes before finish(). It may let go of the writer. Not called when the
    /// connection has gone already: see finished().
    void on_connection_lost(UniqueFunction<void(const Failure& reason)> lost);

    bool started() const noexcept { return started_ || raw_; }
    /// finish(), close() or abort() was called, or the connection is gone.
    bool finished() const noexcept { return connection_ == nullptr; }

private:
    friend class detail::HttpServerConnection;
    enum class Framing { no_body, length, chunked, until_close };

    HttpResponseWriter(detail::HttpServerConnection& connection, const HttpRequestHead& request);
    Framing choose_framing(HttpResponseHead& head);
    void say_connection(HttpHeaders& headers, bool keep_alive) const;
    void require(bool allowed, const char* otherwise);
    detail::HttpServerConnection* let_go() noexcept;
    void connection_lost(const Failure& reason);

    detail::HttpServerConnection* connection_;
    const bool to_head_request_;
    const int minor_version_;
    bool keep_alive_;
    bool started_ = false;
    bool raw_ = false;
    Framing framing_ = Framing::no_body;
    std::uint64_t remaining_ = 0;
    std::optional<Failure> lost_because_;
    UniqueFunction<void(const Failure&)> on_lost_;
};

using HttpAnswer = std::shared_ptr<HttpResponseWriter>;

}  // namespace plait

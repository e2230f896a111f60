// HttpRequestParser and HttpResponseParser: HTTP/1.1 bytes in, events out, a message after the other.
// No socket, no timers, no decoding of content: a body comes out as the very bytes that went in, without chunk framing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "plait/reactor/bytes.hpp"
#include "plait/reactor/protocols/http_errors.hpp"
#include "plait/reactor/protocols/http_message.hpp"

namespace plait {

/// Passing a limit throws HttpLimitExceeded. Units: bytes, but for `headers`.
struct HttpLimits {
    /// Start line and headers together.
    std::size_t head_bytes = 64 * 1024;
    /// Number of header fields; also of trailer fields.
    std::size_t headers = 256;
    /// A chunk's size with its extensions; also the whole trailer; and what the extensions of all chunks may come to
    /// beyond as many bytes as there are data.
    std::size_t chunk_line_bytes = 8 * 1024;
    /// The body without its framing. None: no limit, which is what a stream wants.
    std::optional<std::uint64_t> body_bytes = std::nullopt;
};

/// Reads messages one after the other:
///
///     on_informational* on_head on_body* on_trailers? on_complete      and again
///
///     head ──> length ──────┐        length: Content-Length counts down
///      │ ├───> until close ─┤        until close: a response without either, ended by finish()
///      │ └───> chunk size <─┼─┐
///      │         │  └> data ┼─┘
///      └────────────────> complete ──> head of the next message, or an error if that was to be the last
///
/// However the bytes are cut, the events are the same, but for how a body is divided into pieces. A piece is a slice
/// of the bytes fed: nothing is copied but heads and chunk sizes that straddle two feeds.
///
/// Strict where leniency lets two readers disagree: bare line feeds, folded headers, blanks before a colon, both
/// Content-Length and Transfer-Encoding, either of them twice, and 101 are all HttpMalformed; a Transfer-Encoding other
/// than chunked is HttpNotSupported.
/// 1xx heads come out as on_informational, 16 of them at most; 204, 304 and answers to HEAD have no body. One or two
/// empty lines before a request are passed over.
///
/// Fails:    feed(), finish() and resume() throw an HttpError, once; what the handler throws comes out of them too.
///           After either the parser takes no more bytes until reset().
/// Lifetime: the handler outlives the parser. From any event the parser may be destroyed, reset, paused or fed.
///           The destructor tells the handler nothing.
/// Source:   RFC 9112; the grammar is checked by Boost.Beast.
template <typename Head>
class HttpParser {
public:
    class Handler {
    public:
        virtual ~Handler() = default;

        /// A 1xx answer that precedes the real one. Never called for requests.
        virtual void on_informational(Head) {}
        virtual void on_head(Head head) = 0;
        /// Never empty.
        virtual void on_body(Bytes piece) = 0;
        /// Fields after the last chunk. Not called when there are none.
        virtual void on_trailers(HttpHeaders) {}
        virtual void on_complete() = 0;
    };

    explicit HttpParser(Handler& handler, HttpLimits limits = {});
    ~HttpParser();
    HttpParser(HttpParser&&) = delete;
    HttpParser& operator=(HttpParser&&) = delete;

    /// Delivers what these bytes complete, before returning. While paused, or from within an event, the bytes wait.
    void feed(const Bytes& bytes);

    /// The connection has ended. Completes a body that lasts until then; throws HttpTruncated in the middle of a
    /// message. Between messages it does nothing. While paused it waits like bytes do.
    void finish();

    /// Not one more event until resume(), even when called from an event in the middle of a feed.
    /// Bytes fed while paused are kept without bound: pause their source too.
    void pause() noexcept;

    /// Delivers what was kept, before returning; from within an event, after that event.
    void resume();

    /// The next response has no body whatever its headers say: it answers a HEAD request. Holds for one response;
    /// on_complete of the one before is the right moment when requests are pipelined.
    void expect_no_body() noexcept;

    /// Forgets everything and starts at a head, not paused.
    void reset() noexcept;

    bool paused() const noexcept;
    /// No byte of a message not yet completed has been seen.
    bool between_messages() const noexcept;
    /// Bytes fed and not looked at yet: those that wait for resume(), or follow the message in on_complete().
    std::size_t unread() const noexcept;

private:
    class Core;
    std::shared_ptr<Core> core_;
};

using HttpRequestParser = HttpParser<HttpRequestHead>;
using HttpResponseParser = HttpParser<HttpResponseHead>;

extern template class HttpParser<HttpRequestHead>;
extern template class HttpParser<HttpResponseHead>;

}  // namespace plait

// What can go wrong with an HTTP message, one type for each thing a caller may want to do about it.
// Not here: a status such as 404, which is an answer and not an error, and the reasons a connection could not be made.
#pragma once

#include <cstdint>
#include <string>

#include "plait/deferred/errors.hpp"

namespace plait {

/// Base of what can be wrong with a message. what() is one sentence naming the thing and its place in the message.
class HttpError : public Error {
public:
    using Error::Error;
};

/// The bytes are not HTTP/1.1, or are so in a way that two readers could read differently (bare line feeds, folded
/// headers, both Content-Length and Transfer-Encoding): the peer is broken or not a web server. Asking again is no use.
class HttpMalformed : public HttpError {
public:
    using HttpError::HttpError;
};

/// The message is of another version of HTTP than 1.0 and 1.1.
class HttpBadVersion : public HttpMalformed {
public:
    using HttpMalformed::HttpMalformed;
};

/// What the message asks for is right, but not implemented here: a transfer coding other than chunked, CONNECT.
class HttpNotSupported : public HttpMalformed {
public:
    using HttpMalformed::HttpMalformed;
};

/// The connection ended before the message did. For a read-only request, asking again may work.
class HttpTruncated : public HttpError {
public:
    enum class Where {
        before_head,  ///< Not one byte of the message came.
        head,         ///< In the middle of the status or request line and headers.
        body,         ///< Fewer bytes than Content-Length promised.
        chunk,        ///< Inside a chunked body: in a chunk or before the last one.
    };

    HttpTruncated(Where where, const std::string& what) : HttpError(what), where_(where) {}

    Where where() const noexcept { return where_; }

private:
    Where where_;
};

/// More bytes came after a message that was to be the last on its connection. The message itself was complete and has
/// been delivered.
class HttpTrailingData : public HttpError {
public:
    using HttpError::HttpError;
};

/// A part of the message is larger than this side was willing to take. Raise the limit, or ask for less.
class HttpLimitExceeded : public HttpError {
public:
    enum class Part {
        start_line,     ///< Bytes of the request or status line.
        head,           ///< Bytes of that line and the headers together.
        headers,        ///< Number of header fields.
        informational,  ///< Number of 1xx answers before the real one.
        chunk_line,     ///< Bytes of a chunk's size and extensions, or of the trailer.
        body,           ///< Bytes of the body.
        decoded,        ///< Bytes of the body once decoded (gzip), or their number for each byte received.
    };

    HttpLimitExceeded(Part part, std::uint64_t limit, const std::string& what)
        : HttpError(what), part_(part), limit_(limit) {}

    Part part() const noexcept { return part_; }
    std::uint64_t limit() const noexcept { return limit_; }

private:
    Part part_;
    std::uint64_t limit_;
};

/// A body is not in the encoding that its Content-Encoding names.
class HttpBadContent : public HttpError {
public:
    using HttpError::HttpError;
};

/// A redirection that leads nowhere, in circles, or to where it must not: from https to http.
class HttpBadRedirect : public HttpError {
public:
    using HttpError::HttpError;
};

/// As many requests wait for a connection as may. Try later, or raise the bound.
class HttpQueueFull : public Error {
public:
    using Error::Error;
};

/// The HttpClient was closed or destroyed before the answer was complete, or before it was asked.
class HttpClientClosed : public Error {
public:
    using Error::Error;
};

/// The server did not answer, or stopped answering, for longer than the request allowed.
class HttpTimeout : public TimeoutError {
public:
    enum class Waiting {
        head,        ///< For the status line and headers, from when the request was handed to the connection.
        body,        ///< For the next piece of the body. Time spent paused does not count.
        connection,  ///< For a connection to be free, because there were as many as may be.
        sending,     ///< For the server to take more of the request's body.
        whole,       ///< For all of it, from the call to the last byte, redirections included.
    };

    HttpTimeout(Waiting waiting, const std::string& what) : TimeoutError(what), waiting_(waiting) {}

    Waiting waiting() const noexcept { return waiting_; }

private:
    Waiting waiting_;
};

}  // namespace plait

// Heads of HTTP/1.1 messages: request and status lines with their headers, as values and as text for the wire.
// Not a parser (http_parser.hpp) and not a client (http_client.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plait/reactor/bytes.hpp"
#include "plait/reactor/protocols/http_headers.hpp"

namespace plait {

struct HttpRequestHead {
    std::string method = "GET";
    std::string target = "/";
    HttpHeaders headers;

    /// 1.0 or 1.1.
    int minor_version = 1;
    /// The sender keeps the connection open after the answer. Set by the parser from the version and `Connection`.
    bool keep_alive = true;
    /// Set by the parser: how the body is framed. Neither: there is none.
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
};

struct HttpResponseHead {
    int status = 200;
    std::string reason;
    HttpHeaders headers;

    int minor_version = 1;
    /// Another request may follow on this connection once the body has been read.
    bool keep_alive = true;
    /// Set by the parser: how the body is framed. Neither: it ends with the connection, if the status allows one.
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
};

/// A whole request, its body in memory.
struct HttpRequest {
    HttpRequestHead head;
    Bytes body;
};

/// A whole answer, its body in memory.
struct HttpResponse {
    HttpResponseHead head;
    Bytes body;
};

/// `GET /path HTTP/1.1`, the headers as they are, and the empty line. Adds no header of its own.
/// Fails: throws std::invalid_argument when the method or a name is not a token, or when the target or a value holds a
///        line end or another control character: such text would end the head early and smuggle in another.
std::string format_head(const HttpRequestHead& head);

/// `HTTP/1.1 200 OK`, headers, empty line. An empty reason is replaced by the usual one. Fails: as above, and when the
/// status is not within 100..999.
std::string format_head(const HttpResponseHead& head);

/// The usual words for a status: "Not Found". Empty for one that is not well known.
std::string_view usual_reason(int status) noexcept;

/// True for text that may be a method or a header's name.
bool is_http_token(std::string_view text) noexcept;

/// True for text that may be a header's value: no control characters but the tab, no blanks around.
bool is_http_field_value(std::string_view text) noexcept;

}  // namespace plait

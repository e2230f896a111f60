#include "plait/reactor/detail/http_outgoing.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <utility>

namespace plait::detail {
namespace {

/// A body up to this size goes out with the head, at once; a larger one in pieces of this size.
constexpr std::size_t sent_at_once = 64 * 1024;

std::shared_ptr<HttpBodySource> pieces_of(Bytes body) {
    const auto size = body.size();
    auto next = [body = std::move(body)]() mutable {
        auto piece = body.slice(0, sent_at_once);
        body.remove_prefix(piece.size());
        return Deferred<Bytes>::succeed(std::move(piece));
    };
    return std::make_shared<HttpBodySource>(HttpBodySource{std::move(next), size});
}

bool usually_has_body(const std::string& method) noexcept {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

void add_host(HttpHeaders& headers, const HostPort& where, bool secure) {
    const auto count = headers.count("Host");
    if (count > 1) throw std::invalid_argument("a request has more than one Host among its headers");
    if (count == 1) return;
    const bool bare = where.port == (secure ? 443 : 80) && where.host.find(':') == std::string::npos;
    headers.add("Host", bare ? where.host : where.str());
}

void frame_stream(HttpHeaders& headers, const HttpBodySource& source) {
    if (headers.contains("Content-Length") || headers.contains("Transfer-Encoding")) {
        throw std::invalid_argument(
            "a request whose body is streamed frames it itself: leave Content-Length and Transfer-Encoding out of its "
            "headers");
    }
    if (source.length) {
        headers.add("Content-Length", std::to_string(*source.length));
    } else {
        headers.add("Transfer-Encoding", "chunked");
    }
}

void frame_whole(HttpRequestHead& head, std::size_t size) {
    auto& headers = head.headers;
    const auto length = headers.find("Content-Length");
    if (!length && !headers.contains("Transfer-Encoding")) {
        if (size > 0 || usually_has_body(head.method)) headers.add("Content-Length", std::to_string(size));
        return;
    }
    // What the server takes for the end of this request is where it looks for the next one on the connection.
    if (headers.contains("Transfer-Encoding") || headers.count("Content-Length") > 1 ||
        length != std::to_string(size)) {
        throw std::invalid_argument(
            fmt::format("a request with a body of {} bytes has other framing among its headers: leave Content-Length "
                        "and Transfer-Encoding out of them",
                        size));
    }
}

}  // namespace

HttpOutgoing write_http_request(HttpRequestHead head, Bytes body, std::shared_ptr<HttpBodySource> source,
                                const HostPort& where, bool secure, bool close) {
    if (head.method == "CONNECT") {
        throw std::invalid_argument("CONNECT asks for a tunnel, which this client does not make");
    }
    auto& headers = head.headers;
    HttpOutgoing out;
    out.name = fmt::format("{} {}://{}{}", head.method, secure ? "https" : "http", where.str(), head.target);
    add_host(headers, where, secure);
    if (close && !headers.contains("Connection")) headers.add("Connection", "close");
    if (source) {
        frame_stream(headers, *source);
    } else {
        frame_whole(head, body.size());
    }
    out.to_head = head.method == "HEAD";
    out.closes = headers.has_token("Connection", "close");
    out.awaits_continue = (source || !body.empty()) && headers.has_token("Expect", "100-continue");
    out.text = Bytes::own(format_head(head));
    if (source) {
        out.source = std::move(source);
    } else if (body.size() > sent_at_once) {
        out.source = pieces_of(std::move(body));
    } else {
        out.body = std::move(body);
    }
    return out;
}

double in_seconds(Duration time) noexcept {
    return std::chrono::duration<double>(time).count();
}

}  // namespace plait::detail

#include "plait/reactor/protocols/http_response_writer.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/reactor/detail/http_server_connection.hpp"

namespace plait {
namespace {

std::uint64_t parse_length(std::string_view text) {
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw std::invalid_argument(fmt::format("\"{}\" cannot be a Content-Length", text));
    }
    return length;
}

}  // namespace

HttpResponseWriter::HttpResponseWriter(detail::HttpServerConnection& connection, const HttpRequestHead& request)
    : connection_(&connection),
      to_head_request_(request.method == "HEAD"),
      minor_version_(request.minor_version),
      keep_alive_(request.keep_alive) {}

HttpResponseWriter::~HttpResponseWriter() {
    if (connection_ == nullptr) return;
    if (started()) {
        abort();
    } else {
        contain([this] { respond(500, {}, Bytes::borrow("the server let go of this request unanswered\n")); });
    }
}

void HttpResponseWriter::start(int status, HttpHeaders headers) {
    if (connection_ == nullptr) return;
    require(!started_, "an HTTP answer can be started only once");
    if (status < 200) throw std::invalid_argument(fmt::format("{} is not the status of a whole answer", status));
    HttpResponseHead head;
    head.status = status;
    head.headers = std::move(headers);
    const auto framing = choose_framing(head);
    connection_->answer_starts(status);
    const bool keep_alive = keep_alive_ && connection_->may_go_on() && framing != Framing::until_close &&
                            !head.headers.has_token("Connection", "close");
    say_connection(head.headers, keep_alive);
    auto text = Bytes::own(connection_->text_of(head));
    started_ = true;
    framing_ = framing;
    keep_alive_ = keep_alive;
    connection_->transport().write(std::move(text));
}

HttpResponseWriter::Framing HttpResponseWriter::choose_framing(HttpResponseHead& head) {
    auto& headers = head.headers;
    // A head is sent on with the framing of another message at times; this one has its own.
    if (!equal_ignoring_case(headers.find("Transfer-Encoding").value_or("chunked"), "chunked") ||
        headers.remove("Transfer-Encoding") > 1) {
        throw std::invalid_argument("an HTTP answer is sent in no Transfer-Encoding but \"chunked\"");
    }
    if (head.status == 204) headers.remove("Content-Length");
    const auto length = headers.find("Content-Length");
    if (length) remaining_ = parse_length(*length);
    if (headers.count("Content-Length") > 1) throw std::invalid_argument("an HTTP answer has more than one length");
    if (to_head_request_ || head.status == 204 || head.status == 304) return Framing::no_body;
    if (length) return Framing::length;
    if (minor_version_ == 0) return Framing::until_close;
    headers.add("Transfer-Encoding", "chunked");
    return Framing::chunked;
}

void HttpResponseWriter::say_connection(HttpHeaders& headers, bool keep_alive) const {
    if (!keep_alive) {
        if (!headers.has_token("Connection", "close")) headers.add("Connection", "close");
    } else if (minor_version_ == 0 && !headers.has_token("Connection", "keep-alive")) {
        headers.add("Connection", "keep-alive");
    }
}

void HttpResponseWriter::write(Bytes piece) {
    if (connection_ == nullptr) return;
    require(started_, "an HTTP answer has to be started before its body is written");
    if (piece.empty() || framing_ == Framing::no_body) return;
    auto& transport = connection_->transport();
    if (framing_ == Framing::chunked) {
        const Bytes chunk[] = {Bytes::copy(fmt::format("{:x}\r\n", piece.size())), std::move(piece),
                               Bytes::borrow("\r\n")};
        return transport.write_sequence(chunk);
    }
    if (framing_ == Framing::length) {
        require(piece.size() <= remaining_, "the body of an HTTP answer is longer than its Content-Length");
        remaining_ -= piece.size();
    }
    transport.write(std::move(piece));
}

void HttpResponseWriter::finish() {
    if (connection_ == nullptr) return;
    require(started(), "an HTTP answer has to be started before it is finished");
    if (!raw_) {
        require(framing_ != Framing::length || remaining_ == 0,
                "the body of an HTTP answer is shorter than its Content-Length");
        if (framing_ == Framing::chunked) connection_->transport().write("0\r\n\r\n");
    }
    const bool keep_alive = keep_alive_ && !raw_;
    const auto kept = std::move(on_lost_);  // may own this
    let_go()->answer_finished(keep_alive);
}

void HttpResponseWriter::respond(int status, HttpHeaders headers, Bytes body) {
    if (connection_ == nullptr) return;
    if (status != 204 && status != 304) headers.set("Content-Length", std::to_string(body.size()));
    start(status, std::move(headers));
    write(std::move(body));
    finish();
}

void HttpResponseWriter::write_raw(Bytes bytes) {
    if (connection_ == nullptr) return;
    raw_ = true;
    connection_->transport().write(std::move(bytes));
}

void HttpResponseWriter::close() {
    if (connection_ == nullptr) return;
    const auto kept = std::move(on_lost_);
    auto* const connection = let_go();
    connection->answer_gone();
    connection->close();
}

void HttpResponseWriter::abort() {
    if (connection_ == nullptr) return;
    const auto kept = std::move(on_lost_);
    auto* const connection = let_go();
    connection->answer_gone();
    connection->abort();
}

Deferred<> HttpResponseWriter::drained() {
    if (connection_ != nullptr) return connection_->transport().drained();
    if (lost_because_) return fail<>(*lost_because_);
    return fail<>(InvalidState("an HTTP answer that is finished is not written to any more"));
}

void HttpResponseWriter::on_connection_lost(UniqueFunction<void(const Failure& reason)> lost) {
    if (connection_ != nullptr) on_lost_ = std::move(lost);
}

void HttpResponseWriter::require(bool allowed, const char* otherwise) {
    if (allowed) return;
    abort();
    throw InvalidState(otherwise);
}

detail::HttpServerConnection* HttpResponseWriter::let_go() noexcept {
    return std::exchange(connection_, nullptr);
}

void HttpResponseWriter::connection_lost(const Failure& reason) {
    let_go();
    lost_because_ = reason;
    auto lost = std::move(on_lost_);
    if (lost) lost(reason);
}

}  // namespace plait

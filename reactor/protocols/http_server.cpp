#include "plait/reactor/protocols/http_server.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {
namespace {

/// What may wait here of pipelined requests while one is being answered, before reading stops.
constexpr std::size_t most_unread = 64 * 1024;

HttpResponseHead plain_head(int status, std::size_t size) {
    HttpResponseHead head;
    head.status = status;
    head.headers = {{"Content-Type", "text/plain; charset=utf-8"},
                    {"Content-Length", std::to_string(size)},
                    {"Connection", "close"}};
    return head;
}

std::uint64_t parse_length(std::string_view text) {
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw std::invalid_argument(fmt::format("\"{}\" cannot be a Content-Length", text));
    }
    return length;
}

}  // namespace

struct HttpServerFactory::Shared {
    Clock& clock;
    HttpServerOptions options;
    /// Counted by itself: it may be dropped while it runs.
    std::shared_ptr<Handler> handler;
    std::unordered_set<detail::HttpServerConnection*> open = {};
};

namespace detail {

/// One connection: reads a request, hands it on, and reads no further until its answer is finished.
class HttpServerConnection final : public Protocol,
                                   public HttpRequestParser::Handler,
                                   public std::enable_shared_from_this<HttpServerConnection> {
public:
    explicit HttpServerConnection(std::shared_ptr<HttpServerFactory::Shared> shared)
        : shared_(std::move(shared)), parser_(*this, shared_->options.limits) {}

    ~HttpServerConnection() override {
        shared_->open.erase(this);
        if (writer_ != nullptr) writer_->connection_ = nullptr;
    }

    // ---- Protocol

    void connection_made() override {
        shared_->open.insert(this);
        wait_for_request();
    }

    void data_received(const Bytes& data) override {
        read([this, &data] { parser_.feed(data); });
        if (writer_ != nullptr && parser_.unread() > most_unread) transport().pause_producing();
    }

    /// A client may close its direction and still wait for answers.
    void read_connection_lost() override {
        input_ended_ = true;
        read([this] { parser_.finish(); });
    }

    void connection_lost(const Failure& reason) override {
        shared_->open.erase(this);
        timer_.cancel();
        next_.cancel();
        closing_ = true;
        if (auto* const writer = std::exchange(writer_, nullptr)) writer->connection_lost(reason);
    }

    // ---- parser

    void on_head(HttpRequestHead head) override {
        if (head.minor_version == 1 && head.headers.count("Host") != 1) {
            throw HttpMalformed("an HTTP/1.1 request needs one Host header");
        }
        const bool has_body = head.chunked || head.content_length.value_or(0) > 0;
        if (has_body && head.headers.has_token("Expect", "100-continue")) {
            transport().write("HTTP/1.1 100 Continue\r\n\r\n");
        }
        head_ = std::move(head);
    }

    void on_body(Bytes piece) override { pieces_.push_back(std::move(piece)); }

    void on_complete() override {
        timer_.cancel();
        parser_.pause();
        HttpRequest request{std::move(head_), joined_body()};
        const auto handler = shared_->handler;
        if (!handler) return abort();
        const auto self = shared_from_this();
        HttpAnswer answer(new HttpResponseWriter(*this, request.head));
        writer_ = answer.get();
        try {
            (*handler)(std::move(request), answer);
        } catch (...) {
            report_unhandled_failure(Failure::current());
            if (answer->finished()) return;
            if (answer->started()) return answer->abort();
            answer->respond(500, {}, Bytes::borrow("the server failed to answer this request\n"));
        }
    }

    // ---- for the writer

    void answer_finished(bool keep_alive) {
        writer_ = nullptr;
        if (closing_) return;
        if (!keep_alive) return close();
        transport().resume_producing();
        wait_for_request();
        if (reading_) {
            parser_.resume();
        } else {
            next_ = shared_->clock.call_later(Duration::zero(), [this] { read([this] { parser_.resume(); }); });
        }
    }

    void answer_gone() noexcept { writer_ = nullptr; }

    void close() {
        stop_reading();
        transport().lose_connection();
    }

    void abort() {
        stop_reading();
        transport().abort_connection();
    }

private:
    template <typename F>
    void read(F step) {
        if (closing_) return;
        const auto self = shared_from_this();
        reading_ = true;
        try {
            step();
        } catch (const HttpTruncated&) {
            close();
        } catch (const HttpLimitExceeded& error) {
            refuse(error.part() == HttpLimitExceeded::Part::body ? 413 : 431, error.what());
        } catch (const HttpError& error) {
            refuse(400, error.what());
        }
        reading_ = false;
        if (input_ended_ && writer_ == nullptr && !closing_ && !next_.active()) close();
    }

    void refuse(int status, const std::string& why) {
        const auto text = why + "\n";
        transport().write(format_head(plain_head(status, text.size())));
        transport().write(text);
        close();
    }

    void wait_for_request() {
        const auto limit = shared_->options.request_timeout;
        timer_.cancel();
        if (limit <= Duration::zero()) return;
        timer_ = shared_->clock.call_later(limit, [this] {
            if (parser_.between_messages()) {
                close();
            } else {
                refuse(408, "the request did not arrive in time");
            }
        });
    }

    /// An answer under way stays attached: it hears of the end in connection_lost().
    void stop_reading() {
        closing_ = true;
        timer_.cancel();
        next_.cancel();
        parser_.pause();
    }

    Bytes joined_body() {
        auto pieces = std::exchange(pieces_, {});
        if (pieces.size() == 1) return std::move(pieces.front());
        std::string text;
        for (const auto& piece : pieces)
            text.append(piece.view());
        return Bytes::own(std::move(text));
    }

    std::shared_ptr<HttpServerFactory::Shared> shared_;
    HttpRequestParser parser_;
    HttpRequestHead head_;
    std::vector<Bytes> pieces_;
    HttpResponseWriter* writer_ = nullptr;
    DelayedCall timer_;
    DelayedCall next_;
    bool reading_ = false;
    bool input_ended_ = false;
    bool closing_ = false;
};

}  // namespace detail

// ---- HttpResponseWriter

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
    const bool keep_alive =
        keep_alive_ && framing != Framing::until_close && !head.headers.has_token("Connection", "close");
    if (!head.headers.contains("Connection")) {
        if (!keep_alive) head.headers.add("Connection", "close");
        if (keep_alive && minor_version_ == 0) head.headers.add("Connection", "keep-alive");
    }
    auto text = Bytes::own(format_head(head));
    started_ = true;
    framing_ = framing;
    keep_alive_ = keep_alive;
    connection_->transport().write(std::move(text));
}

HttpResponseWriter::Framing HttpResponseWriter::choose_framing(HttpResponseHead& head) {
    const auto length = head.headers.find("Content-Length");
    if (length) remaining_ = parse_length(*length);
    if (to_head_request_ || head.status == 204 || head.status == 304) return Framing::no_body;
    if (length) return Framing::length;
    if (minor_version_ == 0) return Framing::until_close;
    head.headers.set("Transfer-Encoding", "chunked");
    return Framing::chunked;
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

// ---- HttpServerFactory

HttpServerFactory::HttpServerFactory(Clock& clock, Handler handler, HttpServerOptions options)
    : shared_(std::make_shared<Shared>(Shared{clock, options, std::make_shared<Handler>(std::move(handler))})) {}

HttpServerFactory::~HttpServerFactory() = default;

std::shared_ptr<Protocol> HttpServerFactory::build_protocol(const Address&) {
    if (!shared_->handler) return nullptr;
    return std::make_shared<detail::HttpServerConnection>(shared_);
}

void HttpServerFactory::stop() {
    const auto handler = std::move(shared_->handler);
    const auto open = shared_->open;
    for (auto* const connection : open) {
        if (shared_->open.contains(connection)) connection->abort();
    }
}

std::size_t HttpServerFactory::open_connections() const noexcept {
    return shared_->open.size();
}

}  // namespace plait

#include "plait/reactor/protocols/http_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "plait/reactor/detail/http_beast.hpp"
#include "plait/reactor/detail/http_chunk_scanner.hpp"
#include "plait/reactor/detail/http_framing.hpp"
#include "plait/reactor/detail/http_head_scanner.hpp"

namespace plait {
namespace {

using detail::HttpChunkScanner;
using detail::HttpHeadScanner;
using Part = HttpLimitExceeded::Part;
using Where = HttpTruncated::Where;

constexpr std::size_t most_informational = 16;
constexpr std::size_t most_empty_lines_before_request = 2;

}  // namespace

template <typename Head>
class HttpParser<Head>::Core {
public:
    static constexpr bool is_request = std::is_same_v<Head, HttpRequestHead>;
    static constexpr std::string_view kind = is_request ? "request" : "response";

    Core(Handler& handler, HttpLimits limits) : handler_(&handler), limits_(limits), chunks_(limits.chunk_line_bytes) {}

    void feed(const Bytes& bytes) {
        if (bytes.empty() || failed_ || eof_) return;
        pending_.push_back(bytes);
        run();
    }

    void finish() {
        if (failed_) return;
        eof_ = true;
        run();
    }

    void resume() {
        paused_ = false;
        run();
    }

    void reset() noexcept {
        pending_.clear();
        begin_message();
        informational_ = 0;
        empty_lines_ = 0;
        paused_ = eof_ = failed_ = no_body_ = false;
    }

    void abandon() noexcept {
        handler_ = nullptr;
        reset();
    }

    void pause() noexcept { paused_ = true; }
    void expect_no_body() noexcept { no_body_ = true; }
    bool paused() const noexcept { return paused_; }
    bool between_messages() const noexcept {
        return (state_ == State::head && partial_.empty()) || state_ == State::ended;
    }

    std::size_t unread() const noexcept {
        std::size_t sum = 0;
        for (const auto& bytes : pending_)
            sum += bytes.size();
        return sum;
    }

private:
    enum class State { head, length, until_close, chunk_header, chunk_data, trailers, complete, ended };

    /// One step at a time, each with one event at most and that as its last act: an event may change anything here.
    void run() {
        if (running_) return;
        running_ = true;
        try {
            while (handler_ != nullptr && !paused_ && !failed_ && step()) {
            }
        } catch (...) {
            running_ = false;
            failed_ = true;
            pending_.clear();
            throw;
        }
        running_ = false;
    }

    /// False when nothing more can be done with what is there.
    bool step() {
        if (state_ == State::trailers) return tell_trailers();
        if (state_ == State::complete) return tell_complete();
        if (pending_.empty()) return eof_ && at_end();
        switch (state_) {
            case State::head:
                return read_head();
            case State::chunk_header:
                return read_chunk_header();
            case State::ended:
                throw HttpTrailingData(fmt::format("more bytes follow the last {} of a connection", kind));
            default:
                return read_body();
        }
    }

    void consume(std::size_t count) {
        pending_.front().remove_prefix(count);
        if (pending_.front().empty()) pending_.pop_front();
    }

    void begin_message() noexcept {
        message_.reset();
        partial_.clear();
        scanner_ = {};
        state_ = State::head;
        chunks_ = HttpChunkScanner(limits_.chunk_line_bytes);
        body_seen_ = 0;
    }

    // ---- head

    bool read_head() {
        const auto piece = pending_.front().view();
        refuse_other_protocols(piece);
        const auto room = limits_.head_bytes - std::min(partial_.size(), limits_.head_bytes);
        std::size_t taken = 0;
        const auto found = scanner_.scan(piece.substr(0, room), taken);
        if (found == HttpHeadScanner::Found::empty_first_line) return skip_empty_line(taken);
        if (found == HttpHeadScanner::Found::nothing) {
            if (taken == room) refuse_size();
            partial_.append(piece.substr(0, taken));
            consume(taken);
            return true;
        }
        // The usual head lies in one piece and is read where it is.
        if (partial_.empty()) {
            parse_head(piece.substr(0, taken));
        } else {
            parse_head(partial_.append(piece.substr(0, taken)));
        }
        consume(taken);
        partial_.clear();
        return tell_head();
    }

    [[noreturn]] void refuse_size() const {
        const bool first = scanner_.in_first_line();
        throw HttpLimitExceeded(first ? Part::start_line : Part::head, limits_.head_bytes,
                                fmt::format("the {} of an HTTP {} is larger than {} bytes",
                                            first ? "first line" : "head", kind, limits_.head_bytes));
    }

    /// Waiting for the end of a head that cannot become one would last until some time-out.
    void refuse_other_protocols(std::string_view piece) const {
        if constexpr (is_request) {
            const char first = partial_.empty() ? piece.front() : partial_.front();
            if (first != '\r' && first != '\n' && !is_http_token(std::string_view(&first, 1))) {
                throw HttpMalformed("what came is not an HTTP request: it does not begin with a method");
            }
        } else {
            constexpr std::string_view start = "HTTP/1.";
            if (partial_.size() >= start.size()) return;
            const auto expected = start.substr(partial_.size(), piece.size());
            if (!piece.starts_with(expected)) {
                throw HttpMalformed("what came is not an HTTP/1 response: it does not begin with \"HTTP/1.\"");
            }
        }
    }

    bool skip_empty_line(std::size_t taken) {
        if (!is_request || ++empty_lines_ > most_empty_lines_before_request) {
            throw HttpMalformed(fmt::format("an HTTP {} begins with an empty line", kind));
        }
        consume(taken);
        partial_.clear();
        scanner_ = {};
        return true;
    }

    void parse_head(std::string_view text) {
        message_.emplace(limits_.headers);
        message_->skip(!is_request && no_body_);
        put(text);
        if (!message_->is_header_done()) throw malformed("its head is incomplete");
        auto& head = message_->head;
        detail::check_framing(head.headers, head.minor_version, is_request);
        head.keep_alive = detail::keeps_connection(head.headers, head.minor_version) && !message_->need_eof();
        head.chunked = message_->chunked();
        if (const auto length = message_->content_length()) head.content_length = *length;
        if constexpr (!is_request) {
            if (head.status < 100) throw malformed("its status is below 100");
            if (head.status == 101) throw malformed("it switches protocols, which was not asked for");
        }
    }

    bool tell_head() {
        auto head = std::move(message_->head);
        if constexpr (!is_request) {
            if (head.status < 200) return tell_informational(std::move(head));
        }
        keep_alive_ = head.keep_alive;
        no_body_ = false;
        informational_ = 0;
        empty_lines_ = 0;
        if (message_->is_done()) {
            state_ = State::complete;
        } else if (head.chunked) {
            state_ = State::chunk_header;
        } else if (message_->need_eof()) {
            state_ = State::until_close;
        } else {
            state_ = State::length;
            remaining_ = *head.content_length;
            count_body(remaining_);
        }
        handler_->on_head(std::move(head));
        return true;
    }

    bool tell_informational(Head head) {
        if (++informational_ > most_informational) {
            throw HttpLimitExceeded(
                Part::informational, most_informational,
                fmt::format("more than {} informational (1xx) answers came before the real one", most_informational));
        }
        begin_message();
        handler_->on_informational(std::move(head));
        return true;
    }

    // ---- body

    bool read_body() {
        auto view = pending_.front().view();
        if (state_ == State::until_close && limits_.body_bytes) {
            // Deliver just what fits, so that how much comes out does not depend on how it was cut.
            const auto room = *limits_.body_bytes - body_seen_;
            view = view.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(room, view.size())));
            if (view.empty()) count_body(1);
        }
        message_->body_taken = 0;
        put(view);
        const auto taken = message_->body_taken;
        auto piece = pending_.front().slice(0, taken);
        consume(taken);
        if (state_ == State::until_close) {
            body_seen_ += taken;
        } else {
            remaining_ -= taken;
            if (remaining_ == 0) state_ = state_ == State::length ? State::complete : State::chunk_header;
        }
        handler_->on_body(std::move(piece));
        return true;
    }

    void count_body(std::uint64_t more) {
        if (limits_.body_bytes && more > *limits_.body_bytes - body_seen_) {
            throw HttpLimitExceeded(
                Part::body, *limits_.body_bytes,
                fmt::format("the body of an HTTP {} is larger than {} bytes", kind, *limits_.body_bytes));
        }
        body_seen_ += more;
    }

    // ---- chunks

    bool read_chunk_header() {
        std::size_t taken = 0;
        const bool whole = chunks_.scan(pending_.front().view(), taken);
        consume(taken);
        if (!whole) return true;
        put(chunks_.text());
        if (message_->is_done()) {
            state_ = message_->trailers.empty() ? State::complete : State::trailers;
            return true;
        }
        remaining_ = message_->chunk_size;
        chunks_.next(remaining_);
        count_body(remaining_);
        state_ = State::chunk_data;
        return true;
    }

    // ---- ends

    bool tell_trailers() {
        state_ = State::complete;
        handler_->on_trailers(std::move(message_->trailers));
        return true;
    }

    bool tell_complete() {
        begin_message();
        if (!keep_alive_) state_ = State::ended;
        handler_->on_complete();
        return true;
    }

    bool at_end() {
        if (between_messages()) return false;
        if (state_ == State::until_close) {
            state_ = State::complete;
            return true;
        }
        if (state_ == State::head) {
            throw HttpTruncated(Where::head, fmt::format("the connection ended within the head of an HTTP {}", kind));
        }
        if (state_ == State::length) {
            throw HttpTruncated(Where::body,
                                fmt::format("the connection ended within the body of an HTTP {}: {} of {} bytes are "
                                            "missing",
                                            kind, remaining_, body_seen_));
        }
        throw HttpTruncated(
            Where::chunk,
            fmt::format("the connection ended within the chunked body of an HTTP {}, before its last chunk", kind));
    }

    // ---- Beast

    void put(std::string_view text) {
        boost::beast::error_code ec;
        const auto taken = message_->put(boost::asio::const_buffer(text.data(), text.size()), ec);
        if (message_->too_many_headers) {
            throw HttpLimitExceeded(Part::headers, limits_.headers,
                                    fmt::format("an HTTP {} has more than {} header fields", kind, limits_.headers));
        }
        if (ec == boost::beast::http::error::need_more) throw malformed("it is cut in a way it cannot be");
        if (ec == boost::beast::http::error::bad_version && detail::ends_in_other_version(text)) {
            throw HttpBadVersion(fmt::format("an HTTP {} is of another version than 1.0 and 1.1", kind));
        }
        if (ec) throw malformed(ec.message());
        const bool whole = state_ == State::head || state_ == State::chunk_header;
        if (whole && taken != text.size()) throw malformed("its head or a chunk header holds an early end");
    }

    static HttpMalformed malformed(std::string_view why) {
        return HttpMalformed(fmt::format("malformed HTTP {}: {}", kind, why));
    }

    Handler* handler_;
    HttpLimits limits_;
    std::deque<Bytes> pending_;
    std::optional<detail::HttpBeastMessage<Head>> message_;
    std::string partial_;  ///< a head that has not come to its end
    HttpHeadScanner scanner_;
    HttpChunkScanner chunks_;
    State state_ = State::head;
    std::uint64_t remaining_ = 0;
    std::uint64_t body_seen_ = 0;
    std::size_t informational_ = 0;
    std::size_t empty_lines_ = 0;
    bool keep_alive_ = true;
    bool no_body_ = false;
    bool running_ = false;
    bool paused_ = false;
    bool eof_ = false;
    bool failed_ = false;
};

template <typename Head>
HttpParser<Head>::HttpParser(Handler& handler, HttpLimits limits) : core_(std::make_shared<Core>(handler, limits)) {}

template <typename Head>
HttpParser<Head>::~HttpParser() {
    core_->abandon();
}

// An event may destroy the parser: the core is held until the call is over.

template <typename Head>
void HttpParser<Head>::feed(const Bytes& bytes) {
    const auto core = core_;
    core->feed(bytes);
}

template <typename Head>
void HttpParser<Head>::finish() {
    const auto core = core_;
    core->finish();
}

template <typename Head>
void HttpParser<Head>::resume() {
    const auto core = core_;
    core->resume();
}

template <typename Head>
void HttpParser<Head>::pause() noexcept {
    core_->pause();
}

template <typename Head>
void HttpParser<Head>::expect_no_body() noexcept {
    core_->expect_no_body();
}

template <typename Head>
void HttpParser<Head>::reset() noexcept {
    core_->reset();
}

template <typename Head>
bool HttpParser<Head>::paused() const noexcept {
    return core_->paused();
}

template <typename Head>
bool HttpParser<Head>::between_messages() const noexcept {
    return core_->between_messages();
}

template <typename Head>
std::size_t HttpParser<Head>::unread() const noexcept {
    return core_->unread();
}

template class HttpParser<HttpRequestHead>;
template class HttpParser<HttpResponseHead>;

}  // namespace plait

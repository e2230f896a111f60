// HttpClientConnection: the client's end of one HTTP/1.1 connection: one request after the other, each sent and its
// answer handed on piece by piece. Not public: HttpExchange and HttpClient stand on it. Knows no redirections.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/connector.hpp"
#include "plait/reactor/detail/deadline.hpp"
#include "plait/reactor/detail/http_outgoing.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/protocols/http_exchange.hpp"
#include "plait/reactor/protocols/http_parser.hpp"

namespace plait::detail {

///     connecting ──> sending ──> waiting for the head ──> body ──> complete ──> idle ──> sending ...
///
/// The rules of HttpExchange about handlers hold for each request. Between requests it reads on, so that the server's
/// closing is noticed.
///
/// Lifetime: shared by its transport or Connector and by who uses it; abandon() before letting go.
class HttpClientConnection final : public Protocol,
                                   public HttpResponseParser::Handler,
                                   public std::enable_shared_from_this<HttpClientConnection> {
public:
    /// Who uses it for more than one request. Held until the connection has ended.
    class Keeper {
    public:
        /// An answer was complete, and begin() may be called, from here on. Its handler does not know yet.
        virtual void connection_free(HttpClientConnection& connection) = 0;
        /// It is gone, or never came to be. Once, last.
        virtual void connection_ended(HttpClientConnection& connection) noexcept = 0;

    protected:
        ~Keeper() = default;
    };

    /// Without a keeper it is closed after one answer. `idle_limit`: between requests; zero: none.
    HttpClientConnection(Clock& clock, HttpLimits limits, std::shared_ptr<Keeper> keeper, Duration idle_limit);

    /// Before connect(), or when free. Nothing is told from inside.
    void begin(HttpOutgoing request, HttpResponseHandler& handler, const HttpExchangeOptions& options);
    void connect(Connector& connector, const HostPort& where);

    /// Drops the request and closes the connection. No word of either.
    void abandon() noexcept;
    /// Closes it in good order; for one that is free.
    void close_idle() noexcept;

    void pause();
    void resume();
    bool paused() const noexcept { return paused_; }
    bool finished() const noexcept { return handler_ == nullptr; }

    /// begin() may be called.
    bool is_free() const noexcept { return free_ && !transport().disconnecting(); }
    /// The request under way, or the last one, is not the first on this connection.
    bool reused() const noexcept { return requests_ > 1; }
    /// A byte of an answer to it has come.
    bool answered() const noexcept { return answered_; }
    /// The answer came before the body was asked for: not a piece was taken from its source.
    bool held_back() const noexcept { return held_back_; }

    /// What it does, or did at its end: "connecting".
    const char* phase() const noexcept;

    void connection_made() override;
    void data_received(const Bytes& data) override;
    void connection_lost(const Failure& reason) override;

    void on_informational(HttpResponseHead head) override;
    void on_head(HttpResponseHead head) override;
    void on_body(Bytes piece) override;
    void on_trailers(HttpHeaders trailers) override;
    void on_complete() override;

    void deadline_passed();

private:
    template <typename F>
    void deliver(F step);
    void deliver_held();

    void send();
    void start_body();
    Deferred<> send_body(std::shared_ptr<HttpBodySource> source);
    void write_piece(Bytes piece);
    void finish_body();
    void body_sent();
    bool all_taken() const noexcept;

    void lost(const Failure& reason);
    void end();
    void fail(Failure reason);
    void release() noexcept;
    void tell_ended() noexcept;

    void wait();
    void time_out();

    Clock& clock_;
    std::shared_ptr<Keeper> keeper_;
    const Duration idle_limit_;
    HttpResponseHandler* handler_ = nullptr;
    HttpExchangeOptions options_;
    HttpResponseParser parser_;
    HttpOutgoing request_;
    std::uint64_t left_to_send_ = 0;
    std::string where_;
    Deferred<> connecting_;
    Deferred<> sending_;
    Deadline<HttpClientConnection> deadline_;
    DelayedCall deliver_call_;
    DelayedCall send_call_;
    std::optional<Failure> lost_;
    std::uint64_t requests_ = 0;
    bool made_ = false;
    bool starting_ = false;  ///< connect() has not returned
    bool free_ = false;
    bool sent_ = false;
    bool awaiting_continue_ = false;
    bool held_back_ = false;
    bool answered_ = false;
    bool head_seen_ = false;
    bool keep_alive_ = false;
    bool paused_ = false;
    bool delivering_ = false;
};

}  // namespace plait::detail

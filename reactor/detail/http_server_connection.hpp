// HttpServerConnection: the server's end of one HTTP/1.1 connection. Not public: HttpServerFactory makes them, and
// HttpResponseWriter writes to them.
#pragma once

#include <cstddef>
#include <ctime>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/detail/deadline.hpp"
#include "plait/reactor/detail/gathered_body.hpp"
#include "plait/reactor/detail/http_body_queue.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/protocols/http_parser.hpp"
#include "plait/reactor/protocols/http_server.hpp"

namespace plait::detail {

class HttpServerConnection;

/// What a factory and its connections have in common.
struct HttpServerShared {
    HttpServerShared(Clock& with, HttpServerOptions wanted) : clock(with), options(wanted) {}

    Clock& clock;
    HttpServerOptions options;
    /// One of the two. Counted by itself: it may be dropped while it runs.
    std::shared_ptr<HttpServerFactory::Handler> handler;
    std::shared_ptr<HttpServerFactory::StreamHandler> stream_handler;
    std::unordered_set<HttpServerConnection*> open;
    bool stopped = false;

    /// A seam for tests. time() makes no system call: the kernel keeps the second where programs can read it.
    std::time_t (*wall_clock)() = [] { return std::time(nullptr); };

    /// `head` for the wire, with a `Date` if one is wanted and it has none. Throws as format_head().
    std::string text_of(const HttpResponseHead& head);

private:
    /// Made at most once a second.
    const std::string& date_line();

    std::time_t date_at_ = 0;
    std::string date_line_;
};

/// Reads a request, hands it on, and reads no further than its end until it is answered.
///
///     head ──> body ──> answered ──> head ...         or, where there is no going on,         lingering ──> closed
///
/// Lifetime: shared by its transport and the body being read.
class HttpServerConnection final : public Protocol,
                                   public HttpRequestParser::Handler,
                                   public HttpBodyQueue::Flow,
                                   public std::enable_shared_from_this<HttpServerConnection> {
public:
    /// `turned_away`: answers 503 and closes.
    HttpServerConnection(std::shared_ptr<HttpServerShared> shared, bool turned_away);
    ~HttpServerConnection() override;

    void connection_made() override;
    void data_received(const Bytes& data) override;
    /// A client may close its direction and still wait for answers.
    void read_connection_lost() override;
    void connection_lost(const Failure& reason) override;

    void on_head(HttpRequestHead head) override;
    void on_body(Bytes piece) override;
    void on_complete() override;

    void pause_body() override;
    void resume_body() override;
    void body_wanted() override;
    void drop_body() override;

    // ---- for the writer
    void answer_finished(bool keep_alive);
    void answer_gone() noexcept { writer_ = nullptr; }
    void close();
    void abort();
    /// Who begins to answer well and keeps the body wants it: once the answer has begun, nobody can ask for it any
    /// more.
    void answer_starts(int status);
    /// Another request may follow the one being answered.
    bool may_go_on() const noexcept;
    std::string text_of(const HttpResponseHead& head) const { return shared_->text_of(head); }

    void deadline_passed();

private:
    template <typename F>
    void read(F step);
    template <typename Function, typename Request>
    void call(Function& handler, Request request, const HttpAnswer& answer);
    HttpAnswer make_answer(const HttpRequestHead& head);
    void check_expectation(const HttpRequestHead& head);
    void say_continue();
    void refuse(int status, const std::string& why);
    void next_request();
    void skip_body();
    void end_body(const Failure& reason);
    void linger();
    void stop_reading();
    void wait_for_request();

    std::shared_ptr<HttpServerShared> shared_;
    HttpRequestParser parser_;
    HttpRequestHead head_;
    GatheredBody gathered_;
    std::shared_ptr<HttpBodyQueue> body_;
    HttpResponseWriter* writer_ = nullptr;
    Deadline<HttpServerConnection> deadline_;
    DelayedCall next_;
    TimePoint began_;  ///< when the first byte of the request came
    std::size_t requests_ = 0;
    std::size_t thrown_away_ = 0;
    std::size_t left_at_deadline_ = 0;
    const bool turned_away_;
    bool in_request_ = false;     ///< a head was read, and its body not to the end
    bool client_stays_ = true;    ///< the last request did not ask for the end of the connection
    bool begun_ = false;          ///< a byte of a request came
    bool owes_continue_ = false;  ///< a 100 is waited for
    bool skipping_ = false;       ///< nobody reads the body
    bool body_paused_ = false;
    bool broken_ = false;  ///< what comes makes no sense any more
    bool reading_ = false;
    bool input_ended_ = false;
    bool closing_ = false;
    bool lingering_ = false;
};

}  // namespace plait::detail

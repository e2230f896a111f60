#include "plait/couch_async/testing/view_server.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "plait/couch_async/detail/view_responder.hpp"
#include "plait/reactor/protocols/http_parser.hpp"

namespace plait::couch_async::testing {

using detail::ViewAnswer;

struct ViewServer::State {
    State(Clock& c, ViewServerOptions o) : clock(c), options(o), responder(std::move(o)) {}

    Misbehaviour take_order() {
        if (orders.empty()) return every;
        if (orders.front().times_ > 1) {
            --orders.front().times_;
            return orders.front();
        }
        Misbehaviour order = std::move(orders.front());
        orders.pop_front();
        return order;
    }

    /// Calls may end connections and so change the list.
    template <typename F>
    void for_each_connection(F&& f) {
        const auto all = connections;
        for (auto* connection : all)
            if (std::find(connections.begin(), connections.end(), connection) != connections.end()) f(*connection);
    }

    Clock& clock;
    ViewServerOptions options;
    detail::ViewResponder responder;
    ViewServerCounts counts;
    ViewServerRequest last;
    std::deque<Misbehaviour> orders;
    Misbehaviour every;
    std::vector<Connection*> connections;
    bool closed = false;
};

/// Reads requests one by one; the next one waits until the answer is out.
class ViewServer::Connection final : public Protocol, private HttpRequestParser::Handler {
public:
    explicit Connection(std::shared_ptr<State> state) : state_(std::move(state)), parser_(*this, limits(*state_)) {}

    void connection_made() override {
        ++state_->counts.connections;
        ++state_->counts.open_connections;
        state_->connections.push_back(this);
    }

    void data_received(const Bytes& data) override {
        read([&] { parser_.feed(data); });
        if (parser_.unread() > waiting_requests) transport().pause_producing();
    }

    void read_connection_lost() override {
        half_closed_ = true;
        if (!answer_ || stalled_) transport().lose_connection();
    }

    void connection_lost(const Failure&) override {
        forget_answer();
        --state_->counts.open_connections;
        std::erase(state_->connections, this);
    }

    void abort() {
        forget_answer();
        transport().abort_connection();
    }

    void release() {
        if (!std::exchange(stalled_, false)) return;
        answer_->go_on();
        pump();
    }

private:
    static constexpr std::size_t waiting_requests = 64 * 1024;
    static constexpr std::size_t piece = 32 * 1024;

    static HttpLimits limits(const State& state) {
        HttpLimits limits;
        limits.body_bytes = state.options.request_bytes;
        return limits;
    }

    template <typename F>
    void read(F&& f) {
        try {
            f();
        } catch (const HttpLimitExceeded& error) {
            refuse(413, "too_large", error.what());
        } catch (const HttpError& error) {
            refuse(400, "bad_request", error.what());
        }
    }

    void on_head(HttpRequestHead head) override {
        keep_alive_ = head.keep_alive;
        request_.method = std::move(head.method);
        request_.target = std::move(head.target);
        request_.headers = std::move(head.headers);
    }
    void on_body(Bytes bytes) override { request_.body += bytes.view(); }
    void on_complete() override {
        parser_.pause();
        ++state_->counts.requests;
        state_->last = std::exchange(request_, {});
        answer_.emplace(state_->responder.answer(state_->last, state_->take_order()));
        const Duration delay = answer_->misbehaviour().delay_;
        if (delay > Duration::zero()) {
            pump_after(delay);
        } else {
            pump();
        }
    }

    void refuse(int status, std::string_view error, std::string_view reason) {
        keep_alive_ = false;
        answer_.emplace(state_->responder.refusal(status, error, reason));
        pump();
    }

    void pump_after(Duration delay) {
        timer_ = state_->clock.call_later(delay, [this] { pump(); });
    }

    /// Writes until the transport has enough for now.
    void pump() {
        while (answer_) {
            const auto& order = answer_->misbehaviour();
            const bool slow = order.slow_bytes_ > 0;
            std::string out;
            const ViewAnswer::Next next = answer_->produce(out, slow ? order.slow_bytes_ : piece);
            state_->counts.bytes += out.size();
            if (!out.empty()) transport().write(Bytes::own(std::move(out)));
            if (next != ViewAnswer::Next::more) return end(next);
            if (slow) return pump_after(order.slow_every_);
            if (transport().write_buffered() > Transport::default_low_water) {
                room_ = transport().drained().add_callbacks([this] { pump(); }, [](const Failure&) {});
                return;
            }
        }
    }

    void end(ViewAnswer::Next next) {
        if (next == ViewAnswer::Next::stall) {
            stalled_ = true;
            if (half_closed_) transport().lose_connection();
            return;
        }
        if (next == ViewAnswer::Next::keep_alive) ++state_->counts.answers;
        forget_answer();
        if (next == ViewAnswer::Next::reset) {
            transport().abort_connection();
        } else if (next == ViewAnswer::Next::close || !keep_alive_ || half_closed_) {
            transport().lose_connection();
        } else {
            transport().resume_producing();
            read([this] { parser_.resume(); });
        }
    }

    void forget_answer() {
        if (answer_) state_->counts.rows += answer_->rows_written();
        answer_.reset();
        stalled_ = false;
        timer_ = DelayedCall();
        room_ = Deferred<>();
    }

    const std::shared_ptr<State> state_;
    HttpRequestParser parser_;
    ViewServerRequest request_;
    std::optional<ViewAnswer> answer_;
    DelayedCall timer_;
    Deferred<> room_;
    bool keep_alive_ = true;
    bool half_closed_ = false;
    bool stalled_ = false;
};

class ViewServer::ConnectionFactory final : public Factory {
public:
    explicit ConnectionFactory(std::shared_ptr<State> state) : state_(std::move(state)) {}

    std::shared_ptr<Protocol> build_protocol(const Address&) override {
        if (state_->closed) return nullptr;
        return std::make_shared<Connection>(state_);
    }

private:
    std::shared_ptr<State> state_;
};

ViewServer::ViewServer(Clock& clock, ViewServerOptions options)
    : state_(std::make_shared<State>(clock, std::move(options))) {}

ViewServer::~ViewServer() {
    state_->closed = true;
    break_connections();
}

void ViewServer::add_view(std::string_view database, std::string_view design, std::string_view view,
                          ViewDocuments documents) {
    state_->responder.set(database, design, view, std::move(documents));
}

void ViewServer::remove_view(std::string_view database, std::string_view design, std::string_view view) {
    state_->responder.remove(database, design, view);
}

std::shared_ptr<Factory> ViewServer::factory() {
    return std::make_shared<ConnectionFactory>(state_);
}

Misbehaviour& ViewServer::next_request() {
    return state_->orders.emplace_back();
}

Misbehaviour& ViewServer::every_request() {
    return state_->every;
}

void ViewServer::behave() {
    state_->orders.clear();
    state_->every = {};
}

void ViewServer::release_stalled() {
    state_->for_each_connection([](Connection& connection) { connection.release(); });
}

void ViewServer::break_connections() {
    state_->for_each_connection([](Connection& connection) { connection.abort(); });
}

const ViewServerCounts& ViewServer::counts() const noexcept {
    return state_->counts;
}

const ViewServerRequest& ViewServer::last_request() const noexcept {
    return state_->last;
}

}  // namespace plait::couch_async::testing

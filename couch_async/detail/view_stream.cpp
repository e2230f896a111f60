#include "plait/couch_async/detail/view_stream.hpp"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "plait/couch_async/detail/view_failures.hpp"
#include "plait/couch_async/errors.hpp"
#include "plait/couch_async/view/async_view_base.hpp"
#include "plait/deferred/unhandled.hpp"

namespace plait::couch_async::detail {
namespace {

constexpr std::size_t refusal_bytes = 16 * 1024;

std::string view_path(const Url& url, const ViewSpec& spec) {
    if (spec.design.empty() || spec.view.empty())
        throw std::invalid_argument("a view needs the name of its design document and its own name");
    return fmt::format("{}/_design/{}{}/_view/{}", url.path, spec.use_devmode ? "dev_" : "",
                       percent_encode(spec.design), percent_encode(spec.view));
}

HttpRequest view_request(const ViewClient& client, std::string path, const ViewQuery& query, std::size_t longest) {
    Url url = client.url();
    url.path = std::move(path);
    std::string parameters = query.encode(client.dialect());
    std::string method = "GET";
    Bytes body;
    if (url.path.size() + 1 + parameters.size() > longest) {
        auto posted = query.encode_post(client.dialect());
        method = "POST";
        parameters = std::move(posted.query);
        body = Bytes::own(std::move(posted.body));
    }
    if (!parameters.empty()) url.query = std::move(parameters);
    HttpRequest request = make_http_request(url, std::move(method), std::move(body));
    request.head.headers.add("Accept", "application/json");
    request.head.headers.add("Accept-Encoding", "identity");
    if (request.head.method == "POST") request.head.headers.add("Content-Type", "application/json");
    return request;
}

std::string view_name(const ViewClient& client, std::string path) {
    Url url = client.url();
    url.path = std::move(path);
    return url.str();
}

bool is_encoded(const HttpResponseHead& head) {
    const auto encoding = head.headers.find("Content-Encoding");
    return encoding && !encoding->empty() && !equal_ignoring_case(*encoding, "identity");
}

/// What a callback throws has nobody to go to: the outcome is known already.
template <typename F>
void report_exceptions(F&& callback) {
    try {
        callback();
    } catch (...) {
        report_unhandled_failure(Failure::current());
    }
}

}  // namespace

ViewStream::ViewStream(AsyncViewBase& owner, const ViewClient& client, const ViewSpec& spec, const ViewQuery& query,
                       const ViewOptions& options)
    : owner_(&owner),
      client_(client),
      options_(options),
      name_(view_name(client, view_path(client.url(), spec))),
      request_(view_request(client, view_path(client.url(), spec), query, options.longest_address)),
      pump_(std::make_shared<RowPump>(client.clock(), options, static_cast<RowPump::Sink&>(*this))) {}

Deferred<ViewMeta> ViewStream::start() {
    if (state_ != State::fresh)
        return fail<ViewMeta>(
            InvalidState(name_ + ": this stream was started before; make another one for another run"));
    state_ = State::running;
    auto [deferred, promise] = make_deferred<ViewMeta>([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->cancel();
    });
    promise_ = std::move(promise);
    set_total_timer();
    try {
        send();
    } catch (...) {
        total_timer_ =
            client_.clock().call_later(Duration::zero(), [this, failure = Failure::current()] { end(failure); });
    }
    return std::move(deferred);
}

void ViewStream::set_total_timer() {
    if (options_.timeouts.total <= Duration::zero()) return;
    total_timer_ = client_.clock().call_later(options_.timeouts.total, [this] {
        const double seconds = std::chrono::duration<double>(options_.timeouts.total).count();
        end(make_failure(ViewTimeout(fmt::format("{}: not complete within {} s, after {} rows", name_, seconds, rows()),
                                     ViewTimeout::Waiting::total, rows())));
    });
}

void ViewStream::send() {
    HttpExchangeOptions http;
    http.connect_timeout = options_.timeouts.connect;
    http.head_timeout = options_.timeouts.first_byte;
    http.idle_timeout = options_.timeouts.idle;
    exchange_ = std::make_unique<HttpExchange>(client_.clock(), *client_.connector(), client_.url().host_port(),
                                               std::move(request_), static_cast<HttpResponseHandler&>(*this), http);
    if (pump_->paused()) exchange_->pause();
}

void ViewStream::pause() {
    resume_call_.cancel();
    pump_->pause();
}

void ViewStream::resume() {
    if (!paused()) return;
    resume_call_ = client_.clock().call_later(Duration::zero(), [this] { pump_->resume(); });
}

void ViewStream::cancel() {
    if (state_ == State::ending) state_ = State::ended;
    if (state_ != State::running) return;
    const auto self = shared_from_this();
    state_ = State::ended;
    let_go();
    Promise<ViewMeta> promise = std::move(promise_);
    if (promise.wanted()) promise.errback(Cancelled());
}

void ViewStream::disown() {
    owner_ = nullptr;
    cancel();
}

/// Everything that could call us.
void ViewStream::let_go() noexcept {
    exchange_.reset();
    pump_->stop();
    total_timer_.cancel();
    resume_call_.cancel();
}

// ---- the answer

void ViewStream::on_head(HttpResponseHead head) {
    begun_ = true;
    if (head.status < 200 || head.status >= 300) {
        refusal_ = std::move(head);
        return;
    }
    if (is_encoded(head))
        throw ViewError(
            fmt::format("{}: the server sent its answer in Content-Encoding {} although it was asked not to; "
                        "look for a proxy that compresses",
                        name_, *head.headers.find("Content-Encoding")));
}

void ViewStream::on_body(Bytes piece) {
    const auto self = shared_from_this();
    if (!refusal_) return pump_->feed(std::move(piece));
    refusal_body_.append(piece.view().substr(0, refusal_bytes - refusal_body_.size()));
    if (refusal_body_.size() >= refusal_bytes) refuse();
}

void ViewStream::on_complete() {
    const auto self = shared_from_this();
    if (refusal_) return refuse();
    pump_->finish();
}

void ViewStream::on_failure(const Failure& reason) {
    const auto self = shared_from_this();
    if (refusal_) return refuse();
    pump_->fail(reason);
}

void ViewStream::refuse() {
    end(status_failure(name_, *refusal_, refusal_body_));
}

// ---- rows

Deferred<> ViewStream::pump_rows(Rows rows) {
    try {
        return owner_->on_rows(std::move(rows));
    } catch (...) {
        return fail(Failure::current());
    }
}

void ViewStream::pump_wants(bool more) {
    if (!exchange_) return;
    if (more) {
        exchange_->resume();
    } else {
        exchange_->pause();
    }
}

void ViewStream::pump_ended(std::optional<Failure> failure) {
    if (!failure) {
        if (reports_errors(meta())) failure = reported_failure(name_, meta(), rows());
    } else if (failure->check<ViewBodyError>() != nullptr && reports_errors(meta())) {
        failure = reported_failure(name_, meta(), rows());
    } else {
        failure = stream_failure(name_, *failure, begun_, rows());
    }
    end(std::move(failure));
}

void ViewStream::end(std::optional<Failure> failure) {
    const auto self = shared_from_this();
    state_ = State::ending;
    let_go();
    Promise<ViewMeta> promise = std::move(promise_);
    if (failure && owner_ != nullptr) report_exceptions([&] { owner_->on_error(*failure); });
    if (state_ == State::ending && owner_ != nullptr) report_exceptions([&] { owner_->on_done(meta()); });
    state_ = State::ended;
    if (!promise.wanted()) return;
    if (failure) {
        promise.errback(*std::move(failure));
    } else {
        promise.callback(meta());
    }
}

}  // namespace plait::couch_async::detail

#include "plait/reactor/protocols/http_exchange.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plait/reactor/detail/http_client_connection.hpp"
#include "plait/reactor/detail/http_gatherer.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"

namespace plait {
namespace {

constexpr std::uint64_t default_fetch_limit = 16 * 1024 * 1024;

}  // namespace

HttpExchange::HttpExchange(Clock& clock, Connector& connector, const HostPort& where, HttpRequest request,
                           HttpResponseHandler& handler, HttpExchangeOptions options)
    : connection_(std::make_shared<detail::HttpClientConnection>(clock, options.limits, nullptr, Duration::zero())) {
    auto outgoing =
        detail::write_http_request(std::move(request.head), std::move(request.body), nullptr, where, false, true);
    connection_->begin(std::move(outgoing), handler, options);
    connection_->connect(connector, where);
}

HttpExchange::~HttpExchange() {
    if (!connection_->finished()) connection_->abandon();  // else it is closed, or closing
}

void HttpExchange::pause() {
    connection_->pause();
}

void HttpExchange::resume() {
    connection_->resume();
}

bool HttpExchange::paused() const noexcept {
    return connection_->paused();
}

bool HttpExchange::finished() const noexcept {
    return connection_->finished();
}

HttpRequest make_http_request(const Url& url, std::string method, Bytes body) {
    HttpRequest request;
    request.head.method = std::move(method);
    request.head.target = url.target();
    request.head.headers.add("Host", url.authority());
    if (auto authorization = url.basic_authorization()) {
        request.head.headers.add("Authorization", *std::move(authorization));
    }
    request.body = std::move(body);
    return request;
}

namespace {

/// Owned by the canceller of its own Deferred, and gone when that has fired.
class Fetch final : public detail::HttpGatherer {
public:
    explicit Fetch(std::shared_ptr<Connector> kept) : connector_(std::move(kept)) {}

    void start(Clock& clock, Connector& connector, const HostPort& where, HttpRequest request,
               const HttpExchangeOptions& options, Promise<HttpResponse> promise) {
        gather_for(std::move(promise));
        exchange_.emplace(clock, connector, where, std::move(request), *this, options);
    }

private:
    std::shared_ptr<Connector> connector_;
    std::optional<HttpExchange> exchange_;
};

/// `kept`: a connector to keep until the end, or null.
Deferred<HttpResponse> fetch_with(Clock& clock, Connector& connector, std::shared_ptr<Connector> kept,
                                  const HostPort& where, HttpRequest request, HttpExchangeOptions options) {
    if (!options.limits.body_bytes) options.limits.body_bytes = default_fetch_limit;
    auto fetch = std::make_shared<Fetch>(std::move(kept));
    auto [deferred, promise] = make_deferred<HttpResponse>([fetch] {});
    try {
        fetch->start(clock, connector, where, std::move(request), options, std::move(promise));
    } catch (...) {
        return fail<HttpResponse>(Failure::current());
    }
    return std::move(deferred);
}

}  // namespace

Deferred<HttpResponse> http_fetch(Clock& clock, Connector& connector, const HostPort& where, HttpRequest request,
                                  HttpExchangeOptions options) {
    return fetch_with(clock, connector, nullptr, where, std::move(request), options);
}

Deferred<HttpResponse> http_get(Clock& clock, Connector& connector, const Url& url, HttpExchangeOptions options) {
    return fetch_with(clock, connector, nullptr, url.host_port(), make_http_request(url), options);
}

Deferred<HttpResponse> http_get(Reactor& reactor, const Url& url, HttpExchangeOptions options) {
    if (url.secure) {
        return fail<HttpResponse>(BadUrl(url.str() + " is reached over TLS: give http_get a connector that speaks it"));
    }
    // The same limit below: its sentence tells more than ours.
    ConnectOptions tcp;
    tcp.timeout = options.connect_timeout > Duration::zero() ? options.connect_timeout : Duration::max();
    auto connector = make_tcp_connector(reactor, tcp);
    auto& borrowed = *connector;
    return fetch_with(reactor, borrowed, std::move(connector), url.host_port(), make_http_request(url), options);
}

}  // namespace plait

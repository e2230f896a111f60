#include "plait/reactor/protocols/http_server.hpp"

#include <utility>

#include "plait/reactor/detail/http_server_connection.hpp"

namespace plait {

HttpServerFactory::HttpServerFactory(std::shared_ptr<detail::HttpServerShared> shared) noexcept
    : shared_(std::move(shared)) {}

HttpServerFactory::HttpServerFactory(Clock& clock, Handler handler, HttpServerOptions options)
    : HttpServerFactory(std::make_shared<detail::HttpServerShared>(clock, options)) {
    shared_->handler = std::make_shared<Handler>(std::move(handler));
}

std::shared_ptr<HttpServerFactory> HttpServerFactory::streaming(Clock& clock, StreamHandler handler,
                                                                HttpServerOptions options) {
    auto shared = std::make_shared<detail::HttpServerShared>(clock, options);
    shared->stream_handler = std::make_shared<StreamHandler>(std::move(handler));
    return std::shared_ptr<HttpServerFactory>(new HttpServerFactory(std::move(shared)));
}

HttpServerFactory::~HttpServerFactory() = default;

std::shared_ptr<Protocol> HttpServerFactory::build_protocol(const Address&) {
    if (shared_->stopped) return nullptr;
    // Those that are told 503 linger: they have a bound, too.
    const auto most = shared_->options.most_connections;
    if (shared_->open.size() >= 2 * most) return nullptr;
    return std::make_shared<detail::HttpServerConnection>(shared_, shared_->open.size() >= most);
}

void HttpServerFactory::stop() {
    shared_->stopped = true;
    const auto handler = std::move(shared_->handler);
    const auto stream_handler = std::move(shared_->stream_handler);
    const auto open = shared_->open;
    for (auto* const connection : open) {
        if (shared_->open.contains(connection)) connection->abort();
    }
}

std::size_t HttpServerFactory::open_connections() const noexcept {
    return shared_->open.size();
}

}  // namespace plait

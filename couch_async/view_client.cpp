#include "plait/couch_async/view_client.hpp"

#include <utility>

#include <fmt/format.h>

#include "plait/reactor/protocols/url.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"

namespace plait::couch_async {
namespace {

std::shared_ptr<const Url> database_url(std::string_view text) {
    Url url = Url::parse(text);
    while (url.path.ends_with('/'))
        url.path.pop_back();
    if (url.path.empty()) throw BadUrl(fmt::format("{} names no database; write http://host:port/database", url.str()));
    if (url.query) throw BadUrl(fmt::format("{} has a query; give the view's parameters in a ViewQuery", url.str()));
    return std::make_shared<const Url>(std::move(url));
}

/// Nothing that is to be kept secret goes out in the open.
std::string_view plain(std::string_view url) {
    if (Url::parse(url).secure) {
        throw BadUrl("an address with https:// is reached over TLS: give the ViewClient a Connector that speaks it");
    }
    return url;
}

/// How long to connect is the view's to say (ViewTimeouts), not the connector's.
ConnectOptions without_limit() {
    ConnectOptions options;
    options.timeout = Duration::max();
    return options;
}

}  // namespace

ViewClient::ViewClient(Reactor& reactor, std::string_view url, Dialect dialect)
    : ViewClient(reactor, make_tcp_connector(reactor, without_limit()), plain(url), dialect) {}

ViewClient::ViewClient(Clock& clock, std::shared_ptr<Connector> connector, std::string_view url, Dialect dialect)
    : clock_(&clock), connector_(std::move(connector)), url_(database_url(url)), dialect_(dialect) {}

std::string ViewClient::str() const {
    return url_->str();
}

}  // namespace plait::couch_async

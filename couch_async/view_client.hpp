// ViewClient: where a database is and how to reach it: an address, a dialect, a loop. What views are started from.
// Not a connection and not a pool: each stream opens its own connection and closes it at its end.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "plait/couch_async/dialect.hpp"
#include "plait/deferred/clock.hpp"
#include "plait/reactor/connector.hpp"

namespace plait {
class Reactor;
struct Url;
}  // namespace plait

namespace plait::couch_async {

/// The database or bucket that views are asked for.
///
///     ViewClient client(reactor, "http://user:secret@127.0.0.1:5984/packages");
///
/// Address:  `http://[user:password@]host[:port]/database`; the path may have more before the database, where a proxy
///           stands. The user and password go out with every request (HTTP Basic), and into no message.
/// Fails:    the constructors throw BadUrl.
/// Lifetime: the clock must outlive the views started; the client itself need not. Copies are the same client.
/// Threads:  the reactor's.
class ViewClient {
public:
    /// Over TCP: the address begins with http://.
    ViewClient(Reactor& reactor, std::string_view url, Dialect dialect = Dialect::couchdb);

    /// Over a network of your choice, such as the one in memory of reactor/testing; with one that speaks TLS, addresses
    /// begin with https://.
    ViewClient(Clock& clock, std::shared_ptr<Connector> connector, std::string_view url,
               Dialect dialect = Dialect::couchdb);

    /// Without user and password.
    std::string str() const;

    Dialect dialect() const noexcept { return dialect_; }
    const Url& url() const noexcept { return *url_; }
    Clock& clock() const noexcept { return *clock_; }
    const std::shared_ptr<Connector>& connector() const noexcept { return connector_; }

private:
    Clock* clock_;
    std::shared_ptr<Connector> connector_;
    std::shared_ptr<const Url> url_;
    Dialect dialect_;
};

}  // namespace plait::couch_async

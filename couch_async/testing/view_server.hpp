// ViewServer: an HTTP server with Couchbase's and CouchDB's views over rows given to it, and with bad manners on
// request. For tests and demonstrations, in memory or over TCP. Not a database, and no server to expose to strangers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "plait/couch_async/dialect.hpp"
#include "plait/couch_async/testing/misbehaviour.hpp"
#include "plait/couch_async/testing/view_documents.hpp"
#include "plait/deferred/clock.hpp"
#include "plait/reactor/protocol.hpp"

namespace plait::couch_async::testing {

struct ViewServerOptions {
    Dialect dialect = Dialect::couchdb;
    /// Not empty: requests without these get 401.
    std::string user;
    std::string password;
    /// Requests with longer bodies get 413. Units: bytes.
    std::size_t request_bytes = 8 * 1024 * 1024;
};

/// What a server has seen and done.
struct ViewServerCounts {
    std::uint64_t connections = 0;       ///< accepted
    std::uint64_t open_connections = 0;  ///< now
    std::uint64_t requests = 0;          ///< heads and bodies received completely
    std::uint64_t answers = 0;           ///< sent to their end, cut ones not counted
    std::uint64_t rows = 0;              ///< written; those of an answer are added when it ends
    std::uint64_t bytes = 0;             ///< handed to the transports, head and chunk framing included
};

/// The last request.
struct ViewServerRequest {
    std::string method;
    std::string target;  ///< path and query, as sent
    HttpHeaders headers;
    std::string body;
};

/// Serves `/{database}/_design/{design}/_view/{view}` by GET and POST:
///
///     ViewServer server(reactor);
///     server.add_view("debian", "packages", "by_name", std::move(documents));
///     auto port = listen_tcp(reactor, {"127.0.0.1", 0}, server.factory());
///     network.listen({"couch", 5984}, server.factory());            // or in memory
///
/// Understood: key, keys, startkey, endkey (and start_key, end_key), startkey_docid, endkey_docid, limit, skip,
/// descending, inclusive_end, include_docs, reduce=false, stale. There is no reduce function: reduce=true and grouping
/// are refused as for a map-only view. Unknown parameters are ignored, as the real servers do; errors have their
/// statuses and bodies.
///
/// Streams: an answer is made as the client takes it, never more than a transport's high water mark ahead.
/// Connections are kept alive; requests that are pipelined wait for each other.
///
/// Lifetime: the clock must outlive it. Destroying it aborts its connections; a factory that outlives it accepts none.
/// Threads:  the reactor's.
class ViewServer {
public:
    explicit ViewServer(Clock& clock, ViewServerOptions options = {});
    ViewServer(const ViewServer&) = delete;
    ViewServer& operator=(const ViewServer&) = delete;
    ~ViewServer();

    /// Adds a view, or replaces its rows: answers that have begun go on with the old ones.
    void add_view(std::string_view database, std::string_view design, std::string_view view, ViewDocuments documents);

    /// From now on there is no such view.
    void remove_view(std::string_view database, std::string_view design, std::string_view view);

    /// Where to listen is the caller's choice. Any number of ports and networks may share it.
    std::shared_ptr<Factory> factory();

    /// How the next request that has no such order yet is to be answered: calling it twice is about two requests.
    /// Valid until that request arrives.
    Misbehaviour& next_request();

    /// How requests are answered for which next_request() has no order.
    Misbehaviour& every_request();

    /// Back to good manners, for requests still to come.
    void behave();

    /// Answers that stall go on.
    void release_stalled();

    /// Aborts every connection, as a server does that dies. It goes on accepting.
    void break_connections();

    const ViewServerCounts& counts() const noexcept;

    /// Empty fields before the first one.
    const ViewServerRequest& last_request() const noexcept;

private:
    struct State;
    class Connection;
    class ConnectionFactory;

    std::shared_ptr<State> state_;
};

}  // namespace plait::couch_async::testing

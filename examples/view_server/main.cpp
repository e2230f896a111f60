// view_server: serves Debian's package index as a CouchDB (or Couchbase) view, to try view clients on real data.
//
//     apt-cache dumpavail | view_server --listen 127.0.0.1:5984 -
//     curl 'http://127.0.0.1:5984/packages/_design/packages/_view/by_name?limit=3'
#include <CLI/CLI.hpp>
#include <cstdio>

#include "packages.hpp"
#include "plait/couch_async/testing/view_server.hpp"
#include "plait/reactor/react.hpp"
#include "plait/reactor/tcp.hpp"

namespace {

using plait::Deferred;
using plait::Reactor;
namespace couch = plait::couch_async;

struct Arguments {
    std::string index;
    std::string listen = "127.0.0.1:5984";
    bool couchbase = false;
    std::size_t cut_after_rows = 0;
};

Deferred<> serve(Reactor& reactor, Arguments arguments) {
    couch::testing::ViewDocuments rows;
    for (const auto& package : view_server::read_packages(arguments.index)) {
        rows.add(package.id, package.key, package.value, package.document);
    }
    const auto count = rows.size();

    couch::testing::ViewServerOptions options;
    options.dialect = arguments.couchbase ? couch::Dialect::couchbase : couch::Dialect::couchdb;
    couch::testing::ViewServer server(reactor, options);
    server.add_view("packages", "packages", "by_name", std::move(rows));
    if (arguments.cut_after_rows > 0) server.every_request().cut_after_rows(arguments.cut_after_rows);

    const auto where = plait::parse_listen_address(arguments.listen);
    const auto port = plait::listen_tcp(reactor, where, server.factory());
    std::printf("%zu packages at http://%s/packages, design document packages, view by_name\n", count,
                port->address().str().c_str());
    std::fflush(stdout);
    auto [for_ever, never] = plait::make_deferred();
    co_await std::move(for_ever);
}

}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    CLI::App app("Serves Debian's package index as a view.");
    app.add_option("index", arguments.index, "what `apt-cache dumpavail` printed, - for standard input")->required();
    app.add_option("--listen", arguments.listen, "where, port 0 for any")->capture_default_str();
    app.add_flag("--couchbase", arguments.couchbase, "speak as Couchbase does, not as CouchDB");
    app.add_option("--cut-after-rows", arguments.cut_after_rows, "break every answer off after so many rows");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    return plait::react([&](Reactor& reactor) { return serve(reactor, arguments); });
}

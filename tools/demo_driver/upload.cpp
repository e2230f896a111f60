#include "upload.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include "plait/reactor/protocols/http_client.hpp"
#include "plait/reactor/protocols/url.hpp"
#include "plait/reactor/tcp.hpp"

namespace demo {

using plait::Deferred;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t documents_a_request = 1000;

constexpr const char* design_document = R"({"_id": "_design/packages", "views": {"by_name": {"map":
    "function (doc) { if (doc.name) emit(doc.name, {version: doc.version, size: doc.size, section: doc.section}); }"}}})";

/// One request to the server; any answer but 2xx is a failure.
class Couch {
public:
    Couch(plait::Reactor& reactor, plait::Url url)
        : reactor_(reactor), connector_(plait::make_tcp_connector(reactor)), url_(std::move(url)) {}

    Deferred<> send(std::string method, std::string body) {
        plait::HttpClientOptions options;
        options.head_timeout = 30min;
        auto request = plait::make_http_request(url_, method, plait::Bytes::own(std::move(body)));
        request.head.headers.add("Content-Type", "application/json");
        plait::HostPort where{url_.host, url_.port};
        const auto answer = co_await plait::http_fetch(reactor_, *connector_, where, std::move(request), options);
        if (answer.head.status / 100 != 2) {
            throw std::runtime_error(method + " " + url_.str() + " was answered with status " +
                                     std::to_string(answer.head.status) + ": " + answer.body.str());
        }
    }

private:
    plait::Reactor& reactor_;
    std::shared_ptr<plait::Connector> connector_;
    plait::Url url_;
};

std::string bulk_body(const std::vector<view_server::Package>& packages, std::size_t from, std::size_t to) {
    std::string body = "{\"docs\":[";
    for (std::size_t i = from; i < to; ++i) {
        if (i > from) body += ',';
        body += packages[i].document;
    }
    return body + "]}";
}

}  // namespace

Deferred<std::string> upload(plait::Reactor& reactor, std::string couch_url,
                             const std::vector<view_server::Package>& packages) {
    while (!couch_url.empty() && couch_url.back() == '/')
        couch_url.pop_back();
    const std::string database = couch_url + "/plait-demo-" + std::to_string(::getpid());
    const auto at = [&](const std::string& path) { return plait::Url::parse(database + path); };

    Couch create(reactor, at(""));
    co_await create.send("PUT", "");
    Couch bulk(reactor, at("/_bulk_docs"));
    Progress progress(packages.size());
    for (std::size_t from = 0; from < packages.size(); from += documents_a_request) {
        const auto to = std::min(packages.size(), from + documents_a_request);
        co_await bulk.send("POST", bulk_body(packages, from, to));
        progress.show(to, "loaded into CouchDB");
    }
    progress.finish();
    Couch design(reactor, at("/_design/packages"));
    co_await design.send("PUT", design_document);
    std::printf("==> the server builds the view\n");
    std::fflush(stdout);
    Couch view(reactor, at("/_design/packages/_view/by_name?limit=1"));
    co_await view.send("GET", "");
    co_return database;
}

}  // namespace demo

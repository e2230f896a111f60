#include "plait/couch_async/detail/view_responder.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "plait/couch_async/view/json_text.hpp"
#include "plait/reactor/protocols/url.hpp"

namespace plait::couch_async::detail {
namespace {

using testing::Misbehaviour;
using testing::ViewServerRequest;

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> parts;
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::string_view part = path.substr(0, path.find('/'));
        path.remove_prefix(part.size());
        parts.push_back(percent_decode(part).value_or(std::string(part)));
    }
    return parts;
}

std::string error_body(std::string_view error, std::string_view reason) {
    return fmt::format("{{\"error\":{},\"reason\":{}}}\n", encode_json_string(error), encode_json_string(reason));
}

std::string last_words(const Misbehaviour& misbehaviour, Dialect dialect) {
    if (misbehaviour.ending_ != Misbehaviour::Ending::errors || dialect != Dialect::couchbase) return {};
    return fmt::format(",\r\n\"errors\":[\r\n{{\"from\":{},\"reason\":{}}}\r\n]",
                       encode_json_string(misbehaviour.error_from_), encode_json_string(misbehaviour.error_reason_));
}

/// Rows are gathered until a chunk is worth sending.
std::size_t natural_chunk(Dialect dialect, const Misbehaviour& misbehaviour) {
    const std::size_t usual = dialect == Dialect::couchbase ? 4096 : 1490;
    return misbehaviour.slow_bytes_ > 0 ? std::min(usual, misbehaviour.slow_bytes_) : usual;
}

}  // namespace

void ViewResponder::set(std::string_view database, std::string_view design, std::string_view view,
                        testing::ViewDocuments documents) {
    documents.sort();
    databases_[std::string(database)][fmt::format("{}/{}", design, view)] =
        std::make_shared<const testing::ViewDocuments>(std::move(documents));
}

void ViewResponder::remove(std::string_view database, std::string_view design, std::string_view view) {
    const auto found = databases_.find(database);
    if (found != databases_.end()) found->second.erase(fmt::format("{}/{}", design, view));
}

HttpResponseHead ViewResponder::head(int status, const HttpHeaders& asked) const {
    HttpResponseHead head;
    head.status = status;
    head.headers.add("Server", "plait-view-server");
    // As the real ones: JSON is called so only for those who name it.
    const bool json = asked.has_token("Accept", "application/json");
    head.headers.add("Content-Type", json ? "application/json" : "text/plain; charset=utf-8");
    if (status == 401) head.headers.add("WWW-Authenticate", "Basic realm=\"server\"");
    return head;
}

void ViewResponder::check_user(const HttpHeaders& headers) const {
    if (options_.user.empty()) return;
    Url url;
    url.user = options_.user;
    url.password = options_.password;
    if (headers.find("Authorization") != url.basic_authorization())
        throw RefusedRequest(401, "unauthorized", "Name or password is incorrect.");
}

const ViewResponder::Documents& ViewResponder::find(std::string_view path) const {
    const auto parts = split_path(path);
    if (parts.empty() || parts[0].empty()) throw RefusedRequest(404, "not_found", "missing");
    const auto database = databases_.find(parts[0]);
    if (database == databases_.end())
        throw RefusedRequest(404, "not_found",
                             options_.dialect == Dialect::couchdb ? "Database does not exist." : "missing");
    if (parts.size() != 5 || parts[1] != "_design" || parts[3] != "_view")
        throw RefusedRequest(404, "not_found", "missing");
    const auto& views = database->second;
    if (const auto view = views.find(parts[2] + "/" + parts[4]); view != views.end()) return view->second;
    const auto design = views.lower_bound(parts[2] + "/");
    const bool known = design != views.end() && design->first.starts_with(parts[2] + "/");
    throw RefusedRequest(404, "not_found", known ? "missing_named_view" : "missing");
}

ViewBody ViewResponder::body_of(const ViewServerRequest& request, const Misbehaviour& misbehaviour) const {
    check_user(request.headers);
    if (request.method != "GET" && request.method != "POST")
        throw RefusedRequest(405, "method_not_allowed", "Only GET,POST allowed");
    const std::string_view target = request.target;
    const auto mark = target.find('?');
    const auto& documents = find(target.substr(0, mark));
    const auto query = ServedQuery::parse(mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1),
                                          request.body, options_.dialect);
    ViewBody::Options options;
    options.dialect = options_.dialect;
    options.include_docs = query.include_docs;
    options.stop_after = misbehaviour.rows_;
    options.last_words = last_words(misbehaviour, options_.dialect);
    return ViewBody(documents, select(*documents, query), std::move(options));
}

ViewAnswer ViewResponder::answer(const ViewServerRequest& request, Misbehaviour misbehaviour) const {
    const std::size_t chunk = natural_chunk(options_.dialect, misbehaviour);
    const int status = misbehaviour.status_.value_or(200);
    if (misbehaviour.body_) {
        std::string text = *misbehaviour.body_;
        return ViewAnswer(head(status, request.headers), std::move(text), std::move(misbehaviour), chunk);
    }
    if (status < 200 || status >= 300) {
        std::string text = error_body(misbehaviour.error_, misbehaviour.reason_);
        return ViewAnswer(head(status, request.headers), std::move(text), std::move(misbehaviour), chunk);
    }
    try {
        ViewBody body = body_of(request, misbehaviour);
        return ViewAnswer(head(status, request.headers), std::move(body), std::move(misbehaviour), chunk);
    } catch (const RefusedRequest& refused) {
        std::string text = error_body(refused.error(), refused.what());
        return ViewAnswer(head(refused.status(), request.headers), std::move(text), std::move(misbehaviour), chunk);
    }
}

ViewAnswer ViewResponder::refusal(int status, std::string_view error, std::string_view reason) const {
    return ViewAnswer(head(status, {}), error_body(error, reason), {}, natural_chunk(options_.dialect, {}));
}

}  // namespace plait::couch_async::detail

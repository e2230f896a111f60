#include "plait/couch_async/detail/view_failures.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include <fmt/format.h>

#include "plait/couch_async/errors.hpp"
#include "plait/couch_async/view/body_error.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocols/http_errors.hpp"

namespace plait::couch_async::detail {
namespace {

namespace json = boost::json;

constexpr std::size_t shown_bytes = 200;

struct ServerWords {
    std::string error;
    std::string reason;
};

std::string text_of(const json::object& object, const char* name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || value->is_null()) return {};
    return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

/// `body` may be anything: a proxy's page, half of an object.
ServerWords words_of(std::string_view body) {
    json::error_code error;
    const json::value value = json::parse(json::string_view(body.data(), body.size()), error);
    if (!error && value.is_object()) {
        ServerWords words{text_of(value.get_object(), "error"), text_of(value.get_object(), "reason")};
        if (!words.error.empty() || !words.reason.empty()) return words;
    }
    std::string shown(body.substr(0, shown_bytes));
    std::replace_if(shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return {{}, std::move(shown)};
}

const char* advice(int status) {
    switch (status) {
        case 400:
            return "mend the query";
        case 401:
        case 403:
            return "check user and password in the URL";
        case 404:
            return "check the names of database, design document and view";
        case 408:
        case 429:
            return "try again later";
        default:
            return status >= 500 ? "try again later" : "look at it with curl";
    }
}

std::string sentence(const std::string& view, const HttpResponseHead& head, const ServerWords& words) {
    std::string what = fmt::format("{}: the server answered {}", view, head.status);
    const std::string_view reason = head.reason.empty() ? usual_reason(head.status) : head.reason;
    if (!reason.empty()) what += fmt::format(" {}", reason);
    if (!words.error.empty()) what += fmt::format(", {}", words.error);
    if (!words.reason.empty()) what += fmt::format(": {}", words.reason);
    return what + "; " + advice(head.status);
}

template <typename E>
Failure status_error(const std::string& what, int status, ServerWords words) {
    return make_failure(E(what, status, std::move(words.error), std::move(words.reason)));
}

Failure truncated(const std::string& view, const std::string& why, std::uint64_t rows) {
    return make_failure(TruncatedBody(
        fmt::format("{}: the answer was cut off after {} complete rows ({}); ask again from the last of them", view,
                    rows, why),
        rows));
}

Failure timed_out(const std::string& view, const HttpTimeout& error, std::uint64_t rows) {
    const bool begun = error.waiting() == HttpTimeout::Waiting::body;
    return make_failure(ViewTimeout(fmt::format("{}: time-out after {} rows: {}", view, rows, error.what()),
                                    begun ? ViewTimeout::Waiting::idle : ViewTimeout::Waiting::first_byte, rows));
}

}  // namespace

Failure status_failure(const std::string& view, const HttpResponseHead& head, std::string_view body) {
    const int status = head.status;
    if (status >= 300 && status < 400) {
        const std::string location(head.headers.find("Location").value_or(""));
        return make_failure(ViewRedirected(
            fmt::format("{}: the server answered {}, the view is at {}; redirects are not followed, use that address",
                        view, status, location.empty() ? "an address it does not name" : location),
            status, location));
    }
    ServerWords words = words_of(body);
    const std::string what = sentence(view, head, words);
    if (status == 400) return status_error<BadViewQuery>(what, status, std::move(words));
    if (status == 401 || status == 403) return status_error<AccessDenied>(what, status, std::move(words));
    if (status == 404) return status_error<ViewNotFound>(what, status, std::move(words));
    if (status == 408 || status == 429 || status >= 500)
        return status_error<ViewUnavailable>(what, status, std::move(words));
    return status_error<HttpStatusError>(what, status, std::move(words));
}

Failure stream_failure(const std::string& view, const Failure& reason, bool begun, std::uint64_t rows) {
    if (const auto* error = reason.check<HttpTimeout>()) return timed_out(view, *error, rows);
    if (const auto* error = reason.check<HttpTruncated>()) return truncated(view, error->what(), rows);
    if (!begun) return reason;
    if (const auto* error = reason.check<ConnectionLost>()) return truncated(view, error->what(), rows);
    if (const auto* error = reason.check<ViewBodyError>())
        return error->fault() == BodyFault::truncated ? truncated(view, error->what(), rows) : reason;
    return reason;
}

bool reports_errors(const ViewMeta& meta) {
    return !meta.errors.empty() || !meta.error.empty();
}

Failure reported_failure(const std::string& view, const ViewMeta& meta, std::uint64_t rows) {
    auto errors = meta.errors;
    if (!meta.error.empty()) errors.push_back({{}, fmt::format("{}: {}", meta.error, meta.reason)});
    const auto& first = errors.front();
    const std::string from = first.from.empty() ? std::string() : " from " + first.from;
    return make_failure(ViewErrors(fmt::format("{}: the server reports {} error(s) after {} rows, the first{}: {}",
                                               view, errors.size(), rows, from, first.reason),
                                   errors, rows));
}

}  // namespace plait::couch_async::detail

#include "plait/reactor/detail/http_redirect.hpp"

#include <fmt/format.h>

namespace plait::detail {
namespace {

std::string next_method(const std::string& method, int status) {
    if (method == "HEAD") return method;
    if (status == 303) return "GET";
    const bool as_browsers_do = method == "POST" && (status == 301 || status == 302);
    return as_browsers_do ? "GET" : method;
}

}  // namespace

bool is_redirection(int status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

HttpNextRequest follow_redirection(const HttpClientRequest& request, int status, std::string_view location) {
    HttpNextRequest next;
    try {
        next.url = request.url.resolve(location);
    } catch (const BadUrl& error) {
        throw HttpBadRedirect(fmt::format("the answer {} leads nowhere: {}", status, error.what()));
    }
    if (request.url.secure && !next.url.secure) {
        throw HttpBadRedirect(fmt::format("the answer {} leads from https to {}", status, next.url.str()));
    }
    if (!request.url.same_origin(next.url)) {
        // A server may lead to another, but not say who goes there.
        next.url.user.clear();
        next.url.password.clear();
    }
    next.method = next_method(request.method, status);
    next.drops_body = next.method != request.method;
    return next;
}

bool is_secret(std::string_view header) noexcept {
    return equal_ignoring_case(header, "Authorization") || equal_ignoring_case(header, "Cookie") ||
           equal_ignoring_case(header, "Proxy-Authorization") || equal_ignoring_case(header, "Host");
}

void drop_secrets(HttpHeaders& headers) {
    for (const auto* const name : {"Authorization", "Cookie", "Proxy-Authorization", "Host"})
        headers.remove(name);
}

void drop_body_headers(HttpHeaders& headers) {
    for (const auto* const name : {"Content-Type", "Content-Length", "Content-Encoding", "Content-Language",
                                   "Content-Location", "Transfer-Encoding", "Expect"})
        headers.remove(name);
}

}  // namespace plait::detail

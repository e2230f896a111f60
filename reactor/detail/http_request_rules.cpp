#include "plait/reactor/detail/http_request_rules.hpp"

#include <string_view>

#include "plait/reactor/protocols/http_errors.hpp"
#include "plait/reactor/protocols/url.hpp"

namespace plait::detail {
namespace {

/// A name or an address, and perhaps a port. Nothing, for who has no name for it.
bool names_a_host(std::string_view value) noexcept {
    const bool in_brackets = value.starts_with('[');
    const auto end = value.find(in_brackets ? ']' : ':');
    if (in_brackets && end == std::string_view::npos) return false;
    const auto host = value.substr(0, end);
    const auto port = end == std::string_view::npos ? std::string_view() : value.substr(end + (in_brackets ? 1 : 0));
    if (!port.empty() && (port.front() != ':' || port.find_first_not_of("0123456789", 1) != std::string_view::npos)) {
        return false;
    }
    constexpr std::string_view of_names = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    constexpr std::string_view of_addresses = "0123456789abcdefABCDEF:.";
    if (in_brackets) return host.find_first_not_of(of_addresses, 1) == std::string_view::npos;
    return host.find_first_not_of(of_names) == std::string_view::npos;
}

void check_host(const HttpRequestHead& head) {
    const auto count = head.headers.count("Host");
    if (count > 1) throw HttpMalformed("an HTTP request has more than one Host header");
    if (count == 0 && head.minor_version == 1) throw HttpMalformed("an HTTP/1.1 request has no Host header");
    if (count == 1 && !names_a_host(*head.headers.find("Host"))) {
        throw HttpMalformed("the Host header of an HTTP request names no host");
    }
}

void take_address_apart(HttpRequestHead& head) {
    const auto place = std::string_view(head.target).substr(head.target.find("://") + 3);
    // Who sends a request on does not name users, and a host before an @ is there to mislead.
    if (place.substr(0, place.find_first_of("/?")).find('@') != std::string_view::npos) {
        throw HttpMalformed("the target of an HTTP request names a user");
    }
    try {
        const auto url = Url::parse(head.target);
        head.target = url.target();
        head.headers.set("Host", url.authority());
    } catch (const BadUrl&) {
        throw HttpMalformed("the target of an HTTP request is not an address");
    }
}

void check_target(HttpRequestHead& head) {
    if (head.method == "CONNECT") throw HttpNotSupported("CONNECT asks for a tunnel, which this server does not make");
    const auto& target = head.target;
    if (target.find('#') != std::string::npos) throw HttpMalformed("the target of an HTTP request has a fragment");
    if (target.starts_with('/') || (target == "*" && head.method == "OPTIONS")) return;
    const auto scheme = target.substr(0, target.find("://"));
    if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")) {
        throw HttpMalformed("the target of an HTTP request is neither a path nor an address");
    }
    take_address_apart(head);
}

}  // namespace

void check_request(HttpRequestHead& head) {
    check_host(head);
    check_target(head);
}

}  // namespace plait::detail

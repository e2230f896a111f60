#include "plait/reactor/protocols/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace plait {
namespace {

constexpr std::string_view scheme_mark = "://";

bool is_unreserved(char c) noexcept {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
    return c == '-' || c == '.' || c == '_' || c == '~';
}

std::optional<int> hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return std::nullopt;
}

std::string encode(std::string_view text, std::string_view keep) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    encoded.reserve(text.size());
    for (const char c : text) {
        if (is_unreserved(c) || keep.find(c) != std::string_view::npos) {
            encoded += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        encoded += '%';
        encoded += digits[byte >> 4];
        encoded += digits[byte & 15];
    }
    return encoded;
}

std::string base64(std::string_view text) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string encoded;
    for (std::size_t at = 0; at < text.size(); at += 3) {
        const auto group = text.substr(at, 3);
        unsigned bits = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            bits = bits << 8 | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            encoded += i <= group.size() ? digits[bits >> (18 - 6 * i) & 63] : '=';
        }
    }
    return encoded;
}

/// The address as it may be shown: what stands before the last @ is left out, wherever that is. A password with a bare
/// slash in it makes the address look as if it ended earlier; for the same reason no part of it is quoted below.
std::string shown(std::string_view text) {
    const auto scheme = text.find(scheme_mark);
    const auto start = scheme == std::string_view::npos ? 0 : scheme + scheme_mark.size();
    const auto at = text.rfind('@');
    if (at == std::string_view::npos || at < start) return std::string(text);
    return std::string(text.substr(0, start)) + "..." + std::string(text.substr(at));
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
    throw BadUrl(fmt::format("\"{}\" is not a usable address: {}", shown(text), why));
}

std::string decode_or_refuse(std::string_view part, std::string_view text, std::string_view name) {
    auto decoded = percent_decode(part);
    if (!decoded) refuse(text, fmt::format("its {} has a % that is not followed by two hexadecimal digits", name));
    return *std::move(decoded);
}

std::uint16_t parse_port(std::string_view digits, std::string_view text) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port == 0 || port > 65535) {
        refuse(text, "what follows the colon after its host is not a port; use 1 to 65535");
    }
    return static_cast<std::uint16_t>(port);
}

bool fits_ipv6(std::string_view host) noexcept {
    return host.find(':') != std::string_view::npos &&
           host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

bool fits_name(std::string_view host) noexcept {
    return std::all_of(host.begin(), host.end(), [](char c) { return is_unreserved(c) && c != '~'; });
}

void parse_host_and_port(Url& url, std::string_view place, std::string_view text) {
    std::string_view rest;
    if (place.starts_with('[')) {
        const auto close = place.find(']');
        if (close == std::string_view::npos) refuse(text, "the [ before its IPv6 address is not closed by ]");
        url.host = place.substr(1, close - 1);
        if (!fits_ipv6(url.host)) refuse(text, "what stands between its brackets is not an IPv6 address");
        rest = place.substr(close + 1);
        if (!rest.empty() && rest.front() != ':') refuse(text, "only :port may follow the ] of its IPv6 address");
    } else {
        const auto colon = place.find(':');
        if (std::count(place.begin(), place.end(), ':') > 1) {
            refuse(text, "it has more than one colon; write an IPv6 address in brackets: http://[::1]:port/");
        }
        url.host = place.substr(0, colon);
        if (url.host.empty()) refuse(text, "it names no host; write http://host:port/path");
        if (!fits_name(url.host)) refuse(text, "what stands in the place of its host is not a host name");
        rest = colon == std::string_view::npos ? std::string_view() : place.substr(colon);
    }
    if (!rest.empty()) url.port = parse_port(rest.substr(1), text);
}

void parse_user(Url& url, std::string_view user_info, std::string_view text) {
    const auto colon = user_info.find(':');
    url.user = decode_or_refuse(user_info.substr(0, colon), text, "user name");
    if (colon != std::string_view::npos) {
        url.password = decode_or_refuse(user_info.substr(colon + 1), text, "password");
    }
    if (url.user.find(':') != std::string::npos) refuse(text, "its user name holds a colon");
}

std::uint16_t usual_port(bool secure) noexcept {
    return secure ? 443 : 80;
}

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

void refuse_unfit(std::string_view text) {
    const auto unfit = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; };
    if (std::any_of(text.begin(), text.end(), unfit)) {
        refuse(encode(text, ":/?#[]@!$&'()*+,;=%"), "it holds a blank or control character; percent-encode it");
    }
}

/// What is not ASCII cannot stand on a request line, but does stand in a `Location` at times.
std::string as_ascii(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x80) {
            encoded += c;
        } else {
            encoded += encode(std::string_view(&c, 1), {});
        }
    }
    return encoded;
}

void set_target(Url& url, std::string_view target, std::string_view text) {
    const auto question = target.find('?');
    if (const auto path = target.substr(0, question); !path.empty()) url.path = as_ascii(path);
    url.query.reset();
    if (question != std::string_view::npos) url.query = as_ascii(target.substr(question + 1));
    if (!percent_decode(url.target())) {
        refuse(text, "its path or query has a % that is not followed by two hexadecimal digits");
    }
}

/// "http:", "mailto:": letters before the first colon, and that before any slash.
bool names_a_scheme(std::string_view reference) noexcept {
    const auto colon = reference.find_first_of(":/?");
    if (colon == std::string_view::npos || colon == 0 || reference[colon] != ':') return false;
    return std::all_of(reference.begin(), reference.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
        return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    });
}

/// Takes "." and ".." out of a path that begins with a slash.
std::string without_dots(std::string_view path) {
    std::string kept;
    while (!path.empty()) {
        const auto end = std::min(path.find('/', 1), path.size());
        const auto segment = path.substr(0, end);
        path.remove_prefix(end);
        const bool up = segment == "/..";
        if (up) kept.erase(std::min(kept.rfind('/'), kept.size()));
        if (!up && segment != "/.") {
            kept += segment;
        } else if (path.empty()) {
            kept += '/';
        }
    }
    return kept;
}

}  // namespace

Url Url::parse(std::string_view text) {
    refuse_unfit(text);
    const auto scheme_end = text.find(scheme_mark);
    if (scheme_end == std::string_view::npos) refuse(text, "it does not begin with http:// or https://");
    const auto scheme = text.substr(0, scheme_end);
    const bool secure = same_ignoring_case(scheme, "https");
    if (!secure && !same_ignoring_case(scheme, "http")) {
        refuse(text, fmt::format("the scheme \"{}\" is not known here; only http:// and https:// are", scheme));
    }

    auto rest = text.substr(scheme_end + scheme_mark.size());
    rest = rest.substr(0, rest.find('#'));
    const auto place_end = rest.find_first_of("/?");
    auto place = rest.substr(0, place_end);
    rest = place_end == std::string_view::npos ? std::string_view() : rest.substr(place_end);

    Url url;
    url.secure = secure;
    url.port = usual_port(secure);
    if (const auto at = place.rfind('@'); at != std::string_view::npos) {
        parse_user(url, place.substr(0, at), text);
        place.remove_prefix(at + 1);
    }
    parse_host_and_port(url, place, text);

    set_target(url, rest, text);
    return url;
}

Url Url::resolve(std::string_view reference) const {
    reference = reference.substr(0, reference.find('#'));
    if (names_a_scheme(reference) || reference.starts_with("//")) {
        const std::string scheme = reference.starts_with("//") ? (secure ? "https:" : "http:") : "";
        Url url = parse(scheme + std::string(reference));
        if (url.user.empty() && url.password.empty() && same_origin(url)) {
            url.user = user;
            url.password = password;
        }
        return url;
    }
    refuse_unfit(reference);
    Url url = *this;
    if (reference.empty()) return url;
    const auto question = std::min(reference.find('?'), reference.size());
    const auto relative = reference.substr(0, question);
    std::string place = path;
    if (relative.starts_with('/')) {
        place = without_dots(relative);
    } else if (!relative.empty()) {
        place = without_dots((path.empty() ? "/" : path.substr(0, path.rfind('/') + 1)) + std::string(relative));
    }
    set_target(url, place + std::string(reference.substr(question)), reference);
    return url;
}

bool Url::same_origin(const Url& other) const noexcept {
    return secure == other.secure && port == other.port && same_ignoring_case(host, other.host);
}

std::string Url::target() const {
    return query ? path + "?" + *query : path;
}

std::string Url::authority() const {
    auto place = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return port == usual_port(secure) ? place : fmt::format("{}:{}", place, port);
}

std::string Url::str() const {
    return (secure ? "https://" : "http://") + authority() + target();
}

std::optional<std::string> Url::basic_authorization() const {
    if (user.empty() && password.empty()) return std::nullopt;
    return "Basic " + base64(user + ":" + password);
}

std::string percent_encode(std::string_view text) {
    return encode(text, {});
}

std::string percent_encode_path(std::string_view text) {
    return encode(text, "/");
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const auto high = hex_digit(text[i + 1]);
        const auto low = hex_digit(text[i + 2]);
        if (!high || !low) return std::nullopt;
        decoded += static_cast<char>(*high << 4 | *low);
        i += 2;
    }
    return decoded;
}

}  // namespace plait

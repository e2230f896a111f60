#include "plait/reactor/protocols/http_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace plait {
namespace {

bool is_token_char(char c) noexcept {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
    return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_control(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

void append_headers(std::string& text, const HttpHeaders& headers) {
    for (const auto& [name, value] : headers) {
        if (!is_http_token(name)) {
            throw std::invalid_argument(
                fmt::format("\"{}\" cannot be a header name: use letters, digits and hyphens", name));
        }
        if (!is_http_field_value(value)) {
            throw std::invalid_argument(fmt::format(
                "the value of header \"{}\" holds a line end, another control character or blanks around it", name));
        }
        text.append(name).append(": ").append(value).append("\r\n");
    }
    text.append("\r\n");
}

constexpr std::array<std::pair<int, std::string_view>, 36> reasons{{
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

}  // namespace

bool is_http_token(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_http_field_value(std::string_view text) noexcept {
    if (text.empty()) return true;
    if (is_blank(text.front()) || is_blank(text.back())) return false;
    return std::none_of(text.begin(), text.end(), [](char c) { return is_control(c) && c != '\t'; });
}

std::string_view usual_reason(int status) noexcept {
    for (const auto& [known, reason] : reasons) {
        if (known == status) return reason;
    }
    return {};
}

std::string format_head(const HttpRequestHead& head) {
    if (!is_http_token(head.method)) {
        throw std::invalid_argument(fmt::format("\"{}\" cannot be an HTTP method", head.method));
    }
    const auto unfit = [](char c) { return is_control(c) || c == ' '; };
    if (head.target.empty() || std::any_of(head.target.begin(), head.target.end(), unfit)) {
        throw std::invalid_argument(fmt::format(
            "\"{}\" cannot be a request target: it is empty or holds a blank or control character; percent-encode it",
            head.target));
    }
    auto text = fmt::format("{} {} HTTP/1.{}\r\n", head.method, head.target, head.minor_version);
    append_headers(text, head.headers);
    return text;
}

std::string format_head(const HttpResponseHead& head) {
    if (head.status < 100 || head.status > 999) {
        throw std::invalid_argument(fmt::format("{} is not an HTTP status: use 100 to 999", head.status));
    }
    if (!is_http_field_value(head.reason)) {
        throw std::invalid_argument("the reason beside an HTTP status holds a line end or another control character");
    }
    const auto reason = head.reason.empty() ? usual_reason(head.status) : std::string_view(head.reason);
    auto text = fmt::format("HTTP/1.{} {} {}\r\n", head.minor_version, head.status, reason);
    append_headers(text, head.headers);
    return text;
}

}  // namespace plait

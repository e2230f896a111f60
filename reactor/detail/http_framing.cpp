#include "plait/reactor/detail/http_framing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "plait/reactor/protocols/http_errors.hpp"

namespace plait::detail {
namespace {

/// The parser's grammar takes several that say the same; whoever reads only one of them may read another.
void check_content_length(const HttpHeaders& headers) {
    const auto count = headers.count("Content-Length");
    if (count > 1 || (count == 1 && headers.find("Content-Length")->find(',') != std::string_view::npos)) {
        throw HttpMalformed("an HTTP message has more than one Content-Length");
    }
}

/// What all fields of that name list, joined: "gzip, chunked".
std::string all_of(const HttpHeaders& headers, std::string_view wanted) {
    std::string all;
    for (const auto& [name, value] : headers) {
        if (equal_ignoring_case(name, wanted)) all.append(all.empty() ? "" : ", ").append(value);
    }
    return all;
}

std::vector<std::string_view> listed(std::string_view text) {
    std::vector<std::string_view> list;
    for (;;) {
        const auto comma = std::min(text.find(','), text.size());
        auto one = text.substr(0, comma);
        one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
        list.push_back(one.substr(0, one.find_last_not_of(" \t") + 1));
        if (comma == text.size()) return list;
        text.remove_prefix(comma + 1);
    }
}

void check_transfer_encoding(const HttpHeaders& headers, int minor_version, bool is_request) {
    const auto count = headers.count("Transfer-Encoding");
    if (count == 0) return;
    if (minor_version == 0) throw HttpMalformed("an HTTP/1.0 message has a Transfer-Encoding");
    if (count == 1 && equal_ignoring_case(*headers.find("Transfer-Encoding"), "chunked")) return;
    const auto all = all_of(headers, "Transfer-Encoding");
    const auto codings = listed(all);
    const auto is_chunked = [](std::string_view coding) { return equal_ignoring_case(coding, "chunked"); };
    const auto chunked = std::count_if(codings.begin(), codings.end(), is_chunked);
    const bool ends_so = chunked == 1 && is_chunked(codings.back());
    // An answer in another coding lasts until its connection ends; a request cannot.
    if (chunked > 1 || (is_request && !ends_so)) {
        throw HttpMalformed(fmt::format(
            "Transfer-Encoding \"{}\" leaves open where the body ends: \"chunked\" has to come last, and once", all));
    }
    throw HttpNotSupported(fmt::format("Transfer-Encoding \"{}\" is not supported: only \"chunked\" is", all));
}

}  // namespace

void check_framing(const HttpHeaders& headers, int minor_version, bool is_request) {
    check_content_length(headers);
    check_transfer_encoding(headers, minor_version, is_request);
}

bool keeps_connection(const HttpHeaders& headers, int minor_version) noexcept {
    if (headers.has_token("Connection", "close")) return false;
    return minor_version == 1 || headers.has_token("Connection", "keep-alive");
}

}  // namespace plait::detail

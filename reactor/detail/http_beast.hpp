// HttpBeastMessage: Boost.Beast's grammar of one HTTP message, as http_parser.cpp uses it. Not for any other file:
// Beast is compiled once.
#pragma once

// GCC 12 takes the empty boost::optional that Beast returns for an uninitialised one, when sanitizers are on.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "plait/reactor/protocols/http_message.hpp"

namespace plait::detail {

/// The first line of a head ends in a version that is none of ours. Beast calls much else a bad version.
inline bool ends_in_other_version(std::string_view head) noexcept {
    const auto line = head.substr(0, head.find('\r'));
    if (line.size() < 9) return false;
    const auto version = line.substr(line.size() - 9);
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (version == " HTTP/1.0" || version == " HTTP/1.1") return false;
    return version.starts_with(" HTTP/") && digit(version[6]) && version[7] == '.' && digit(version[8]);
}

/// Beast's parser for one message. It only notes what it found; the HttpParser decides when the handler hears of it, so
/// that no event runs with Beast on the stack.
template <typename Head>
class HttpBeastMessage final : public boost::beast::http::basic_parser<std::is_same_v<Head, HttpRequestHead>> {
public:
    explicit HttpBeastMessage(std::size_t most_headers) : most_headers_(most_headers) {
        // Framing and limits are ours: Beast is given whole heads and whole chunk lines.
        this->header_limit(std::numeric_limits<std::uint32_t>::max());
        this->body_limit(boost::none);
    }

    Head head;
    HttpHeaders trailers;
    std::uint64_t chunk_size = 0;
    std::size_t body_taken = 0;
    bool too_many_headers = false;

private:
    void on_request_impl(boost::beast::http::verb, boost::beast::string_view method, boost::beast::string_view target,
                         int version, boost::beast::error_code&) override {
        if constexpr (std::is_same_v<Head, HttpRequestHead>) {
            head.method = std::string_view(method);
            head.target = std::string_view(target);
            head.minor_version = version % 10;
        }
    }

    void on_response_impl(int status, boost::beast::string_view reason, int version,
                          boost::beast::error_code&) override {
        if constexpr (std::is_same_v<Head, HttpResponseHead>) {
            head.status = status;
            head.reason = std::string_view(reason);
            head.minor_version = version % 10;
        }
    }

    void on_field_impl(boost::beast::http::field, boost::beast::string_view name, boost::beast::string_view value,
                       boost::beast::error_code& ec) override {
        auto& fields = this->is_header_done() ? trailers : head.headers;
        if (fields.size() == most_headers_) {
            too_many_headers = true;
            ec = boost::beast::http::error::header_limit;
            return;
        }
        fields.add(std::string(name), std::string(value));
    }

    void on_header_impl(boost::beast::error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, boost::beast::error_code&) override {}
    void on_finish_impl(boost::beast::error_code&) override {}

    std::size_t on_body_impl(boost::beast::string_view body, boost::beast::error_code&) override {
        return body_taken = body.size();
    }

    void on_chunk_header_impl(std::uint64_t size, boost::beast::string_view, boost::beast::error_code&) override {
        chunk_size = size;
    }

    std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view body, boost::beast::error_code&) override {
        return body_taken = body.size();
    }

    std::size_t most_headers_;
};

}  // namespace plait::detail

// Test helpers: writes down an HTTP parser's events as text, and feeds text in every way of cutting it.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "plait/reactor/protocols/http_parser.hpp"

namespace plait::testing {

inline std::string start_line(const HttpRequestHead& head) {
    return head.method + " " + head.target;
}
inline std::string start_line(const HttpResponseHead& head) {
    return std::to_string(head.status) + " " + head.reason;
}

/// One line an event; pieces of a body joined, so that cuts do not show.
template <typename Head>
class Recorder : public HttpParser<Head>::Handler {
public:
    void on_informational(Head head) override { note("informational " + start_line(head)); }
    void on_head(Head head) override {
        last_head = head;
        note("head " + start_line(head) + (head.keep_alive ? "" : " (last)"));
    }
    void on_body(Bytes piece) override {
        if (events.empty() || !events.back().starts_with("body ")) note("body ");
        events.back() += piece.view();
        pieces.push_back(std::move(piece));
    }
    void on_trailers(HttpHeaders trailers) override {
        for (const auto& [name, value] : trailers)
            note("trailer " + name + "=" + value);
    }
    void on_complete() override { note("complete"); }

    void note(std::string text) { events.push_back(std::move(text)); }

    Head last_head;
    std::vector<Bytes> pieces;
    std::vector<std::string> events;
};

inline std::string joined(const std::vector<std::string>& events) {
    std::string text;
    for (const auto& event : events)
        text.append(text.empty() ? "" : " | ").append(event);
    return text;
}

/// Feeds `pieces` and then the end. An error becomes the last event.
template <typename Head>
std::string parse_pieces(const std::vector<std::string_view>& pieces, HttpLimits limits, bool no_body, bool end) {
    Recorder<Head> recorder;
    HttpParser<Head> parser(recorder, limits);
    if (no_body) parser.expect_no_body();
    try {
        for (const auto piece : pieces)
            parser.feed(Bytes::copy(piece));
        if (end) parser.finish();
    } catch (const HttpLimitExceeded& error) {
        recorder.note("limit " + std::string(error.what()));
    } catch (const HttpTruncated& error) {
        recorder.note("truncated " + std::string(error.what()));
    } catch (const HttpTrailingData& error) {
        recorder.note("trailing " + std::string(error.what()));
    } catch (const HttpMalformed& error) {
        recorder.note("malformed " + std::string(error.what()));
    }
    return joined(recorder.events);
}

struct ParseOptions {
    HttpLimits limits = {};
    bool no_body = false;
    bool end = true;
};

/// The events of `text` fed whole; throws std::logic_error unless byte by byte, in halves and in random cuts give the
/// same.
template <typename Head>
std::string parse(std::string_view text, ParseOptions options = {}) {
    const auto parse_cut = [&options](const std::vector<std::string_view>& pieces) {
        return parse_pieces<Head>(pieces, options.limits, options.no_body, options.end);
    };
    const auto whole = parse_cut({text});
    const auto check = [&whole, &parse_cut](const std::vector<std::string_view>& pieces, const char* how) {
        const auto cut = parse_cut(pieces);
        if (cut != whole) throw std::logic_error(std::string(how) + " gave " + cut + " but whole gave " + whole);
    };

    std::vector<std::string_view> bytes;
    for (std::size_t at = 0; at < text.size(); ++at)
        bytes.push_back(text.substr(at, 1));
    check(bytes, "byte by byte");

    for (std::size_t at = 1; at < text.size() && at < 2000; ++at) {
        check({text.substr(0, at), text.substr(at)}, "in two pieces");
    }

    std::mt19937 random(20);  // NOLINT: the same cuts each run
    for (int round = 0; round < 50; ++round) {
        std::vector<std::string_view> pieces;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t size = 1 + random() % 40;
            pieces.push_back(text.substr(at, size));
            at += size;
        }
        check(pieces, "random cuts");
    }
    return whole;
}

inline std::string parse_response(std::string_view text, ParseOptions options = {}) {
    return parse<HttpResponseHead>(text, options);
}

inline std::string parse_request(std::string_view text, ParseOptions options = {}) {
    return parse<HttpRequestHead>(text, options);
}

}  // namespace plait::testing

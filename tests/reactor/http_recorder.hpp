// Test helpers: writes down an HTTP parser's events as text, and feeds text in every way of cutting it.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "plait/reactor/protocols/http_parser.hpp"
#include "plait/reactor/testing/cuts.hpp"

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

struct ParseOptions {
    HttpLimits limits = {};
    bool no_body = false;
    bool end = true;
};

/// Feeds `pieces` and then the end. An error becomes the last event.
template <typename Head>
std::string parse_pieces(const Pieces& pieces, const ParseOptions& options) {
    Recorder<Head> recorder;
    HttpParser<Head> parser(recorder, options.limits);
    if (options.no_body) parser.expect_no_body();
    try {
        for (const auto& piece : pieces)
            parser.feed(Bytes::copy(piece));
        if (options.end) parser.finish();
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

/// The events of `text` fed whole; throws std::logic_error unless every way to cut it gives the same.
template <typename Head>
std::string parse(std::string_view text, ParseOptions options = {}) {
    const auto ways = ways_to_cut(text, 20, 50);
    const auto whole = parse_pieces<Head>(ways.front(), options);
    for (const auto& pieces : ways) {
        const auto cut = parse_pieces<Head>(pieces, options);
        if (cut != whole) throw std::logic_error(joined(pieces) + " gave " + cut + " but whole it gave " + whole);
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

// What the targets of HTTP parsers share: events as text, whichever way the input is cut.
#pragma once

#include <string>

#include "plait/reactor/protocols/http_parser.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

constexpr HttpLimits fuzzed_limits{.head_bytes = 512, .headers = 8, .chunk_line_bytes = 64, .body_bytes = 300};

template <typename Head>
class Messages : public HttpParser<Head>::Handler {
public:
    void on_informational(Head head) override { say_head("informational", head); }
    void on_head(Head head) override {
        expect(!(head.chunked && head.content_length), "a body is framed in one way");
        say_head("head", head);
        in_body_ = false;
        body_ = 0;
    }
    void on_body(Bytes piece) override {
        expect(!piece.empty(), "no piece of a body is empty");
        if (!in_body_) said.append("body ");
        in_body_ = true;
        body_ += piece.size();
        expect(body_ <= *fuzzed_limits.body_bytes, "no body is longer than its limit");
        said.append(piece.view());
    }
    void on_trailers(HttpHeaders trailers) override {
        expect(trailers.size() <= fuzzed_limits.headers, "trailers are bounded");
        say_fields(trailers);
    }
    void on_complete() override { said.append("\ncomplete\n"); }

    std::string said;

private:
    void say_head(const char* kind, const Head& head) {
        expect(head.headers.size() <= fuzzed_limits.headers, "headers are bounded");
        said.append("\n").append(kind);
        say_fields(head.headers);
        said.append(head.keep_alive ? "goes on\n" : "last\n");
    }
    void say_fields(const HttpHeaders& headers) {
        for (const auto& [name, value] : headers) {
            expect(is_http_token(name) && is_http_field_value(value), "a field that was read can be written");
            said.append(" ").append(name).append("=").append(value);
        }
    }

    bool in_body_ = false;
    std::size_t body_ = 0;
};

template <typename Head>
std::string messages_in(const Pieces& pieces, bool no_body) {
    Messages<Head> messages;
    HttpParser<Head> parser(messages, fuzzed_limits);
    if (no_body) parser.expect_no_body();
    try {
        for (const auto& piece : pieces)
            parser.feed(Bytes::copy(piece));
        parser.finish();
    } catch (const HttpError& error) {
        messages.said.append(error.what());
    }
    return messages.said;
}

template <typename Head>
void same_however_cut(std::string_view input, bool no_body = false) {
    const auto ways = ways_to_cut(input);
    const auto whole = messages_in<Head>(ways.front(), no_body);
    for (const auto& pieces : ways)
        expect_same(messages_in<Head>(pieces, no_body), whole, "messages are the same however they are cut");
}

}  // namespace plait::fuzz

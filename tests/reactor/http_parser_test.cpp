#define BOOST_TEST_MODULE http_parser
#include "plait/reactor/protocols/http_parser.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "plait/tests/reactor/http_recorder.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT

namespace {

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(responses)

BOOST_AUTO_TEST_CASE(a_body_with_a_length_ends_after_that_many_bytes) {
    BOOST_TEST(parse_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello") ==
               "head 200 OK | body hello | complete");
    BOOST_TEST(parse_response("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n") == "head 200 OK | complete");
}

BOOST_AUTO_TEST_CASE(a_chunked_body_comes_out_without_its_framing) {
    BOOST_TEST(parse_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                              "5\r\nhello\r\n00000C;name=\"a;b\"\r\n and goodbye\r\n0\r\n\r\n") ==
               "head 200 OK | body hello and goodbye | complete");
    BOOST_TEST(parse_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") ==
               "head 200 OK | complete");
}

BOOST_AUTO_TEST_CASE(chunk_data_that_looks_like_framing_is_data) {
    BOOST_TEST(parse_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n") == "head 200 OK | body 0\r\n\r\n\r\n | complete");
}

BOOST_AUTO_TEST_CASE(trailers_follow_the_last_chunk) {
    BOOST_TEST(parse_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "1\r\nx\r\n0;last\r\nSum: 1\r\nSeq: two words\r\n\r\n") ==
               "head 200 OK | body x | trailer Sum=1 | trailer Seq=two words | complete");
}

BOOST_AUTO_TEST_CASE(a_body_without_framing_lasts_until_the_connection_ends) {
    BOOST_TEST(parse_response("HTTP/1.1 200 OK\r\n\r\nall of\r\nthis") ==
               "head 200 OK (last) | body all of\r\nthis | complete");
    BOOST_TEST(parse_response("HTTP/1.0 200 OK\r\n\r\n") == "head 200 OK (last) | complete");
    BOOST_TEST(parse_response("HTTP/1.1 200 OK\r\n\r\nthis", {.end = false}) == "head 200 OK (last) | body this");
}

BOOST_AUTO_TEST_CASE(statuses_without_a_body_end_at_their_head) {
    BOOST_TEST(
        parse_response("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n") ==
        "head 204 No Content | complete | head 304 Not Modified | complete");
}

BOOST_AUTO_TEST_CASE(an_answer_to_head_has_no_body_and_the_next_one_has) {
    BOOST_TEST(parse_response("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
                              "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
                              {.no_body = true}) ==
               "informational 100 Continue | head 200 OK | complete | head 200 OK | body hi | complete");
}

BOOST_AUTO_TEST_CASE(informational_answers_precede_the_real_one) {
    BOOST_TEST(parse_response("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                              "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!") ==
               "informational 100 Continue | informational 103 Early Hints | head 200 OK | body ! | complete");
}

BOOST_AUTO_TEST_CASE(endless_informational_answers_are_cut_off) {
    std::string text;
    for (int i = 0; i < 17; ++i)
        text += "HTTP/1.1 102 Processing\r\n\r\n";
    BOOST_TEST(contains(parse_response(text), "limit more than 16 informational"));
}

BOOST_AUTO_TEST_CASE(headers_keep_their_order_and_lose_the_blanks_around_their_values) {
    Recorder<HttpResponseHead> recorder;
    HttpResponseParser parser(recorder);
    parser.feed(
        Bytes::borrow("HTTP/1.1 200 \r\nB: 1\r\nA:\t two  words \r\nb:3\r\nEmpty:\r\nContent-Length:0\r\n\r\n"));
    const HttpHeaders expected{{"B", "1"}, {"A", "two  words"}, {"b", "3"}, {"Empty", ""}, {"Content-Length", "0"}};
    BOOST_TEST((recorder.last_head.headers == expected));
    BOOST_TEST(recorder.last_head.reason == "");
    BOOST_TEST(recorder.last_head.content_length.value() == 0U);
    BOOST_TEST(!recorder.last_head.chunked);
}

BOOST_AUTO_TEST_CASE(bytes_after_the_last_message_of_a_connection_are_trailing) {
    BOOST_TEST(parse_response("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nxmore") ==
               "head 200 OK (last) | body x | complete | trailing more bytes follow the last response of a connection");
}

BOOST_AUTO_TEST_CASE(every_cut_is_told_apart) {
    const auto cut_at = [](std::string_view text) { return parse_response(text); };
    BOOST_TEST(cut_at("") == "");
    BOOST_TEST(cut_at("HTTP/1.1 200 OK\r\nContent-Le") ==
               "truncated the connection ended within the head of an HTTP response");
    BOOST_TEST(cut_at("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabc") ==
               "head 200 OK | body abc | truncated the connection ended within the body of an HTTP response: 4 of 7 "
               "bytes are missing");
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string in_chunks =
        "truncated the connection ended within the chunked body of an HTTP response, before its last chunk";
    BOOST_TEST(cut_at(chunked) == "head 200 OK | " + in_chunks);
    for (const auto* rest : {"5\r\nhello", "5\r\nhello\r", "5\r\nhello\r\n", "5\r\nhello\r\n0", "5\r\nhello\r\n0\r\n",
                             "5\r\nhello\r\n0\r\nA: b\r\n", "5\r\nhello\r\n0\r\n\r"}) {
        BOOST_TEST(cut_at(chunked + rest) == "head 200 OK | body hello | " + in_chunks);
    }
    BOOST_TEST(cut_at(chunked + "6\r\nhello") == "head 200 OK | body hello | " + in_chunks);
}

BOOST_AUTO_TEST_CASE(malformed_heads_are_refused) {
    for (const std::string text : {
             "SSH-2.0-OpenSSH_9.2\r\n",
             "\r\nHTTP/1.1 200 OK\r\n\r\n",
             "HTTP/2.0 200 OK\r\n\r\n",
             "HTTP/1.1 20 OK\r\n\r\n",
             "HTTP/1.1 2000 OK\r\n\r\n",
             "HTTP/1.1 099 Low\r\n\r\n",
             "HTTP/1.1 200\r\n\r\n",
             "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
             "HTTP/1.1 200 OK\r\nA: b\n\r\n",
             "HTTP/1.1 200 OK\r\n\n",
             "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
             "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
             "HTTP/1.1 200 OK\r\nA\r\n\r\n",
             "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
             "HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
             "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
             "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\n",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
             "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
         }) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(parse_response(text).starts_with("malformed "));
        }
    }
}

BOOST_AUTO_TEST_CASE(another_protocol_is_refused_at_its_first_bytes) {
    BOOST_TEST(contains(parse_response("SSH", {.end = false}), "does not begin with \"HTTP/1.\""));
    BOOST_TEST(contains(parse_request("\x16\x03", {.end = false}), "does not begin with a method"));
}

BOOST_AUTO_TEST_CASE(malformed_chunks_are_refused) {
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string rest : {
             "\r\n",
             "x\r\n",
             "-1\r\n",
             " 5\r\nhello\r\n",
             "5\nhello\r\n",
             "5 x\r\nhello\r\n",
             "5;\r\nhello\r\n",
             "5;a=\"b\r\nc\"\r\nhello\r\n",
             "11111111111111111\r\n",
             "0\n\r\n",
             "0\r\n\n",
             "0\r\nA: b\r\n c\r\n\r\n",
             "0\r\nContent-Length: 5\r\n\r\n",
             "0\r\nTransfer-Encoding: chunked\r\n\r\n",
             "0\r\nA\r\n\r\n",
             "0x5\r\nhello\r\n",
         }) {
        BOOST_TEST_CONTEXT(rest) {
            BOOST_TEST(parse_response(chunked + rest).starts_with("head 200 OK | malformed "));
        }
    }
    for (const std::string rest : {"5\r\nhellox\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n",
                                   "5\r\nhello\r\n\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n"}) {
        BOOST_TEST_CONTEXT(rest) {
            BOOST_TEST(parse_response(chunked + rest).starts_with("head 200 OK | body hello | malformed "));
        }
    }
}

BOOST_AUTO_TEST_CASE(limits_are_named_and_exact) {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    BOOST_TEST(parse_response(head + "hello", {.limits = {.head_bytes = head.size()}}) ==
               "head 200 OK | body hello | complete");
    BOOST_TEST(parse_response(head + "hello", {.limits = {.head_bytes = head.size() - 1}}) ==
               "limit the head of an HTTP response is larger than 37 bytes");
    BOOST_TEST(parse_response("HTTP/1.1 200 OK\r\nA:1\r\nB:2\r\nC:3\r\n\r\n", {.limits = {.headers = 2}}) ==
               "limit an HTTP response has more than 2 header fields");
    BOOST_TEST(parse_response(head + "hello", {.limits = {.body_bytes = 5}}) == "head 200 OK | body hello | complete");
    BOOST_TEST(parse_response(head + "hello", {.limits = {.body_bytes = 4}}) ==
               "limit the body of an HTTP response is larger than 4 bytes");
    BOOST_TEST(parse_response("HTTP/1.1 200 OK\r\n\r\nhello", {.limits = {.body_bytes = 4}}) ==
               "head 200 OK (last) | body hell | limit the body of an HTTP response is larger than 4 bytes");
    BOOST_TEST(parse_response("HTTP/1.1 200 OK\r\n\r\nhello", {.limits = {.body_bytes = 5}}) ==
               "head 200 OK (last) | body hello | complete");
    const std::string chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
    BOOST_TEST(parse_response(chunked, {.limits = {.body_bytes = 6}}) == "head 200 OK | body abcdef | complete");
    BOOST_TEST(parse_response(chunked, {.limits = {.body_bytes = 5}}) ==
               "head 200 OK | body abc | limit the body of an HTTP response is larger than 5 bytes");
    const auto extended = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(9000, 'x');
    BOOST_TEST(contains(parse_response(extended), "limit a chunk header or trailer of an HTTP message"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(requests)

BOOST_AUTO_TEST_CASE(pipelined_requests_come_out_in_order) {
    BOOST_TEST(parse_request("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
                             "POST /d HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
                             "\r\nPUT /e HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
                             "GET /f HTTP/1.0\r\n\r\n") ==
               "head GET /a?b=c | complete | head POST /d | body body | complete | head PUT /e | body ab | complete | "
               "head GET /f (last) | complete");
}

BOOST_AUTO_TEST_CASE(http_1_0_keeps_the_connection_only_when_asked) {
    BOOST_TEST(parse_request("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") == "head GET / | complete");
    BOOST_TEST(parse_request("GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n") == "head GET / (last) | complete");
}

BOOST_AUTO_TEST_CASE(malformed_requests_are_refused) {
    for (const std::string text : {
             "\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n",
             "GET /\r\n\r\n",
             "GET  / HTTP/1.1\r\n\r\n",
             "GET / HTTP/1.1 \r\n\r\n",
             "GET / HTTP/1.1\n\n",
             "GET / HTTP/3.0\r\n\r\n",
             "G{T / HTTP/1.1\r\n\r\n",
             "GET / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n",
             "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
         }) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(parse_request(text).starts_with("malformed "));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(events)

BOOST_AUTO_TEST_CASE(pieces_of_a_body_are_slices_of_what_was_fed) {
    Recorder<HttpResponseHead> recorder;
    HttpResponseParser parser(recorder);
    const auto fed = Bytes::copy("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n");
    parser.feed(fed);
    BOOST_TEST_REQUIRE(recorder.pieces.size() == 2U);
    for (const auto& piece : recorder.pieces) {
        BOOST_TEST((piece.begin() >= fed.begin() && piece.end() <= fed.end()));
    }
}

constexpr std::string_view two_responses =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\nSum: 6\r\n\r\n"
    "HTTP/1.1 200 Again\r\nConnection: close\r\n\r\nrest";
constexpr std::string_view two_responses_events =
    "head 200 OK | body abc | body def | trailer Sum=6 | complete | head 200 Again (last) | body rest | complete";

/// Pauses in every event.
class Pausing : public Recorder<HttpResponseHead> {
public:
    HttpResponseParser* parser = nullptr;

    void on_head(HttpResponseHead head) override {
        Recorder::on_head(std::move(head));
        parser->pause();
    }
    void on_body(Bytes piece) override {
        note("body " + piece.str());
        parser->pause();
    }
    void on_trailers(HttpHeaders trailers) override {
        Recorder::on_trailers(std::move(trailers));
        parser->pause();
    }
    void on_complete() override {
        Recorder::on_complete();
        parser->pause();
    }
};

BOOST_AUTO_TEST_CASE(a_pause_holds_back_the_very_next_event) {
    Pausing recorder;
    HttpResponseParser parser(recorder);
    recorder.parser = &parser;
    parser.feed(Bytes::copy(two_responses));
    parser.finish();
    for (std::size_t seen = 1; seen <= 8; ++seen) {
        BOOST_TEST_REQUIRE(recorder.events.size() == seen);
        parser.resume();
    }
    BOOST_TEST(joined(recorder.events) == two_responses_events);
}

BOOST_AUTO_TEST_CASE(bytes_fed_while_paused_wait_in_order) {
    Recorder<HttpResponseHead> recorder;
    HttpResponseParser parser(recorder);
    parser.pause();
    for (const auto c : two_responses)
        parser.feed(Bytes::copy({&c, 1}));
    parser.finish();
    BOOST_TEST(recorder.events.empty());
    BOOST_TEST(parser.unread() == two_responses.size());
    parser.resume();
    BOOST_TEST(parser.unread() == 0U);
    BOOST_TEST(recorder.events.back() == "complete");
    BOOST_TEST(recorder.events.size() == 7U);
}

/// Does something to the parser in the event of that number.
class Meddling : public Recorder<HttpResponseHead> {
public:
    std::unique_ptr<HttpResponseParser> parser = std::make_unique<HttpResponseParser>(*this);
    std::size_t when = 0;
    void (*what)(Meddling&) = nullptr;

    void on_head(HttpResponseHead head) override { meddle(joined({"head", head.reason})); }
    void on_body(Bytes piece) override { meddle("body " + piece.str()); }
    void on_trailers(HttpHeaders) override { meddle("trailers"); }
    void on_complete() override { meddle("complete"); }

    void meddle(std::string event) {
        note(std::move(event));
        if (events.size() == when) what(*this);
    }
};

BOOST_AUTO_TEST_CASE(the_parser_may_be_destroyed_in_any_event) {
    for (std::size_t when = 1; when <= 8; ++when) {
        Meddling recorder;
        recorder.when = when;
        recorder.what = [](Meddling& self) { self.parser.reset(); };
        auto& parser = *recorder.parser;
        parser.feed(Bytes::copy(two_responses));
        if (when == 8) parser.finish();
        BOOST_TEST(recorder.events.size() == when);
        BOOST_TEST(!recorder.parser);
    }
}

BOOST_AUTO_TEST_CASE(the_parser_may_be_reset_and_fed_in_any_event) {
    for (std::size_t when = 1; when <= 7; ++when) {
        Meddling recorder;
        recorder.when = when;
        recorder.what = [](Meddling& self) {
            self.parser->reset();
            self.parser->feed(Bytes::borrow("HTTP/1.1 204 Fresh\r\n\r\n"));
            BOOST_TEST(self.events.size() == self.when);
        };
        recorder.parser->feed(Bytes::copy(two_responses));
        BOOST_TEST_REQUIRE(recorder.events.size() == when + 2);
        BOOST_TEST(recorder.events[when] == "head | Fresh");
        BOOST_TEST(recorder.events[when + 1] == "complete");
    }
}

BOOST_AUTO_TEST_CASE(what_the_handler_throws_comes_out_of_feed_and_ends_the_parsing) {
    Meddling recorder;
    recorder.when = 2;
    recorder.what = [](Meddling&) { throw std::runtime_error("enough"); };
    BOOST_CHECK_THROW(recorder.parser->feed(Bytes::copy(two_responses)), std::runtime_error);
    recorder.parser->feed(Bytes::copy(two_responses));
    recorder.parser->finish();
    recorder.parser->resume();
    BOOST_TEST(recorder.events.size() == 2U);
    recorder.parser->reset();
    recorder.parser->feed(Bytes::copy("HTTP/1.1 204 Fresh\r\n\r\n"));
    BOOST_TEST(recorder.events.size() == 4U);
}

BOOST_AUTO_TEST_CASE(between_messages_is_known) {
    Recorder<HttpResponseHead> recorder;
    HttpResponseParser parser(recorder);
    BOOST_TEST(parser.between_messages());
    parser.feed(Bytes::borrow("H"));
    BOOST_TEST(!parser.between_messages());
    parser.feed(Bytes::borrow("TTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"));
    BOOST_TEST(!parser.between_messages());
    parser.feed(Bytes::borrow("x"));
    BOOST_TEST(parser.between_messages());
}

BOOST_AUTO_TEST_SUITE_END()

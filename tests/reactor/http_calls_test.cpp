#define BOOST_TEST_MODULE http_calls
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/deferred/coroutine.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/tests/reactor/http_scripts.hpp"

using namespace plait;                 // NOLINT
using namespace plait::testing;        // NOLINT
using namespace std::chrono_literals;  // NOLINT

BOOST_FIXTURE_TEST_SUITE(handlers, CallFixture)

BOOST_AUTO_TEST_CASE(nothing_is_told_before_start_has_returned) {
    network.close_port({"db", 80});
    start(to("http://db/"));
    BOOST_TEST(recorder.told() == "");
    settle();
    BOOST_TEST(recorder.told() == "failed");
    BOOST_TEST(call->finished());
}

BOOST_AUTO_TEST_CASE(trailers_are_told) {
    start(to("http://db/"));
    settle();
    say(0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n");
    BOOST_TEST(recorder.told() == "head 200 | body | trailers | complete");
}

BOOST_AUTO_TEST_CASE(a_pause_holds_the_server_up_and_a_resume_goes_on) {
    start(to("http://db/"));
    recorder.on_event = [this](const std::string& event) {
        if (event == "head 200") call->pause();
    };
    settle();
    say(0, answer("body"));
    BOOST_TEST(recorder.told() == "head 200");
    call->resume();
    BOOST_TEST(recorder.told() == "head 200");
    settle();
    BOOST_TEST(recorder.told() == "head 200 | body | complete");
    BOOST_TEST(client().idle_connections() == 1U);
    auto next = get();  // on the same connection, which reads again
    settle();
    BOOST_TEST(scripts.size() == 1U);
    say(0, answer("x"));
    BOOST_TEST(success_of(next).body.view() == "x");
}

BOOST_AUTO_TEST_CASE(a_call_may_be_destroyed_from_each_of_its_events) {
    for (const char* at : {"head 200", "body", "trailers", "complete", "failed"}) {
        CallRecorder told;
        std::unique_ptr<HttpCall> doomed;
        told.on_event = [&](const std::string& event) {
            if (event == at) doomed.reset();
        };
        made.reset();
        if (at == std::string("failed")) network.close_port({"db", 80});
        doomed = client().start(to("http://db/"), told);
        settle();
        if (!scripts.empty()) {
            scripts.back()->say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n");
        }
        settle();
        BOOST_TEST(told.events.back() == at);
        BOOST_TEST(doomed == nullptr);
    }
}

BOOST_AUTO_TEST_CASE(what_a_handler_throws_ends_the_call_and_is_what_it_is_told) {
    start(to("http://db/"));
    recorder.on_event = [](const std::string& event) {
        if (event == "body") throw std::runtime_error("enough");
    };
    settle();
    say(0, answer("body"));
    BOOST_TEST(recorder.told() == "head 200 | body | failed");
    BOOST_TEST(recorder.failure.find("enough") != std::string::npos);
    settle();
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_call_may_outlive_its_client) {
    start(to("http://db/"));
    settle();
    made.reset();
    BOOST_TEST(recorder.told() == "failed");
    call.reset();
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(streams, CallFixture)

BOOST_AUTO_TEST_CASE(a_stream_is_there_with_the_head_and_read_piece_by_piece) {
    auto opened = client().open(to("http://db/x"));
    settle();
    no_result(opened);
    say(0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    auto stream = success_of(opened);
    BOOST_TEST(stream.head.status == 200);
    BOOST_TEST(stream.url.str() == "http://db/x");
    auto first = stream.body.read();
    no_result(first);
    auto too_many = stream.body.read();
    failure_of<InvalidState>(too_many);
    say(0, "2\r\nab\r\n2\r\ncd\r\n");
    BOOST_TEST(success_of(first).str() == "ab");
    auto second = stream.body.read();
    BOOST_TEST(success_of(second).str() == "cd");
    auto third = stream.body.read();
    say(0, "0\r\n\r\n");
    BOOST_TEST(success_of(third).empty());
    auto fourth = stream.body.read();
    BOOST_TEST(success_of(fourth).empty());
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(who_does_not_read_holds_up_the_server) {
    network.set_bytes_per_step(4096);
    auto opened = client().open(to("http://db/"));
    settle();
    say(0, answer(std::string(1 << 20, 'x')));
    BOOST_TEST(scripts.at(0)->transport().write_buffered() > 800'000U);
    auto stream = success_of(opened);
    auto all = stream.body.read_all(2 << 20);
    settle();
    BOOST_TEST(success_of(all).size() == 1U << 20);
}

BOOST_AUTO_TEST_CASE(dropping_the_body_closes_the_connection) {
    auto opened = client().open(to("http://db/"));
    settle();
    say(0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
    {
        const auto stream = success_of(opened);
    }
    settle();
    BOOST_TEST(scripts.at(0)->lost);
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(dropping_a_body_that_is_complete_keeps_the_connection) {
    auto opened = client().open(to("http://db/"));
    settle();
    say(0, answer("ab"));
    {
        const auto stream = success_of(opened);
    }
    settle();
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(a_cut_body_is_read_up_to_the_cut) {
    auto opened = client().open(to("http://db/"));
    settle();
    say(0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
    scripts.at(0)->transport().lose_connection();
    settle();
    auto stream = success_of(opened);
    auto first = stream.body.read();
    BOOST_TEST(success_of(first).str() == "ab");
    auto second = stream.body.read();
    BOOST_TEST((failure_of<HttpTruncated>(second).where() == HttpTruncated::Where::body));
}

BOOST_AUTO_TEST_CASE(reading_all_is_bounded) {
    auto opened = client().open(to("http://db/"));
    settle();
    say(0, answer("abcdef"));
    auto stream = success_of(opened);
    auto all = stream.body.read_all(5);
    failure_of<HttpLimitExceeded>(all);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(uploads, CallFixture)

BOOST_AUTO_TEST_CASE(a_body_of_unknown_length_goes_out_in_chunks) {
    Tap tap;
    auto request = to("http://db/", "PUT");
    request.source = tap.source();
    start(std::move(request));
    BOOST_TEST(tap.asked == 0);
    settle();
    BOOST_TEST(tap.asked == 1);
    tap.give("hello");
    settle();
    tap.give(std::string(26, 'x'));
    settle();
    tap.give("");
    settle();
    const auto& received = scripts.at(0)->received;
    BOOST_TEST(received.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
    BOOST_TEST(received.ends_with("\r\n\r\n5\r\nhello\r\n1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n"));
    say(0, answer("ok"));
    BOOST_TEST(recorder.told() == "head 200 | body | complete");
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(a_body_of_known_length_must_have_it) {
    const auto send = [this](std::uint64_t length, const std::vector<std::string>& pieces) {
        Tap tap;
        auto request = to("http://db/", "PUT");
        request.source = tap.source(length);
        CallRecorder told;
        const auto running = client().start(std::move(request), told);
        settle();
        for (const auto& piece : pieces) {
            tap.give(piece);
            settle();
        }
        return told.failure + scripts.back()->received.substr(scripts.back()->received.find("\r\n\r\n") + 4);
    };
    BOOST_TEST(send(4, {"ab", "cd", ""}) == "abcd");
    BOOST_TEST(send(4, {"ab", "cde"}).find("longer than was said") != std::string::npos);
    BOOST_TEST(send(4, {"ab", ""}).find("2 bytes shorter") != std::string::npos);
    settle();
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_read_holds_the_source_up) {
    Tap tap;
    auto request = to("http://db/", "PUT");
    request.source = tap.source();
    start(std::move(request));
    settle();
    scripts.at(0)->transport().pause_producing();
    tap.give(std::string(100'000, 'x'));
    settle();
    BOOST_TEST(tap.asked == 1);
    clock.advance(74s);
    BOOST_TEST(recorder.told() == "");
    clock.advance(1s);
    BOOST_TEST(recorder.told() == "failed");
    BOOST_TEST(recorder.failure.find("was not taken by the server within 75 s") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_failing_source_fails_the_request) {
    auto request = to("http://db/", "PUT");
    request.source = HttpBodySource{[] { return fail<Bytes>(std::runtime_error("the disk is gone")); }};
    start(std::move(request));
    settle();
    BOOST_TEST(recorder.failure.find("the disk is gone") != std::string::npos);
    settle();
    BOOST_TEST(scripts.at(0)->lost);
}

BOOST_AUTO_TEST_CASE(a_source_may_end_its_own_call) {
    auto request = to("http://db/", "PUT");
    request.source = HttpBodySource{[this, big = std::string(100, 'x')] {
        call.reset();
        return succeed(Bytes::copy(big));
    }};
    start(std::move(request));
    settle();
    BOOST_TEST(recorder.told() == "");
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(dropping_the_call_drops_what_the_source_works_on) {
    Tap tap;
    auto request = to("http://db/", "PUT");
    request.source = tap.source();
    start(std::move(request));
    settle();
    call.reset();
    BOOST_TEST(tap.dropped);
}

BOOST_AUTO_TEST_CASE(an_early_answer_ends_the_upload_and_the_connection) {
    Tap tap;
    auto request = to("http://db/", "PUT");
    request.source = tap.source();
    start(std::move(request));
    settle();
    say(0, answer("too much", "", "413 Content Too Large"));
    BOOST_TEST(recorder.told() == "head 413 | body | complete");
    BOOST_TEST(tap.dropped);
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_large_body_in_memory_is_sent_as_there_is_room) {
    auto request = to("http://db/", "PUT");
    request.body = Bytes::own(std::string(300'000, 'x'));
    start(std::move(request));
    settle();
    BOOST_TEST(scripts.at(0)->received.ends_with(std::string(300'000, 'x')));
    BOOST_TEST(scripts.at(0)->received.find("Content-Length: 300000\r\n") != std::string::npos);
    say(0, answer("ok"));
    BOOST_TEST(recorder.told() == "head 200 | body | complete");
}

BOOST_AUTO_TEST_CASE(with_expect_the_body_waits_to_be_asked_for) {
    auto request = to("http://db/", "PUT");
    request.body = Bytes::borrow("the body");
    request.expect_continue = true;
    start(std::move(request));
    settle();
    BOOST_TEST(scripts.at(0)->received.ends_with("Expect: 100-continue\r\nContent-Length: 8\r\n\r\n"));
    say(0, "HTTP/1.1 100 Continue\r\n\r\n");
    BOOST_TEST(scripts.at(0)->received.ends_with("\r\n\r\nthe body"));
    say(0, answer("ok"));
    BOOST_TEST(recorder.told() == "head 200 | body | complete");
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(but_not_for_long) {
    auto request = to("http://db/", "PUT");
    request.body = Bytes::borrow("the body");
    request.expect_continue = true;
    start(std::move(request));
    settle();
    clock.advance(1s);
    settle();
    BOOST_TEST(scripts.at(0)->received.ends_with("\r\n\r\nthe body"));
}

BOOST_AUTO_TEST_CASE(and_not_at_all_when_it_is_refused) {
    auto request = to("http://db/", "PUT");
    request.body = Bytes::borrow("the body");
    request.expect_continue = true;
    start(std::move(request));
    settle();
    say(0, answer("no", "", "403 Forbidden"));
    BOOST_TEST(recorder.told() == "head 403 | body | complete");
    clock.advance(5s);
    settle();
    BOOST_TEST(scripts.at(0)->received.find("the body") == std::string::npos);
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_stream_can_be_sent_on) {
    listen("other", 80);
    auto opened = client().open(to("http://db/"));
    settle();
    say(0, answer("from there"));
    auto stream = success_of(opened);
    auto request = to("http://other/", "PUT");
    request.source = std::move(stream.body).as_source(10);
    start(std::move(request));
    settle();
    BOOST_TEST(scripts.at(1)->received.ends_with("Content-Length: 10\r\n\r\nfrom there"));
}

BOOST_AUTO_TEST_SUITE_END()

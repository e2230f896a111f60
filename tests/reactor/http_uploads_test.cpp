// Bodies of requests: streamed, held back, held up, failing.
#define BOOST_TEST_MODULE http_uploads
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
#include "plait/tests/reactor/wired_connector.hpp"

using namespace plait;                 // NOLINT
using namespace plait::testing;        // NOLINT
using namespace std::chrono_literals;  // NOLINT

BOOST_FIXTURE_TEST_SUITE(uploads, CallFixture)

BOOST_AUTO_TEST_CASE(a_body_of_unknown_length_goes_out_in_chunks) {
    Tap tap;
    start(put(tap.source()));
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
        CallRecorder told;
        const auto running = client().start(put(tap.source(length)), told);
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
    ask(put(tap.source()));
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
    ask(put({[] { return fail<Bytes>(std::runtime_error("the disk is gone")); }}));
    BOOST_TEST(recorder.failure.find("the disk is gone") != std::string::npos);
    settle();
    BOOST_TEST(scripts.at(0)->lost);
}

BOOST_AUTO_TEST_CASE(a_source_may_end_its_own_call) {
    ask(put({[this, big = std::string(100, 'x')] {
        call.reset();
        return succeed(Bytes::copy(big));
    }}));
    BOOST_TEST(recorder.told() == "");
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(dropping_the_call_drops_what_the_source_works_on) {
    Tap tap;
    ask(put(tap.source()));
    call.reset();
    BOOST_TEST(tap.dropped);
}

BOOST_AUTO_TEST_CASE(an_early_answer_ends_the_upload_and_the_connection) {
    Tap tap;
    ask(put(tap.source()));
    say(0, answer("too much", "", "413 Content Too Large"));
    BOOST_TEST(recorder.told() == "head 413 | body | complete");
    BOOST_TEST(tap.dropped);
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_stream_that_met_a_closed_connection_is_not_sent_again) {
    ask();
    say(0, answer("warm"));
    Tap tap;
    CallRecorder told;
    const auto running = client().start(put(tap.source()), told);
    scripts.at(0)->transport().abort_connection();
    settle();
    BOOST_TEST(told.told() == "failed");
    BOOST_TEST(scripts.size() == 1U);
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
    ask(put_if_asked(Bytes::borrow("the body")));
    BOOST_TEST(scripts.at(0)->received.ends_with("Expect: 100-continue\r\nContent-Length: 8\r\n\r\n"));
    say(0, "HTTP/1.1 103 Early Hints\r\n\r\n");  // does not ask for it
    BOOST_TEST(scripts.at(0)->received.ends_with("\r\n\r\n"));
    say(0, "HTTP/1.1 100 Continue\r\n\r\n");
    BOOST_TEST(scripts.at(0)->received.ends_with("\r\n\r\nthe body"));
    say(0, answer("ok"));
    BOOST_TEST(recorder.told() == "head 200 | body | complete");
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(but_not_for_long) {
    ask(put_if_asked(Bytes::borrow("the body")));
    clock.advance(1s);
    settle();
    BOOST_TEST(scripts.at(0)->received.ends_with("\r\n\r\nthe body"));
}

BOOST_AUTO_TEST_CASE(and_not_at_all_when_it_is_refused) {
    ask(put_if_asked(Bytes::borrow("the body")));
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

BOOST_AUTO_TEST_CASE(a_source_that_fails_while_paused_is_heard_of_after_the_pause) {
    Tap tap;
    ask(put(tap.source()));
    call->pause();
    tap.fail("the disk is gone");
    settle();
    BOOST_TEST(recorder.told() == "");
    BOOST_TEST(scripts.at(0)->lost);
    BOOST_TEST(client().connections() == 0U);
    clock.advance(1h);
    BOOST_TEST(recorder.told() == "");
    call->resume();
    BOOST_TEST(recorder.told() == "");
    settle();
    BOOST_TEST(recorder.told() == "failed");
    BOOST_TEST(recorder.failure.find("the disk is gone") != std::string::npos);
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(and_a_call_dropped_before_hears_nothing) {
    Tap tap;
    ask(put(tap.source()));
    call->pause();
    tap.fail("the disk is gone");
    call->resume();
    call.reset();
    settle();
    BOOST_TEST(recorder.told() == "");
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(who_answers_before_taking_it_all_is_not_asked_again_and_is_given_up) {
    const auto wired = std::make_shared<WiredConnector>();
    HttpClient direct(clock, wired);
    auto request = to("http://db/", "PUT");
    request.body = Bytes::own(std::string(60'000, 'x'));
    auto response = direct.request(std::move(request));
    wired->wire->set_clock(clock);
    wired->wire->deliver(answer("no", "", "413 Content Too Large"));
    BOOST_TEST(success_of(response).head.status == 413);
    BOOST_TEST(direct.idle_connections() == 0U);
    BOOST_TEST(wired->wire->disconnecting());
    BOOST_TEST(!wired->wire->aborted());
    clock.advance(75s - 1ns);
    BOOST_TEST(direct.connections() == 1U);
    clock.advance(19s);  // it is noticed up to a quarter late
    BOOST_TEST(direct.connections() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(expectations_that_nobody_knows, CallFixture)

const std::string not_known = answer("what?", "", "417 Expectation Failed");

BOOST_AUTO_TEST_CASE(a_request_is_sent_again_without) {
    options.headers = {{"Expect", "100-continue"}};
    ask(put_if_asked(Bytes::borrow("the body")));
    say(0, not_known);
    BOOST_TEST(recorder.told() == "");
    BOOST_TEST_REQUIRE(scripts.size() == 2U);
    BOOST_TEST(scripts.at(1)->received.find("Expect") == std::string::npos);
    BOOST_TEST(scripts.at(1)->received.ends_with("Content-Length: 8\r\n\r\nthe body"));
    say(1, answer("ok"));
    BOOST_TEST(recorder.told() == "head 200 | body | complete");
    BOOST_TEST(recorder.body == "ok");
}

BOOST_AUTO_TEST_CASE(and_only_once) {
    ask(put_if_asked(Bytes::borrow("the body")));
    say(0, not_known);
    say(1, not_known);
    BOOST_TEST(recorder.told() == "head 417 | body | complete");
    BOOST_TEST(scripts.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_body_in_memory_is_sent_again_though_it_went_out_unasked) {
    ask(put_if_asked(Bytes::borrow("the body")));
    clock.advance(1s);
    settle();
    say(0, not_known);
    BOOST_TEST(recorder.told() == "");
    const auto& received = scripts.back()->received;
    BOOST_TEST(received.ends_with("\r\n\r\nthe body"));
    BOOST_TEST(received.substr(received.rfind("PUT ")).find("Expect") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_stream_is_sent_if_it_has_not_begun) {
    Tap tap;
    auto request = put(tap.source(2));
    request.expect_continue = true;
    ask(std::move(request));
    say(0, not_known);
    BOOST_TEST(tap.asked == 1);
    tap.give("ab");
    settle();
    BOOST_TEST(scripts.at(1)->received.ends_with("\r\n\r\nab"));
}

BOOST_AUTO_TEST_CASE(and_not_if_it_has) {
    Tap tap;
    auto request = put(tap.source(2));
    request.expect_continue = true;
    ask(std::move(request));
    clock.advance(1s);
    settle();
    BOOST_TEST(tap.asked == 1);
    say(0, not_known);
    BOOST_TEST(recorder.told() == "head 417 | body | complete");
    BOOST_TEST(scripts.size() == 1U);
}

BOOST_AUTO_TEST_CASE(nor_is_what_expected_nothing) {
    ask(to("http://db/", "PUT"));
    say(0, not_known);
    BOOST_TEST(recorder.told() == "head 417 | body | complete");
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(a_stream_that_was_held_back_is_led_elsewhere) {
    Tap tap;
    auto request = put(tap.source(2));
    request.expect_continue = true;
    request.redirections = 1;
    ask(std::move(request));
    say(0, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
    BOOST_TEST(tap.asked == 0);
    BOOST_TEST_REQUIRE(scripts.size() == 2U);
    say(1, "HTTP/1.1 100 Continue\r\n\r\n");
    tap.give("ab");
    settle();
    BOOST_TEST(scripts.at(1)->received.starts_with("PUT /b "));
    BOOST_TEST(scripts.at(1)->received.ends_with("\r\n\r\nab"));
}

BOOST_AUTO_TEST_SUITE_END()

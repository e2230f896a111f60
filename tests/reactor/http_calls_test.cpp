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
    ask();
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
    ask();
    made.reset();
    BOOST_TEST(recorder.told() == "failed");
    call.reset();
}

BOOST_AUTO_TEST_CASE(a_failure_waits_for_the_end_of_a_pause) {
    options.total_timeout = 10s;
    ask();
    call->pause();
    clock.advance(10s);
    settle();
    BOOST_TEST(recorder.told() == "");
    BOOST_TEST(scripts.at(0)->lost);
    BOOST_TEST(client().connections() == 0U);
    call->resume();
    call->pause();
    settle();
    BOOST_TEST(recorder.told() == "");
    BOOST_TEST(!call->finished());
    call->resume();
    BOOST_TEST(recorder.told() == "");
    settle();
    BOOST_TEST(recorder.told() == "failed");
    BOOST_TEST(recorder.failure.find("GET http://db/ was not complete within 10 s") != std::string::npos);
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(a_call_that_is_complete_leaves_no_timer) {
    options.total_timeout = 10s;
    ask();
    say(0, answer("x", "Connection: close\r\n"));
    BOOST_TEST(call->finished());
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(and_so_does_that_of_a_request_that_never_had_a_connection) {
    options.connections_per_host = 1;
    options.most_waiting = 0;
    auto first = get();
    start(to("http://db/2"));
    call->pause();
    settle();
    BOOST_TEST(recorder.told() == "");
    call->resume();
    settle();
    BOOST_TEST(recorder.failure.find("wait for a connection already") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(but_the_end_of_the_client_does_not_wait) {
    ask();
    call->pause();
    made.reset();
    BOOST_TEST(recorder.told() == "failed");
    call->resume();
    settle();
    BOOST_TEST(recorder.told() == "failed");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(streams, CallFixture)

BOOST_AUTO_TEST_CASE(a_stream_is_there_with_the_head_and_read_piece_by_piece) {
    auto opened = open();
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
    auto opened = open(answer(std::string(1 << 20, 'x')));
    BOOST_TEST(scripts.at(0)->transport().write_buffered() > 800'000U);
    auto stream = success_of(opened);
    auto all = stream.body.read_all(2 << 20);
    settle();
    BOOST_TEST(success_of(all).size() == 1U << 20);
}

BOOST_AUTO_TEST_CASE(dropping_the_body_closes_the_connection) {
    auto opened = open("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
    {
        const auto stream = success_of(opened);
    }
    settle();
    BOOST_TEST(scripts.at(0)->lost);
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(dropping_a_body_that_is_complete_keeps_the_connection) {
    auto opened = open(answer("ab"));
    {
        const auto stream = success_of(opened);
    }
    settle();
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(a_cut_body_is_read_up_to_the_cut) {
    auto opened = open("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
    scripts.at(0)->transport().lose_connection();
    settle();
    auto stream = success_of(opened);
    auto first = stream.body.read();
    BOOST_TEST(success_of(first).str() == "ab");
    auto second = stream.body.read();
    BOOST_TEST((failure_of<HttpTruncated>(second).where() == HttpTruncated::Where::body));
}

BOOST_AUTO_TEST_CASE(reading_all_is_bounded) {
    auto opened = open(answer("abcdef"));
    auto stream = success_of(opened);
    auto all = stream.body.read_all(5);
    failure_of<HttpLimitExceeded>(all);
}

BOOST_AUTO_TEST_SUITE_END()

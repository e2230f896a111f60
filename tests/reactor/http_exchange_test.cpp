#define BOOST_TEST_MODULE http_exchange
#include "plait/reactor/protocols/http_exchange.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/tests/reactor/http_exchange_fixture.hpp"

using namespace plait;                 // NOLINT
using namespace plait::testing;        // NOLINT
using namespace std::chrono_literals;  // NOLINT

BOOST_FIXTURE_TEST_SUITE(exchange, ExchangeFixture)

BOOST_AUTO_TEST_CASE(the_request_goes_out_with_what_the_address_says) {
    auto request = make_http_request(Url::parse("http://me:pw@db:5984/x?y"), "POST", Bytes::borrow("{}"));
    request.head.headers.add("Accept", "application/json");
    start(std::move(request));
    network.flush();
    BOOST_TEST(server->received ==
               "POST /x?y HTTP/1.1\r\nHost: db:5984\r\nAuthorization: Basic bWU6cHc=\r\n"
               "Accept: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
}

BOOST_AUTO_TEST_CASE(an_answer_comes_piece_by_piece_and_the_connection_is_closed) {
    ask();
    say(chunked_head);
    say("3\r\nabc\r\n");
    say("3\r\ndef\r\n");
    BOOST_TEST(recorder.told() == "head 200 | body abc | body def");
    BOOST_TEST(!exchange->finished());
    say("0\r\n\r\n");
    BOOST_TEST(recorder.told() == "head 200 | body abc | body def | complete");
    BOOST_TEST(exchange->finished());
    BOOST_TEST(network.open_connections() == 0U);
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(an_answer_may_last_until_the_connection_ends) {
    ask();
    say("HTTP/1.0 200 OK\r\n\r\nall of it");
    server->transport().lose_connection();
    network.flush();
    BOOST_TEST(recorder.told() == "head 200 | body all of it | complete");
}

BOOST_AUTO_TEST_CASE(a_broken_connection_does_not_complete_such_an_answer) {
    ask();
    say("HTTP/1.0 200 OK\r\n\r\npart of it");
    network.break_connections(where);
    network.flush();
    BOOST_TEST(recorder.told() == "head 200 | body part of it | failed");
    failed_with<ConnectionLost>();
}

BOOST_AUTO_TEST_CASE(an_answer_to_head_has_no_body) {
    start(make_http_request(Url::parse("http://db:5984/"), "HEAD"));
    network.flush();
    say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    BOOST_TEST(recorder.told() == "head 200 | complete");
}

BOOST_AUTO_TEST_CASE(every_event_is_the_same_byte_by_byte) {
    network.set_bytes_per_step(1);
    ask();
    say("HTTP/1.1 103 Early Hints\r\n\r\n" + std::string(chunked_head) + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    BOOST_TEST(recorder.told() == "head 200 | body a | body b | complete");
}

BOOST_AUTO_TEST_CASE(a_refused_connection_fails_it_by_that_name) {
    network.close_port(where);
    start();
    BOOST_TEST(recorder.told() == "");
    network.flush();
    BOOST_TEST(recorder.told() == "failed");
    failed_with<ConnectionRefused>();
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(each_wait_has_its_own_limit) {
    network.set_unresponsive(where, true);
    start();
    network.flush();
    clock.advance(30s - 1ns);
    BOOST_TEST(recorder.told() == "");
    clock.advance(1ns);
    BOOST_TEST(recorder.told() == "failed");
    BOOST_TEST(std::string(failed_with<ConnectTimeout>().what()) == "no connection to db:5984 within 30 s");
}

BOOST_AUTO_TEST_CASE(a_server_that_never_answers_is_given_up) {
    options.head_timeout = 10s;
    ask();
    clock.advance(9s);
    say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1");
    BOOST_TEST(recorder.told() == "");
    clock.advance(1s);
    BOOST_TEST(recorder.told() == "failed");
    const auto& error = failed_with<HttpTimeout>();
    BOOST_TEST((error.waiting() == HttpTimeout::Waiting::head));
    BOOST_TEST(std::string(error.what()) == "GET http://db:5984/x?y was not answered within 10 s");
    network.flush();
    BOOST_TEST(network.open_connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_server_that_stops_answering_is_given_up) {
    options.idle_timeout = 10s;
    ask();
    say(chunked_head);
    for (int i = 0; i < 5; ++i) {
        clock.advance(9s);
        say("1\r\nx\r\n");
        BOOST_TEST(recorder.events.back() == "body x");
    }
    clock.advance(10s);
    BOOST_TEST(recorder.events.back() == "failed");
    BOOST_TEST((failed_with<HttpTimeout>().waiting() == HttpTimeout::Waiting::body));
}

BOOST_AUTO_TEST_CASE(zero_means_no_limit) {
    options.head_timeout = options.idle_timeout = options.connect_timeout = 0s;
    ask();
    clock.advance(24h);
    say(chunked_head);
    clock.advance(24h);
    say("0\r\n\r\n");
    BOOST_TEST(recorder.told() == "head 200 | complete");
}

BOOST_AUTO_TEST_CASE(each_way_to_be_cut_off_has_its_error) {
    const auto cut_after = [this](std::string_view text) {
        recorder.events.clear();
        recorder.failure.reset();
        ask();
        if (!text.empty()) say(text);
        server->transport().lose_connection();
        network.flush();
        return failed_with<HttpTruncated>().where();
    };
    using Where = HttpTruncated::Where;
    BOOST_TEST((cut_after("") == Where::before_head));
    BOOST_TEST((cut_after("HTTP/1.1 100 Continue\r\n\r\n") == Where::before_head));
    BOOST_TEST((cut_after("HTTP/1.1 200") == Where::head));
    BOOST_TEST((cut_after("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc") == Where::body));
    BOOST_TEST((cut_after(std::string(chunked_head) + "9\r\nabc") == Where::chunk));
    BOOST_TEST(recorder.told() == "head 200 | body abc | failed");
}

BOOST_AUTO_TEST_CASE(a_malformed_answer_fails_it) {
    ask();
    say("SSH-2.0-OpenSSH\r\n");
    BOOST_TEST(recorder.told() == "failed");
    failed_with<HttpMalformed>();
    BOOST_TEST(network.open_connections() == 0U);
}

BOOST_AUTO_TEST_CASE(an_answer_above_a_limit_fails_it) {
    options.limits.body_bytes = 5;
    ask();
    say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef");
    BOOST_TEST(recorder.told() == "failed");
    BOOST_TEST((failed_with<HttpLimitExceeded>().part() == HttpLimitExceeded::Part::body));
}

BOOST_AUTO_TEST_CASE(a_connector_that_fails_at_once_is_heard_of_later) {
    struct Refusing final : Connector {
        Deferred<std::shared_ptr<Protocol>> connect(const HostPort& to, std::shared_ptr<Protocol>) override {
            return fail<std::shared_ptr<Protocol>>(ConnectError("cannot connect to " + to.str()));
        }
    };
    connector = std::make_shared<Refusing>();
    start();
    BOOST_TEST(recorder.told() == "");
    clock.advance(0s);
    BOOST_TEST(recorder.told() == "failed");
    failed_with<ConnectError>();
    BOOST_TEST(clock.pending_calls() == 0U);

    recorder.events.clear();
    start();
    exchange->pause();
    clock.advance(1h);
    BOOST_TEST(recorder.told() == "");
    exchange.reset();
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(dropping_it_at_any_time_closes_the_socket_and_calls_nobody) {
    const std::function<void()> steps[] = {
        [this] { start(); },
        [this] { network.flush(); },
        [this] { say("HTTP/1.1 200"); },
        [this] { say(" OK\r\nTransfer-Encoding: chunked\r\n\r\n"); },
        [this] { say("5\r\nab"); },
        [this] { exchange->pause(); },
        [this] { say("c"); },
        [this] { exchange->resume(); },
    };
    for (std::size_t last = 1; last <= std::size(steps); ++last) {
        server.reset();
        recorder.events.clear();
        for (std::size_t i = 0; i < last; ++i)
            steps[i]();
        const auto before = recorder.told();
        exchange.reset();
        BOOST_TEST(clock.pending_calls() == 0U);
        network.flush();
        BOOST_TEST(network.open_connections() == 0U);
        BOOST_TEST((!server || server->reason.has_value()));
        clock.advance(1h);
        BOOST_TEST(recorder.told() == before);
    }
}

BOOST_AUTO_TEST_CASE(it_may_be_dropped_in_any_event) {
    for (const std::string at : {"head 200", "body a", "body b", "complete"}) {
        recorder.events.clear();
        recorder.on_event = [this, &at](const std::string& event) {
            if (event == at) exchange.reset();
        };
        ask();
        say(std::string(chunked_head) + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
        BOOST_TEST(recorder.events.back() == at);
        BOOST_TEST(network.open_connections() == 0U);
        BOOST_TEST(clock.pending_calls() == 0U);
    }
    recorder.on_event = [this](const std::string&) { exchange.reset(); };
    ask();
    say("nonsense");
    BOOST_TEST(recorder.events.back() == "failed");
    network.close_port(where);
    ask();
    BOOST_TEST(recorder.events.back() == "failed");
    network.set_unresponsive(where, true);
    ask();
    clock.advance(30s);
    BOOST_TEST(recorder.events.back() == "failed");
}

BOOST_AUTO_TEST_CASE(what_the_handler_throws_fails_it) {
    recorder.on_event = [](const std::string& event) {
        if (event == "body a") throw std::runtime_error("disk full");
    };
    ask();
    say(std::string(chunked_head) + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    BOOST_TEST(recorder.told() == "head 200 | body a | failed");
    BOOST_TEST(std::string(failed_with<std::runtime_error>().what()) == "disk full");
    BOOST_TEST(network.open_connections() == 0U);
}

BOOST_AUTO_TEST_CASE(what_it_throws_at_the_end_is_reported) {
    CaughtReports reports;
    recorder.on_event = [](const std::string& event) {
        if (event == "complete") throw std::runtime_error("disk full");
    };
    ask();
    say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    BOOST_TEST(recorder.told() == "head 200 | complete");
    reports.expect(1);
    BOOST_TEST(network.open_connections() == 0U);
}

BOOST_AUTO_TEST_CASE(what_follows_the_answer_is_nobodys) {
    ask();
    say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 Again\r\n\r\n");
    BOOST_TEST(recorder.told() == "head 200 | body a | complete");
}

BOOST_AUTO_TEST_CASE(a_request_that_cannot_be_written_is_refused_at_once) {
    HttpRequest request;
    request.head.headers.add("X", "a\r\nEvil: yes");
    BOOST_CHECK_THROW(start(std::move(request)), std::invalid_argument);
    BOOST_TEST(network.attempts() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(fetch, ExchangeFixture)

BOOST_AUTO_TEST_CASE(the_whole_answer_is_the_value) {
    auto answer = http_get(clock, *connector, Url::parse("http://db:5984/x"));
    network.flush();
    say(std::string(chunked_head) + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    BOOST_TEST_REQUIRE(answer.ready());
    const auto response = answer.take().value();
    BOOST_TEST(response.head.status == 200);
    BOOST_TEST(response.body.view() == "ab");
    BOOST_TEST(network.open_connections() == 0U);
    BOOST_TEST(server->story() == "made data end lost: done");
}

BOOST_AUTO_TEST_CASE(an_ipv6_host_stands_in_brackets) {
    network.listen({"::1", 80},
                   make_factory([this](const Address&) { return server = std::make_shared<ProtocolRecorder>(); }));
    const auto answer = http_fetch(clock, *connector, {"::1", 80}, HttpRequest());
    network.flush();
    BOOST_TEST(server->received.find("Host: [::1]:80\r\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_failure_is_the_failure) {
    options.limits.body_bytes = 1;
    auto answer = http_get(clock, *connector, Url::parse("http://db:5984/x"), options);
    network.flush();
    say(std::string(chunked_head) + "2\r\nab\r\n");
    BOOST_TEST_REQUIRE(answer.ready());
    BOOST_TEST((answer.take().failure().check<HttpLimitExceeded>() != nullptr));
    BOOST_TEST(network.open_connections() == 0U);
}

BOOST_AUTO_TEST_CASE(dropping_it_closes_the_socket) {
    {
        auto answer = http_get(clock, *connector, Url::parse("http://db:5984/x"));
        network.flush();
        BOOST_TEST(network.open_connections() == 1U);
    }
    network.flush();
    BOOST_TEST(network.open_connections() == 0U);
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(a_request_that_cannot_be_written_fails_it) {
    HttpRequest request;
    request.head.target = "a b";
    auto answer = http_fetch(clock, *connector, where, std::move(request));
    BOOST_TEST_REQUIRE(answer.ready());
    BOOST_TEST((answer.take().failure().check<std::invalid_argument>() != nullptr));
}

BOOST_AUTO_TEST_SUITE_END()

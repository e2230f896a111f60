#define BOOST_TEST_MODULE http_server
#include "plait/reactor/protocols/http_server.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocols/http_exchange.hpp"
#include "plait/reactor/testing/memory_network.hpp"
#include "plait/reactor/testing/memory_transport.hpp"

using namespace plait;                 // NOLINT
using namespace plait::testing;        // NOLINT
using namespace std::chrono_literals;  // NOLINT

namespace {

/// A connection to a server, held at its other end by the test.
struct Fixture {
    void open() {
        if (!factory) {
            factory = std::make_shared<HttpServerFactory>(
                clock,
                [this](HttpRequest request, HttpAnswer answer) {
                    asked.push_back(request.head.method + " " + request.head.target + " " + request.body.str());
                    answers.push_back(answer);
                    if (serve) serve(request, std::move(answer));
                },
                options);
        }
        transport.emplace(factory->build_protocol({"10.0.0.9", 1}));
    }

    /// What the server writes in answer to `text`, fed whole.
    std::string ask(std::string_view text) {
        if (!transport) open();
        transport->deliver(text);
        return transport->take_written();
    }

    void echo() {
        serve = [](const HttpRequest& request, const HttpAnswer& answer) {
            answer->respond(200, {}, Bytes::own("you asked for " + request.head.target));
        };
    }

    /// The answer asked for last. The next request is looked at in the next turn.
    HttpAnswer last() {
        BOOST_TEST_REQUIRE(!answers.empty());
        auto answer = std::move(answers.back());
        answers.pop_back();
        return answer;
    }

    ManualClock clock;
    HttpServerOptions options;
    std::function<void(const HttpRequest&, HttpAnswer)> serve;
    std::shared_ptr<HttpServerFactory> factory;
    std::vector<std::string> asked;
    std::vector<HttpAnswer> answers;
    std::optional<MemoryTransport> transport;
};

constexpr std::string_view get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

std::string get_path(const std::string& path, const std::string& more = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + more + "\r\n";
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(answers_on_the_wire, Fixture)

BOOST_AUTO_TEST_CASE(a_whole_answer_has_its_length) {
    echo();
    BOOST_TEST(ask(get) == "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nyou asked for /a");
    BOOST_TEST(!transport->disconnecting());
}

BOOST_AUTO_TEST_CASE(an_answer_of_unknown_length_is_chunked) {
    ask(get);
    const auto answer = last();
    answer->start(200, {{"X", "y"}});
    BOOST_TEST(transport->take_written() == "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n");
    answer->write(Bytes::own(std::string(26, 'x')));
    BOOST_TEST(transport->take_written() == "1a\r\n" + std::string(26, 'x') + "\r\n");
    answer->write(Bytes());
    BOOST_TEST(transport->take_written() == "");
    answer->finish();
    BOOST_TEST(transport->take_written() == "0\r\n\r\n");
    BOOST_TEST(answer->finished());
    BOOST_TEST(!transport->disconnecting());
}

BOOST_AUTO_TEST_CASE(an_http_1_0_client_gets_neither_chunks_nor_another_answer) {
    ask("GET / HTTP/1.0\r\n\r\n");
    const auto answer = last();
    answer->start(200);
    answer->write(Bytes::borrow("all"));
    answer->finish();
    BOOST_TEST(transport->take_written() == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall");
    BOOST_TEST(transport->disconnecting());
}

BOOST_AUTO_TEST_CASE(an_http_1_0_client_that_asks_for_it_keeps_its_connection) {
    echo();
    BOOST_TEST(ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") ==
               "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: keep-alive\r\n\r\nyou asked for /");
    BOOST_TEST(!transport->disconnecting());
}

BOOST_AUTO_TEST_CASE(head_and_bodiless_statuses_get_no_body) {
    echo();
    BOOST_TEST(ask("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n") == "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n");
    serve = [](const HttpRequest&, const HttpAnswer& answer) { answer->respond(204, {}, Bytes::borrow("no")); };
    BOOST_TEST(ask(get) == "HTTP/1.1 204 No Content\r\n\r\n");
    serve = [](const HttpRequest&, const HttpAnswer& answer) {
        answer->start(304, {{"ETag", "\"x\""}});
        answer->write(Bytes::borrow("no"));
        answer->finish();
    };
    BOOST_TEST(ask(get) == "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(the_connection_closes_when_either_side_says_so) {
    echo();
    BOOST_TEST(ask(get_path("/a", "Connection: close\r\n")).find("Connection: close\r\n") != std::string::npos);
    BOOST_TEST(transport->disconnecting());
    transport.reset();
    serve = [](const HttpRequest&, const HttpAnswer& answer) {
        answer->respond(200, {{"Connection", "close"}}, Bytes());
    };
    ask(get);
    BOOST_TEST(transport->disconnecting());
}

BOOST_AUTO_TEST_CASE(more_or_less_of_a_body_than_promised_is_refused) {
    ask(get);
    auto answer = last();
    answer->start(200, {{"Content-Length", "3"}});
    answer->write(Bytes::borrow("ab"));
    BOOST_CHECK_THROW(answer->write(Bytes::borrow("cd")), InvalidState);
    BOOST_TEST(transport->aborted());

    open();
    ask(get);
    answer = last();
    answer->start(200, {{"Content-Length", "3"}});
    answer->write(Bytes::borrow("ab"));
    BOOST_CHECK_THROW(answer->finish(), InvalidState);
    BOOST_TEST(transport->aborted());
}

BOOST_AUTO_TEST_CASE(calls_out_of_order_are_refused) {
    const auto refused = [this](const std::function<void(HttpResponseWriter&)>& call) {
        open();
        ask(get);
        BOOST_CHECK_THROW(call(*last()), InvalidState);
        BOOST_TEST(transport->aborted());
    };
    refused([](auto& answer) { answer.write(Bytes::borrow("x")); });
    refused([](auto& answer) { answer.finish(); });
    refused([](auto& answer) {
        answer.start(200);
        answer.start(200);
    });
}

BOOST_AUTO_TEST_CASE(a_head_that_cannot_be_written_sends_nothing) {
    ask(get);
    const auto answer = last();
    BOOST_CHECK_THROW(answer->start(200, {{"X", "a\r\nb"}}), std::invalid_argument);
    BOOST_CHECK_THROW(answer->start(200, {{"Content-Length", "x"}}), std::invalid_argument);
    BOOST_CHECK_THROW(answer->start(100), std::invalid_argument);
    BOOST_TEST(transport->take_written() == "");
    answer->respond(500, {}, Bytes());
    BOOST_TEST(transport->take_written() == "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(raw_bytes_go_out_as_they_are_and_the_connection_closes_after_them) {
    ask(get);
    auto answer = last();
    answer->start(200);
    answer->write(Bytes::borrow("ab"));
    transport->take_written();
    answer->write_raw(Bytes::borrow("zz\r\n"));
    answer->finish();
    BOOST_TEST(transport->take_written() == "zz\r\n");
    BOOST_TEST(transport->disconnecting());
}

BOOST_AUTO_TEST_CASE(close_sends_what_is_queued_and_abort_does_not) {
    ask(get);
    auto answer = last();
    answer->start(200);
    answer->close();
    BOOST_TEST(transport->disconnecting());
    BOOST_TEST(!transport->aborted());
    open();
    ask(get);
    answer = last();
    answer->start(200);
    answer->abort();
    BOOST_TEST(transport->aborted());
}

BOOST_AUTO_TEST_CASE(a_request_let_go_of_is_answered_all_the_same) {
    serve = [this](const HttpRequest&, const HttpAnswer&) { answers.clear(); };
    const auto text = ask(get);
    BOOST_TEST(text.starts_with("HTTP/1.1 500 "));
    BOOST_TEST(!transport->disconnecting());
    serve = [this](const HttpRequest&, const HttpAnswer& answer) {
        answer->start(200);
        answers.clear();
    };
    ask(get);
    BOOST_TEST(transport->aborted());
}

BOOST_AUTO_TEST_CASE(what_the_handler_throws_is_reported_and_answered) {
    plait::testing::CaughtReports reports;
    serve = [](const HttpRequest&, const HttpAnswer&) { throw std::runtime_error("cannot"); };
    BOOST_TEST(ask(get).starts_with("HTTP/1.1 500 "));
    reports.expect(1);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(requests, Fixture)

BOOST_AUTO_TEST_CASE(bodies_arrive_whole) {
    echo();
    ask("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
    BOOST_TEST(asked.empty());
    ask("llo");
    ask("POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
    BOOST_TEST((asked == std::vector<std::string>{"POST /b hello", "POST /c hello"}));
}

BOOST_AUTO_TEST_CASE(a_client_that_waits_to_send_its_body_is_told_to_go_on) {
    echo();
    BOOST_TEST(ask("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n") ==
               "HTTP/1.1 100 Continue\r\n\r\n");
    BOOST_TEST(ask("hi").starts_with("HTTP/1.1 200 OK"));
}

BOOST_AUTO_TEST_CASE(pipelined_requests_are_answered_one_after_the_other) {
    ask(get_path("/1") + get_path("/2") + get_path("/3"));
    BOOST_TEST(asked.size() == 1U);
    last()->respond(200, {}, Bytes::borrow("one"));
    BOOST_TEST(asked.size() == 1U);  // not from inside finish()
    clock.advance(0s);
    BOOST_TEST(asked.size() == 2U);
    last()->respond(200, {}, Bytes::borrow("two"));
    clock.advance(0s);
    last()->respond(200, {}, Bytes::borrow("three"));
    BOOST_TEST(asked.size() == 3U);
    const auto text = transport->take_written();
    BOOST_TEST(text.find("one") < text.find("two"));
    BOOST_TEST(text.find("two") < text.find("three"));
}

BOOST_AUTO_TEST_CASE(ten_thousand_requests_in_one_piece_need_no_stack) {
    echo();
    std::string text;
    for (int i = 0; i < 10'000; ++i)
        text += get;
    ask(text);
    BOOST_TEST(asked.size() == 10'000U);
}

BOOST_AUTO_TEST_CASE(reading_stops_while_an_answer_is_under_way_and_much_is_waiting) {
    std::string text;
    while (text.size() < 100'000)
        text += get;
    ask(text);
    BOOST_TEST(transport->reading_paused());
    last()->respond(200, {}, Bytes());
    BOOST_TEST(!transport->reading_paused());
}

BOOST_AUTO_TEST_CASE(a_malformed_request_is_answered_400_and_the_connection_closed) {
    echo();
    for (const std::string_view text : {"nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01",
                                        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"}) {
        transport.reset();
        const auto answer = ask(text);
        BOOST_TEST(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"));
        BOOST_TEST(answer.find("Connection: close\r\n") != std::string::npos);
        BOOST_TEST(transport->write_closed());
    }
    BOOST_TEST(asked.empty());
    transport.reset();
    const auto both = ask(std::string(get) + "nonsense\r\n\r\n");
    BOOST_TEST(both.starts_with("HTTP/1.1 200 OK"));
    BOOST_TEST(both.find("HTTP/1.1 400 ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(requests_above_a_limit_are_told_which) {
    options.limits.body_bytes = 10;
    options.limits.head_bytes = 100;
    BOOST_TEST(ask("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n").starts_with("HTTP/1.1 413 "));
    BOOST_TEST(transport->write_closed());
    transport.reset();
    BOOST_TEST(ask(get_path(std::string(200, 'x'))).starts_with("HTTP/1.1 431 "));
    BOOST_TEST(transport->write_closed());
}

BOOST_AUTO_TEST_CASE(a_slow_head_is_given_up) {
    open();
    clock.advance(59s);
    ask("GET / HT");
    clock.advance(29s);
    BOOST_TEST(ask("TP/1.1\r\n") == "");
    clock.advance(1s);
    BOOST_TEST(transport->take_written().starts_with("HTTP/1.1 408 "));
    BOOST_TEST(transport->write_closed());
}

BOOST_AUTO_TEST_CASE(and_so_is_a_slow_body) {
    ask("PUT / HTTP/1.1\r\nHost: h\r\n");
    clock.advance(20s);
    ask("Content-Length: 100\r\n\r\n");
    for (int i = 0; i < 39; ++i) {
        clock.advance(1s);
        BOOST_TEST(ask("x") == "");
    }
    clock.advance(1s);
    BOOST_TEST(transport->take_written().starts_with("HTTP/1.1 408 "));
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_closed_without_a_word_and_an_answer_may_take_its_time) {
    ask(get);
    clock.advance(1h);
    BOOST_TEST(!transport->disconnecting());
    last()->respond(200, {}, Bytes());
    transport->take_written();
    clock.advance(1min);
    BOOST_TEST(transport->disconnecting());
    BOOST_TEST(transport->take_written() == "");
}

BOOST_AUTO_TEST_CASE(a_client_may_close_its_direction_and_still_gets_its_answers) {
    ask(get_path("/1") + get_path("/2"));
    transport->deliver_end();
    BOOST_TEST(!transport->disconnecting());
    last()->respond(200, {}, Bytes());
    clock.advance(0s);
    BOOST_TEST(!transport->disconnecting());
    last()->respond(200, {}, Bytes());
    clock.advance(0s);
    BOOST_TEST(transport->disconnecting());
}

BOOST_AUTO_TEST_CASE(a_client_that_closes_between_requests_is_let_go) {
    open();
    transport->deliver_end();
    BOOST_TEST(transport->disconnecting());
    open();
    ask("GET / HT");
    transport->deliver_end();
    BOOST_TEST(transport->disconnecting());
    BOOST_TEST(transport->take_written() == "");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(lifetimes, Fixture)

BOOST_AUTO_TEST_CASE(an_answer_outlives_its_connection_and_is_told) {
    ask(get);
    const auto answer = last();
    std::string told;
    answer->on_connection_lost([&told](const Failure& reason) { told = reason.message(); });
    answer->start(200);
    transport->lose_broken();
    BOOST_TEST(told != "");
    BOOST_TEST(answer->finished());
    answer->write(Bytes::borrow("x"));
    answer->finish();
    answer->abort();
    auto room = answer->drained();
    BOOST_TEST_REQUIRE(room.ready());
    BOOST_TEST((room.take().failure().check<ConnectionLost>() != nullptr));
    BOOST_TEST(factory->open_connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_finished_answer_is_not_told) {
    ask(get);
    const auto answer = last();
    bool told = false;
    answer->on_connection_lost([&told](const Failure&) { told = true; });
    answer->respond(200, {}, Bytes());
    transport->lose_broken();
    BOOST_TEST(!told);
}

BOOST_AUTO_TEST_CASE(the_callback_for_a_loss_may_own_the_answer) {
    ask(get);
    auto answer = last();
    std::weak_ptr<HttpResponseWriter> watched = answer;
    auto* const bare = answer.get();
    bare->on_connection_lost([kept = std::move(answer)](const Failure&) {});
    bare->respond(200, {}, Bytes());
    BOOST_TEST(watched.expired());

    clock.advance(0s);
    ask(get);
    answer = last();
    watched = answer;
    auto* const other = answer.get();
    other->on_connection_lost([kept = std::move(answer)](const Failure&) {});
    transport->lose_broken();
    BOOST_TEST(watched.expired());
}

BOOST_AUTO_TEST_CASE(drained_waits_for_room) {
    ask(get);
    const auto answer = last();
    answer->start(200);
    transport->take_written();
    answer->write(Bytes::own(std::string(100'000, 'x')));
    auto room = answer->drained();
    BOOST_TEST(!room.ready());
    transport->take_written();
    BOOST_TEST(room.ready());
}

BOOST_AUTO_TEST_CASE(stopping_aborts_every_connection_and_drops_the_handler) {
    auto counted = std::make_shared<int>(0);
    factory = std::make_shared<HttpServerFactory>(
        clock, [this, counted](HttpRequest, HttpAnswer answer) { answers.push_back(std::move(answer)); });
    ask(get);
    BOOST_TEST(counted.use_count() == 2);
    factory->stop();
    BOOST_TEST(counted.use_count() == 1);
    BOOST_TEST(transport->aborted());
    BOOST_TEST((factory->build_protocol({"10.0.0.9", 2}) == nullptr));
    last()->respond(200, {}, Bytes());
    transport->lose_broken();
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(the_handler_may_stop_the_server) {
    serve = [this](const HttpRequest&, const HttpAnswer&) { factory->stop(); };
    ask(std::string(get) + std::string(get));
    BOOST_TEST(asked.size() == 1U);
    BOOST_TEST(transport->aborted());
}

BOOST_AUTO_TEST_CASE(connections_outlive_the_factory) {
    echo();
    open();
    factory.reset();
    BOOST_TEST(ask(get).starts_with("HTTP/1.1 200 OK"));
}

BOOST_AUTO_TEST_CASE(the_connection_may_end_in_any_state) {
    for (int state = 0; state < 5; ++state) {
        open();
        if (state == 1) ask("GET /");
        if (state >= 2) ask(get_path("/1") + get_path("/2"));
        if (state == 3) answers.back()->start(200);
        if (state == 4) answers.back()->respond(200, {}, Bytes());
        transport->lose_broken();
        BOOST_TEST(clock.pending_calls() == 0U);
        answers.clear();
    }
    BOOST_TEST(factory->open_connections() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(with_our_client, Fixture)

BOOST_AUTO_TEST_CASE(client_and_server_understand_each_other_byte_by_byte) {
    serve = [](const HttpRequest& request, const HttpAnswer& answer) {
        answer->start(200, {{"Content-Type", "text/plain"}});
        answer->write(Bytes::own(request.head.target));
        answer->write(request.body);
        answer->finish();
    };
    open();
    MemoryNetwork network;
    network.listen({"web", 80}, factory);
    network.set_bytes_per_step(1);
    const auto connector = network.connector();
    const auto url = Url::parse("http://web/x%20y?z");
    auto answer =
        http_fetch(clock, *connector, url.host_port(), make_http_request(url, "POST", Bytes::borrow(" and a body")));
    network.flush();
    BOOST_TEST_REQUIRE(answer.ready());
    const auto response = answer.take().value();
    BOOST_TEST(response.body.view() == "/x%20y?z and a body");
    BOOST_TEST(response.head.headers.find("content-type").value() == "text/plain");
    BOOST_TEST(network.open_connections() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

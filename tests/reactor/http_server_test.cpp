#define BOOST_TEST_MODULE http_server
#include "plait/reactor/protocols/http_server.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocols/http_exchange.hpp"
#include "plait/reactor/testing/memory_network.hpp"
#include "plait/tests/reactor/http_server_fixture.hpp"

using namespace plait;                 // NOLINT
using namespace plait::testing;        // NOLINT
using namespace std::chrono_literals;  // NOLINT

BOOST_FIXTURE_TEST_SUITE(requests, AskedServer)

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
    BOOST_TEST(ask(get_path("/" + std::string(200, 'x'))).starts_with("HTTP/1.1 414 "));
    BOOST_TEST(transport->write_closed());
    transport.reset();
    BOOST_TEST(ask(get_path("/", "X: " + std::string(200, 'x') + "\r\n")).starts_with("HTTP/1.1 431 "));
    BOOST_TEST(transport->write_closed());
}

BOOST_AUTO_TEST_CASE(a_target_that_is_a_whole_address_becomes_a_path_and_the_host) {
    std::string host;
    serve = [&host](const HttpRequest& request, const HttpAnswer& answer) {
        host = request.head.headers.find("Host").value_or("");
        BOOST_TEST(request.head.headers.count("Host") == 1U);
        answer->respond(200, {}, Bytes());
    };
    ask("GET HTTP://other:81/x?y HTTP/1.1\r\nHost: h\r\n\r\n");
    BOOST_TEST(host == "other:81");
    ask("GET https://other?y HTTP/1.0\r\n\r\n");
    BOOST_TEST(host == "other");
    BOOST_TEST((asked == std::vector<std::string>{"GET /x?y ", "GET /?y "}));
}

BOOST_AUTO_TEST_CASE(what_a_body_is_encoded_in_is_the_handlers_affair) {
    std::string encoding;
    serve = [&encoding](const HttpRequest& request, const HttpAnswer& answer) {
        encoding = request.head.headers.find("Content-Encoding").value_or("");
        answer->respond(200, {}, Bytes());
    };
    ask(put("Content-Encoding: gzip\r\nContent-Length: 2\r\n", "\x1f\x8b"));
    BOOST_TEST(encoding == "gzip");
    BOOST_TEST((asked == std::vector<std::string>{"PUT /a \x1f\x8b"}));
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

BOOST_FIXTURE_TEST_SUITE(lifetimes, AskedServer)

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

BOOST_FIXTURE_TEST_SUITE(with_our_client, AskedServer)

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

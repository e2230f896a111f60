#define BOOST_TEST_MODULE http_response_writer
#include "plait/reactor/protocols/http_response_writer.hpp"

#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/tests/reactor/http_server_fixture.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT

BOOST_FIXTURE_TEST_SUITE(answers_on_the_wire, AskedServer)

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
    serve = [](const HttpRequest&, const HttpAnswer& answer) {
        answer->respond(204, {{"Content-Length", "2"}, {"Transfer-Encoding", "chunked"}}, Bytes::borrow("no"));
    };
    BOOST_TEST(ask(get) == "HTTP/1.1 204 No Content\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_head_of_another_message_may_be_sent_on) {
    serve = [](const HttpRequest&, const HttpAnswer& answer) {
        answer->start(200, {{"Transfer-Encoding", "Chunked"}, {"Connection", "keep-alive"}});
        answer->finish();
    };
    BOOST_TEST(ask(get) == "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    BOOST_TEST(ask("GET / HTTP/1.0\r\n\r\n") ==
               "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n");
    open();
    serve = [](const HttpRequest&, const HttpAnswer& answer) {
        answer->respond(200, {{"Transfer-Encoding", "chunked"}}, Bytes::borrow("ab"));
    };
    BOOST_TEST(ask(get) == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
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
    BOOST_TEST(transport->write_closed());  // and waits for the client, who may have sent more
    BOOST_TEST(!transport->disconnecting());
    transport->deliver_end();
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
    BOOST_CHECK_THROW(answer->start(200, {{"Content-Length", "1"}, {"Content-Length", "2"}}), std::invalid_argument);
    BOOST_CHECK_THROW(answer->start(200, {{"Transfer-Encoding", "gzip"}}), std::invalid_argument);
    const HttpHeaders twice{{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}};
    BOOST_CHECK_THROW(answer->start(200, twice), std::invalid_argument);
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
    BOOST_TEST(transport->write_closed());
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

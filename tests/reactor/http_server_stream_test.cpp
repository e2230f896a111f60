// The server's side where things do not go by whole requests: streamed bodies, early answers, lingering, bounds.
#define BOOST_TEST_MODULE http_server_stream
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocols/http_client.hpp"
#include "plait/reactor/testing/memory_network.hpp"
#include "plait/tests/reactor/http_server_fixture.hpp"

using namespace plait;                 // NOLINT
using namespace plait::testing;        // NOLINT
using namespace std::chrono_literals;  // NOLINT

BOOST_FIXTURE_TEST_SUITE(bodies, StreamingServer)

BOOST_AUTO_TEST_CASE(a_request_is_there_with_its_head_and_its_body_is_read_as_it_comes) {
    ask(put("Content-Length: 6\r\n"));
    BOOST_TEST_REQUIRE(requests.size() == 1U);
    BOOST_TEST(requests[0].head.target == "/a");
    BOOST_TEST(requests[0].peer.str() == transport->peer().str());
    auto first = read();
    no_result(first);
    ask("abc");
    BOOST_TEST(success_of(first).str() == "abc");
    ask("def");
    auto second = read();
    BOOST_TEST(success_of(second).str() == "def");
    auto end = read();
    BOOST_TEST(success_of(end).empty());
    respond();
    BOOST_TEST(transport->take_written().starts_with("HTTP/1.1 200 OK\r\n"));
    ask(get);
    BOOST_TEST(requests.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_request_without_a_body_has_an_empty_one) {
    ask(get);
    auto end = read();
    BOOST_TEST(success_of(end).empty());
    respond();
    BOOST_TEST(!transport->disconnecting());
}

BOOST_AUTO_TEST_CASE(who_does_not_read_holds_up_the_client) {
    options.limits.body_bytes.reset();
    ask(put("Content-Length: 1000000\r\n"));
    ask(std::string(100'000, 'x'));
    BOOST_TEST(transport->reading_paused());
    clock.advance(1h);
    BOOST_TEST(!transport->disconnecting());
    auto piece = read();
    BOOST_TEST(success_of(piece).size() == 100'000U);
    BOOST_TEST(!transport->reading_paused());
}

BOOST_AUTO_TEST_CASE(a_client_that_sends_nothing_while_somebody_reads_is_given_up) {
    ask(put("Content-Length: 10\r\n"));
    ask("ab");
    auto first = read();
    success_of(first);
    auto second = read();
    clock.advance(60s);
    BOOST_TEST((failure_of<HttpTimeout>(second).waiting() == HttpTimeout::Waiting::body));
    BOOST_TEST(transport->aborted());
}

BOOST_AUTO_TEST_CASE(a_body_that_is_cut_fails) {
    ask(put("Content-Length: 10\r\n", "ab"));
    auto first = read();
    success_of(first);
    auto second = read();
    transport->deliver_end();
    BOOST_TEST((failure_of<HttpTruncated>(second).where() == HttpTruncated::Where::body));
    BOOST_TEST(transport->disconnecting());
    transport->lose_broken();
    transport.reset();
    ask(put("Content-Length: 10\r\n", "ab"));
    auto broken = read();
    success_of(broken);
    broken = read();
    transport->lose_broken();
    failure_of<ConnectionLost>(broken);
}

BOOST_AUTO_TEST_CASE(a_malformed_body_fails_and_is_answered_400_unless_its_reader_answers) {
    ask(put("Transfer-Encoding: chunked\r\n"));
    auto piece = read();
    const auto told = ask("x\r\n");
    failure_of<HttpMalformed>(piece);
    BOOST_TEST(told.starts_with("HTTP/1.1 400 "));
    BOOST_TEST(answers.back()->finished());
    BOOST_TEST(transport->write_closed());

    transport.reset();
    ask(put("Transfer-Encoding: chunked\r\n"));
    auto answered = read().add_errback([this](const Failure&) {
        respond(422);
        return Bytes();
    });
    const auto answered_so = ask("x\r\n");
    BOOST_TEST(answered_so.starts_with("HTTP/1.1 422 "));
    BOOST_TEST(answered_so.find("HTTP/1.1 400 ") == std::string::npos);
    BOOST_TEST(transport->write_closed());
    success_of(answered);
}

BOOST_AUTO_TEST_CASE(and_cuts_an_answer_that_has_begun) {
    ask(put("Transfer-Encoding: chunked\r\n"));
    answers.back()->start(200);
    transport->take_written();
    BOOST_TEST(ask("x\r\n") == "");
    BOOST_TEST(transport->aborted());
}

BOOST_AUTO_TEST_CASE(a_body_in_chunks_above_the_limit_is_answered_413) {
    options.limits.body_bytes = 10;
    ask(put("Transfer-Encoding: chunked\r\n", "8\r\n12345678\r\n"));
    auto first = read();
    success_of(first);
    auto second = read();
    BOOST_TEST(ask("8\r\n12345678\r\n").starts_with("HTTP/1.1 413 "));
    failure_of<HttpLimitExceeded>(second);
}

BOOST_AUTO_TEST_CASE(continue_is_said_by_the_first_read) {
    BOOST_TEST(ask(put("Content-Length: 2\r\nExpect: 100-continue\r\n")) == "");
    auto piece = read();
    BOOST_TEST(transport->take_written() == "HTTP/1.1 100 Continue\r\n\r\n");
    ask("ab");
    BOOST_TEST(success_of(piece).str() == "ab");
    respond();
    BOOST_TEST(transport->take_written().find("Connection: close") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(or_by_an_answer_that_begins_before_while_the_body_is_wanted) {
    ask(put("Content-Length: 2\r\nExpect: 100-continue\r\n"));
    answers.back()->start(200);
    BOOST_TEST(transport->take_written().starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
    auto piece = read();
    BOOST_TEST(transport->take_written() == "");
    ask("ab");
    BOOST_TEST(success_of(piece).str() == "ab");
    answers.back()->finish();
    BOOST_TEST(!transport->write_closed());
}

BOOST_AUTO_TEST_CASE(nor_to_a_client_that_does_not_wait_for_it) {
    BOOST_TEST(ask(put("Content-Length: 4\r\nExpect: 100-continue\r\n", "ab")) == "");
    auto first = read();
    BOOST_TEST(success_of(first).str() == "ab");
    auto second = read();
    BOOST_TEST(ask("cd") == "");
    BOOST_TEST(success_of(second).str() == "cd");
    respond();
    BOOST_TEST(transport->take_written().find("Connection: close") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_answer_instead_of_continue_ends_the_connection) {
    ask(put("Content-Length: 2\r\nExpect: 100-continue\r\n"));
    respond(403);
    const auto told = transport->take_written();
    BOOST_TEST(told.starts_with("HTTP/1.1 403 "));
    BOOST_TEST(told.find("Connection: close\r\n") != std::string::npos);
    BOOST_TEST(transport->write_closed());
}

BOOST_AUTO_TEST_CASE(continue_is_never_said_within_an_answer) {
    ask(put("Content-Length: 2\r\nExpect: 100-continue\r\n"));
    answers.back()->start(403);
    transport->take_written();
    auto piece = read();
    BOOST_TEST(transport->take_written() == "");
}

BOOST_AUTO_TEST_CASE(a_body_nobody_wants_is_thrown_away_and_the_next_request_taken) {
    serve = [this] {
        requests.clear();
        respond();
    };
    BOOST_TEST(ask(put("Content-Length: 4\r\n", "ab")).starts_with("HTTP/1.1 200 "));
    BOOST_TEST(ask("cd") == "");
    BOOST_TEST(ask(get).starts_with("HTTP/1.1 200 "));
    BOOST_TEST(!transport->write_closed());
}

BOOST_AUTO_TEST_CASE(if_it_comes_in_time) {
    serve = [this] {
        requests.clear();
        respond();
    };
    ask(put("Content-Length: 4\r\n", "ab"));
    clock.advance(5s - 1ns);
    BOOST_TEST(!transport->write_closed());
    clock.advance(1ns);
    BOOST_TEST(transport->write_closed());
    BOOST_TEST(!transport->disconnecting());
}

BOOST_AUTO_TEST_CASE(nor_does_who_answers_first_wait_longer_for_a_body_that_nobody_wants) {
    serve = [this] {
        respond();
        requests.clear();
    };
    for (const auto* const more : {"", "Connection: close\r\n"}) {
        transport.reset();
        ask(put("Content-Length: 4\r\n" + std::string(more), "ab"));
        clock.advance(5s - 1ns);
        BOOST_TEST(!transport->disconnecting(), more);
        clock.advance(5s + 1ns);  // another one, where the client was to stay, for it to read the end
        BOOST_TEST(transport->disconnecting(), more);
    }
}

BOOST_AUTO_TEST_CASE(and_an_answered_body_may_still_come) {
    serve = [this] {
        respond();
        requests.clear();
    };
    ask(put("Content-Length: 4\r\n", "ab"));
    clock.advance(4s);
    BOOST_TEST(ask("cd") == "");
    clock.advance(4s);
    BOOST_TEST(ask(get).starts_with("HTTP/1.1 200 "));
    BOOST_TEST(!transport->write_closed());
}

BOOST_AUTO_TEST_CASE(who_drops_a_body_lets_the_client_go_on_and_takes_his_time) {
    options.limits.body_bytes.reset();
    ask(put("Content-Length: 200000\r\n"));
    ask(std::string(100'000, 'x'));
    BOOST_TEST(transport->reading_paused());
    requests.clear();
    clock.advance(0s);
    BOOST_TEST(!transport->reading_paused());
    ask("x");
    clock.advance(1h);
    BOOST_TEST(!transport->disconnecting());
    ask(std::string(99'999, 'x'));
    respond();
    BOOST_TEST(transport->take_written().starts_with("HTTP/1.1 200 "));
    BOOST_TEST(!transport->write_closed());
}

BOOST_AUTO_TEST_CASE(and_so_he_may_when_he_read_some_of_it) {
    ask(put("Content-Length: 4\r\n", "ab"));
    auto piece = read();
    success_of(piece);
    requests.clear();
    clock.advance(1h);
    BOOST_TEST(!transport->disconnecting());
}

BOOST_AUTO_TEST_CASE(but_only_so_much_of_it) {
    options.limits.body_bytes.reset();
    options.linger_bytes = 1000;
    serve = [this] {
        requests.clear();
        respond();
    };
    ask(put("Content-Length: 1000000\r\n", "ab"));
    ask(std::string(1000, 'x'));
    BOOST_TEST(transport->write_closed());
    BOOST_TEST(!transport->disconnecting());
    ask(std::string(1001, 'x'));
    BOOST_TEST(transport->disconnecting());
}

BOOST_AUTO_TEST_CASE(a_reader_may_outlive_its_connection_and_the_server) {
    ask(put("Content-Length: 10\r\n", "ab"));
    transport->lose_broken();
    factory.reset();
    transport.reset();
    auto first = requests.back().body.read();
    BOOST_TEST(success_of(first).str() == "ab");
    auto second = requests.back().body.read();
    failure_of(second);
    requests.clear();
    answers.clear();
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_is_reported_and_the_client_told) {
    CaughtReports reports;
    serve = [] { throw std::runtime_error("no idea"); };
    BOOST_TEST(ask(put("Content-Length: 4\r\n", "ab")).starts_with("HTTP/1.1 500 "));
    BOOST_TEST(reports.take().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_handler_may_stop_the_server_while_a_body_comes) {
    serve = [this] { factory->stop(); };
    ask(put("Content-Length: 4\r\n", "ab"));
    BOOST_TEST(transport->aborted());
    transport->lose_broken();
    auto piece = requests.back().body.read();
    failure_of(piece);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

struct AllAnswered : AskedServer {
    AllAnswered() {
        serve = [](const HttpRequest&, const HttpAnswer& answer) { answer->respond(200, {}, Bytes()); };
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(ends, AllAnswered)

BOOST_AUTO_TEST_CASE(who_is_refused_is_listened_to_until_he_stops) {
    options.limits.body_bytes = 10;
    BOOST_TEST(ask(put("Content-Length: 1000\r\n")).starts_with("HTTP/1.1 413 "));
    BOOST_TEST(transport->write_closed());
    BOOST_TEST(ask(std::string(500, 'x')) == "");
    BOOST_TEST(!transport->disconnecting());
    transport->deliver_end();
    BOOST_TEST(transport->disconnecting());
    BOOST_TEST(!transport->aborted());
    transport->lose_cleanly();
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(but_not_for_ever) {
    options.limits.body_bytes = 10;
    ask(put("Content-Length: 1000\r\n"));
    clock.advance(5s - 1ns);
    BOOST_TEST(!transport->disconnecting());
    clock.advance(1ns);
    BOOST_TEST(transport->disconnecting());
    BOOST_TEST(!transport->aborted());
}

BOOST_AUTO_TEST_CASE(nor_for_whatever_he_sends) {
    options.limits.body_bytes = 10;
    options.linger_bytes = 100'000;
    ask(put("Content-Length: 1000000\r\n"));
    ask(std::string(100'000, 'x'));
    BOOST_TEST(!transport->disconnecting());
    ask("x");
    BOOST_TEST(transport->aborted());
}

BOOST_AUTO_TEST_CASE(who_does_not_take_his_answer_is_dropped) {
    transport.reset();
    ask("");
    transport->deliver("nonsense\r\n\r\n");
    clock.advance(5s);
    BOOST_TEST(!transport->aborted());
    clock.advance(5s);
    BOOST_TEST(transport->aborted());
}

BOOST_AUTO_TEST_CASE(an_expectation_that_is_not_known_is_answered_417) {
    BOOST_TEST(ask(put("Content-Length: 1\r\nExpect: a-miracle\r\n", "x")).starts_with("HTTP/1.1 417 "));
    BOOST_TEST(transport->write_closed());
    transport.reset();
    BOOST_TEST(ask(put("Content-Length: 1\r\nExpect: 100-Continue\r\n")).starts_with("HTTP/1.1 100 Continue\r\n\r\n"));
    BOOST_TEST(ask("x").starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(another_version_is_answered_505) {
    BOOST_TEST(ask("GET / HTTP/2.0\r\nHost: h\r\n\r\n").starts_with("HTTP/1.1 505 "));
}

BOOST_AUTO_TEST_CASE(connections_are_bounded) {
    options.most_connections = 2;
    open();
    std::optional<MemoryTransport> second(factory->build_protocol({"10.0.0.9", 2}));
    MemoryTransport third(factory->build_protocol({"10.0.0.9", 3}));
    BOOST_TEST(third.written().starts_with("HTTP/1.1 503 "));
    BOOST_TEST(third.write_closed());
    third.lose_cleanly();
    second->lose_cleanly();
    MemoryTransport fourth(factory->build_protocol({"10.0.0.9", 4}));
    BOOST_TEST(fourth.written().empty());
}

BOOST_AUTO_TEST_CASE(requests_on_a_connection_are_bounded) {
    options.requests_per_connection = 2;
    BOOST_TEST(ask(get).find("Connection: close") == std::string::npos);
    BOOST_TEST(ask(get).find("Connection: close") != std::string::npos);
    BOOST_TEST(transport->write_closed());
    BOOST_TEST(ask(get) == "");
    transport->deliver_end();
    BOOST_TEST(transport->disconnecting());
    BOOST_TEST(!transport->aborted());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(a_client_that_still_sends_sees_why_it_was_refused) {
    ManualClock clock;
    MemoryNetwork network;
    HttpServerOptions options;
    options.limits.body_bytes = 1000;
    network.listen({"web", 80},
                   std::make_shared<HttpServerFactory>(clock, [](const HttpRequest&, const HttpAnswer&) {}, options));
    network.set_bytes_per_step(1000);
    HttpClient client(clock, network.connector());
    auto response = client.request("PUT", Url::parse("http://web/"), {}, Bytes::own(std::string(500'000, 'x')));
    for (int i = 0; i < 5; ++i) {
        network.flush();
        clock.advance(0s);
    }
    BOOST_TEST(success_of(response).head.status == 413);
}

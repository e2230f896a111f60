// HttpClient: what is sent again, limits and ends. Its connections are http_pool_test.cpp, its handlers and streams
// http_calls_test.cpp.
#define BOOST_TEST_MODULE http_client
#include "plait/reactor/protocols/http_client.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "plait/reactor/errors.hpp"
#include "plait/tests/reactor/http_scripts.hpp"

using namespace plait;                 // NOLINT
using namespace plait::testing;        // NOLINT
using namespace std::chrono_literals;  // NOLINT

BOOST_FIXTURE_TEST_SUITE(again, HttpClientFixture)

/// The client has sent its request, and the server has closed before it saw it.
struct Stale : HttpClientFixture {
    Deferred<HttpResponse> ask(const char* method, Bytes body = {}) {
        auto warm = get();
        settle();
        say(0, answer("warm"));
        success_of(warm);
        auto response = client().request(method, Url::parse("http://db/again"), {}, std::move(body));
        scripts.at(0)->transport().abort_connection();
        settle();
        return response;
    }
};

BOOST_FIXTURE_TEST_CASE(a_repeatable_request_that_met_a_closed_connection_is_sent_once_more, Stale) {
    auto response = ask("PUT", Bytes::borrow("text"));
    BOOST_TEST_REQUIRE(scripts.size() == 2U);
    BOOST_TEST(scripts.at(1)->received.starts_with("PUT /again "));
    BOOST_TEST(scripts.at(1)->received.ends_with("\r\n\r\ntext"));
    say(1, answer("yes"));
    BOOST_TEST(body_of(response) == "yes");
}

BOOST_FIXTURE_TEST_CASE(but_only_once, Stale) {
    auto response = ask("GET");
    scripts.at(1)->transport().abort_connection();
    settle();
    const auto failure = failure_of(response);
    BOOST_TEST((failure.check<ConnectionLost>() != nullptr), failure.message());
    BOOST_TEST(scripts.size() == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_post_is_never_sent_twice, Stale) {
    auto response = ask("POST");
    failure_of<ConnectionLost>(response);
    BOOST_TEST(scripts.size() == 1U);
}

/// A request on a connection that was used before, answered in part.
struct AnsweredInPart : HttpClientFixture {
    Deferred<HttpResponse> ask() {
        echo();
        auto warm = get();
        settle();
        scripts.at(0)->when_asked = nullptr;
        auto response = get("http://db/x");
        settle();
        say(0, "HTTP/1.1 200");
        return response;
    }
};

BOOST_FIXTURE_TEST_CASE(nor_is_what_was_answered_in_part, AnsweredInPart) {
    auto response = ask();
    scripts.at(0)->transport().lose_connection();
    settle();
    const auto error = failure_of<HttpTruncated>(response);
    BOOST_TEST(std::string(error.what()).starts_with("GET http://db/x: waiting for the answer: "));
    BOOST_TEST(scripts.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(nor_is_it_when_the_rest_is_lost, AnsweredInPart) {
    auto response = ask();
    scripts.at(0)->transport().abort_connection();
    settle();
    failure_of<ConnectionLost>(response);
    BOOST_TEST(scripts.size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_was_sent_again_is_not_though_its_connection_was_used_before) {
    options.connections_per_host = 1;
    echo();
    auto warm = get();
    settle();
    when_asked = scripts.at(0)->when_asked = nullptr;
    auto response = get("http://db/again");
    auto before = get("http://db/before");  // who waited goes first
    scripts.at(0)->transport().abort_connection();
    settle();
    say(1, answer("x"));
    BOOST_TEST(body_of(before) == "x");
    BOOST_TEST(scripts.at(1)->received.find("GET /again ") != std::string::npos);
    scripts.at(1)->transport().abort_connection();
    settle();
    failure_of<ConnectionLost>(response);
    BOOST_TEST(scripts.size() == 2U);
}

BOOST_AUTO_TEST_CASE(where_one_connection_was_stale_the_others_are_not_tried) {
    auto first = get();
    auto second = get();
    settle();
    say(0, answer("a"));
    say(1, answer("b"));
    auto response = get("http://db/again");  // on the one used last
    scripts.at(1)->transport().abort_connection();
    settle();
    BOOST_TEST_REQUIRE(scripts.size() == 3U);
    BOOST_TEST(scripts.at(2)->received.starts_with("GET /again "));
    BOOST_TEST(scripts.at(0)->lost);
    say(2, answer("yes"));
    BOOST_TEST(body_of(response) == "yes");
}

BOOST_AUTO_TEST_CASE(nor_what_met_a_new_connection) {
    auto response = get();
    settle();
    scripts.at(0)->transport().lose_connection();
    settle();
    BOOST_TEST((failure_of<HttpTruncated>(response).where() == HttpTruncated::Where::before_head));
    BOOST_TEST(scripts.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(limits_and_ends, HttpClientFixture)

BOOST_AUTO_TEST_CASE(a_request_goes_out_with_what_the_address_says) {
    auto response = client().request("POST", Url::parse("http://me:pw@db/x?y"), {{"X", "1"}}, Bytes::borrow("{}"));
    settle();
    BOOST_TEST(scripts.at(0)->received ==
               "POST /x?y HTTP/1.1\r\nHost: db\r\nX: 1\r\nAuthorization: Basic bWU6cHc=\r\n"
               "Accept-Encoding: gzip, deflate\r\nContent-Length: 2\r\n\r\n{}");
    say(0, answer("done"));
    BOOST_TEST(body_of(response) == "done");
    auto own = client().get(Url::parse("http://me:pw@db/"), {{"Authorization", "Bearer x"}});
    settle();
    BOOST_TEST(scripts.at(0)->received.ends_with("Authorization: Bearer x\r\nAccept-Encoding: gzip, deflate\r\n\r\n"));
    BOOST_TEST(scripts.at(0)->received.rfind("Basic") < scripts.at(0)->received.rfind("GET"));
}

BOOST_AUTO_TEST_CASE(each_phase_has_its_limit_and_says_so) {
    options.head_timeout = 3s;
    options.idle_timeout = 2s;
    auto head = get("http://db/1");
    settle();
    clock.advance(3s);
    BOOST_TEST((failure_of<HttpTimeout>(head).waiting() == HttpTimeout::Waiting::head));
    auto body = get("http://db/2");
    settle();
    say(1, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    clock.advance(2s);
    const auto error = failure_of<HttpTimeout>(body);
    BOOST_TEST((error.waiting() == HttpTimeout::Waiting::body));
    BOOST_TEST(std::string(error.what()).find("http://db:80/2") != std::string::npos);
    network.set_unresponsive({"db", 80}, true);
    auto connecting = get("http://db/3");
    settle();
    clock.advance(30s);
    BOOST_TEST(failure_of<ConnectTimeout>(connecting).what() ==
               std::string("GET http://db/3: connecting: no connection to db:80 within 30 s"));
    settle();
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(the_whole_has_a_limit) {
    options.total_timeout = 10s;
    options.connections_per_host = 1;
    auto first = get();
    auto waiting = get("http://db/w");
    settle();
    scripts.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 10; ++i) {
        say(0, "x");
        clock.advance(1s);
    }
    BOOST_TEST((failure_of<HttpTimeout>(first).waiting() == HttpTimeout::Waiting::whole));
    BOOST_TEST((failure_of<HttpTimeout>(waiting).waiting() == HttpTimeout::Waiting::whole));
    settle();
    BOOST_TEST(client().connections() == 0U);
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_held_whole_is_bounded) {
    options.response_bytes = 10;
    auto told = get("http://db/1");
    settle();
    say(0, answer("eleven byte"));
    failure_of<HttpLimitExceeded>(told);
    auto announced = get("http://db/announced");
    settle();
    say(1, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n");  // not a byte of it is waited for
    failure_of<HttpLimitExceeded>(announced);
    auto untold = get("http://db/2");
    settle();
    say(2, "HTTP/1.1 200 OK\r\n\r\neleven byte");
    BOOST_TEST((failure_of<HttpLimitExceeded>(untold).part() == HttpLimitExceeded::Part::body));
}

BOOST_AUTO_TEST_CASE(cancelling_closes_that_connection_only) {
    auto first = get("http://db/1");
    auto second = get("http://db/2");
    settle();
    first.cancel();
    failure_of<Cancelled>(first);
    settle();
    BOOST_TEST(scripts.at(0)->lost);
    BOOST_TEST(!scripts.at(1)->lost);
    say(1, answer("two"));
    BOOST_TEST(body_of(second) == "two");
    BOOST_TEST(client().connections() == 1U);
}

BOOST_AUTO_TEST_CASE(dropping_drops_it_wherever_it_stands) {
    options.connections_per_host = 1;
    {
        auto connecting = get();
    }
    BOOST_TEST(client().connections() == 0U);
    auto first = get("http://db/1");
    {
        auto waiting = get("http://db/2");
    }
    BOOST_TEST(client().waiting() == 0U);
    settle();
    say(0, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na");
    first = {};
    settle();
    BOOST_TEST(client().connections() == 0U);
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(closing_fails_what_is_under_way_and_fires_when_nothing_is_left) {
    options.connections_per_host = 1;
    echo();
    auto idle = get();
    settle();
    scripts.at(0)->when_asked = nullptr;
    auto running = get("http://db/1");
    auto waiting = get("http://db/2");
    settle();
    auto closed = client().close();
    auto closed_again = client().close();
    no_result(running);
    no_result(closed);
    auto late = get("http://db/3");
    clock.advance(0ns);
    no_result(closed);  // not before the connections are gone
    settle();
    BOOST_TEST(failure_of<HttpClientClosed>(running).what() ==
               std::string("GET http://db/1: the HttpClient was closed before the answer was complete"));
    failure_of<HttpClientClosed>(waiting);
    failure_of<HttpClientClosed>(late);
    success_of(closed);
    success_of(closed_again);
    BOOST_TEST(client().connections() == 0U);
    BOOST_TEST(scripts.at(0)->lost);
}

BOOST_AUTO_TEST_CASE(what_is_answered_just_after_close_was_called_is_an_answer) {
    auto response = get();
    settle();
    auto closed = client().close();
    scripts.at(0)->say(answer("x"));
    network.flush();
    BOOST_TEST(body_of(response) == "x");
    settle();
    success_of(closed);
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_destroyed_client_holds_nothing) {
    echo();
    auto connector = network.connector();
    const std::weak_ptr<Connector> watched = connector;
    made = std::make_unique<HttpClient>(clock, std::move(connector));
    auto response = get();
    settle();
    success_of(response);
    made.reset();
    settle();
    BOOST_TEST(watched.expired());
}

BOOST_AUTO_TEST_CASE(closing_a_client_with_nothing_to_close_fires_too) {
    auto closed = client().close();
    settle();
    success_of(closed);
}

BOOST_AUTO_TEST_CASE(a_close_fires_though_the_client_is_destroyed_meanwhile) {
    auto response = get();
    settle();
    auto closed = client().close();
    made.reset();
    failure_of<HttpClientClosed>(response);
    settle();
    success_of(closed);
}

BOOST_AUTO_TEST_CASE(destroying_the_client_fails_what_is_under_way) {
    auto connecting = get("http://db/1");
    made.reset();
    failure_of<HttpClientClosed>(connecting);
    auto running = get("http://db/2");
    settle();
    made.reset();
    failure_of<HttpClientClosed>(running);
    settle();
    BOOST_TEST(scripts.back()->lost);
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(the_client_may_be_destroyed_from_a_callback_of_its_own) {
    echo();
    auto other = get("http://db/other");
    auto deferred = get().add_callback([this](const HttpResponse&) { made.reset(); });
    settle();
    success_of(deferred);
    BOOST_TEST(other.ready());
    other = {};
    auto failing = get("http://nowhere/").add_errback([this](const Failure&) -> HttpResponse {
        made.reset();
        return {};
    });
    settle();
    success_of(failing);
}

BOOST_AUTO_TEST_CASE(https_needs_a_connector_for_it) {
    auto none = get("https://db/");
    settle();
    failure_of<BadUrl>(none);
    made.reset();
    echo();
    listen("db", 443);
    secure = network.connector();
    auto response = get("https://db/x");
    settle();
    BOOST_TEST(body_of(response) == "GET /x");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_refused_at_once) {
    auto bad = client().request("GET", Url::parse("http://db/"), {{"A\r\nB", "x"}});
    failure_of<std::invalid_argument>(bad);
    for (const auto& [name, value] : {std::pair("Content-Length", "0"), std::pair("Transfer-Encoding", "chunked")}) {
        auto framed = client().request("PUT", Url::parse("http://db/"), {{name, value}}, Bytes::own("GET / HTTP/1.1"));
        failure_of<std::invalid_argument>(framed);
    }
    auto hosts = client().request("GET", Url::parse("http://db/"), {{"Host", "a"}, {"Host", "b"}});
    failure_of<std::invalid_argument>(hosts);
    auto tunnel = client().request("CONNECT", Url::parse("http://db/"));
    failure_of<std::invalid_argument>(tunnel);
    CallRecorder recorder;
    HttpClientRequest request{.method = "G T", .url = Url::parse("http://db/")};
    BOOST_CHECK_THROW(client().start(std::move(request), recorder), std::invalid_argument);
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

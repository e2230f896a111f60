#define BOOST_TEST_MODULE http_client
#include "plait/reactor/protocols/http_client.hpp"

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

namespace {

std::string body_of(Deferred<HttpResponse>& response) {
    return success_of(response).body.str();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(keeping_connections, HttpClientFixture)

BOOST_AUTO_TEST_CASE(a_request_goes_out_with_what_the_address_says) {
    auto response = client().request("POST", Url::parse("http://me:pw@db/x?y"), {{"X", "1"}}, Bytes::borrow("{}"));
    settle();
    BOOST_TEST(scripts.at(0)->received ==
               "POST /x?y HTTP/1.1\r\nHost: db\r\nX: 1\r\nAuthorization: Basic bWU6cHc=\r\n"
               "Accept-Encoding: gzip, deflate\r\nContent-Length: 2\r\n\r\n{}");
    say(0, answer("done"));
    BOOST_TEST(body_of(response) == "done");
}

BOOST_AUTO_TEST_CASE(one_connection_serves_one_request_after_the_other) {
    echo();
    for (const char* path : {"/a", "/b", "/c"}) {
        auto response = get(std::string("http://db") + path);
        settle();
        BOOST_TEST(body_of(response) == std::string("GET ") + path);
    }
    BOOST_TEST(scripts.size() == 1U);
    BOOST_TEST(client().connections() == 1U);
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(hosts_and_ports_have_connections_of_their_own) {
    echo();
    listen("db", 81);
    listen("other", 80);
    for (const char* url : {"http://db/", "http://db:81/", "http://other/", "http://db/"}) {
        auto response = get(url);
        settle();
        success_of(response);
    }
    BOOST_TEST(scripts.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_request_made_as_one_ends_takes_its_connection) {
    echo();
    auto second = get("http://db/1").add_callback([this](const HttpResponse&) { return get("http://db/2"); });
    settle();
    BOOST_TEST(body_of(second) == "GET /2");
    BOOST_TEST(scripts.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_connection_used_last_is_used_next) {
    auto first = get();
    auto second = get();
    settle();
    say(1, answer("b"));
    say(0, answer("a"));
    auto third = get("http://db/third");
    settle();
    BOOST_TEST(scripts.at(0)->received.find("/third") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_not_to_be_kept_is_closed) {
    const auto closes_after = [this](const std::string& text, const char* method = "GET") {
        auto response = client().request(method, Url::parse("http://db/"));
        settle();
        scripts.back()->say(text);
        settle();
        success_of(response);
        return scripts.back()->lost && client().connections() == 0;
    };
    BOOST_TEST(closes_after(answer("x", "Connection: close\r\n")));
    BOOST_TEST(closes_after("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    BOOST_TEST(closes_after(answer("x") + "and more"));
    BOOST_TEST(closes_after("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody!", "HEAD"));
    BOOST_TEST(!closes_after("HTTP/1.1 204 No Content\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(answers_without_a_body_leave_the_connection_usable) {
    for (const char* text : {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
                             "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
        auto response = get();
        settle();
        say(0, text);
        BOOST_TEST(success_of(response).body.str() == "");
    }
    auto head = client().request("HEAD", Url::parse("http://db/"));
    settle();
    say(0, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    BOOST_TEST(success_of(head).head.content_length.value_or(0) == 100U);
    BOOST_TEST(scripts.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_upgrade_is_refused) {
    auto response = get();
    settle();
    say(0, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
    const auto error = failure_of<HttpMalformed>(response);
    BOOST_TEST(std::string(error.what()).starts_with("GET http://db/: waiting for the answer: "));
    BOOST_TEST(scripts.at(0)->lost);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_that_the_server_closes_is_noticed_while_idle) {
    echo();
    auto response = get();
    settle();
    scripts.at(0)->transport().lose_connection();
    settle();
    BOOST_TEST(client().connections() == 0U);
    auto again = get();
    settle();
    success_of(again);
    BOOST_TEST(scripts.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_server_that_speaks_unasked_loses_its_connection) {
    echo();
    auto response = get();
    settle();
    say(0, answer("an answer to nothing"));
    BOOST_TEST(client().connections() == 0U);
    BOOST_TEST(scripts.at(0)->lost);
    auto again = get("http://db/x");
    settle();
    BOOST_TEST(body_of(again) == "GET /x");
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_kept_for_so_long) {
    options.idle_connection_timeout = 10s;
    echo();
    auto response = get();
    settle();
    clock.advance(10s - 1ns);
    settle();
    BOOST_TEST(client().idle_connections() == 1U);
    clock.advance(1ns);
    settle();
    BOOST_TEST(client().connections() == 0U);
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(idle_connections_are_bounded_in_all) {
    options.idle_connections = 2;
    std::vector<Deferred<HttpResponse>> responses;
    for (int i = 0; i < 4; ++i)
        responses.push_back(get());
    settle();
    for (std::size_t i = 0; i < 4; ++i)
        say(i, answer("x"));
    BOOST_TEST(client().idle_connections() == 2U);
    BOOST_TEST(client().connections() == 2U);
    BOOST_TEST(scripts.at(0)->lost);
    BOOST_TEST(!scripts.at(3)->lost);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(bounds, HttpClientFixture)

BOOST_AUTO_TEST_CASE(requests_above_the_bound_of_a_host_wait_and_are_served_in_turn) {
    options.connections_per_host = 2;
    std::vector<Deferred<HttpResponse>> responses;
    for (int i = 0; i < 5; ++i)
        responses.push_back(get("http://db/" + std::to_string(i)));
    settle();
    BOOST_TEST(scripts.size() == 2U);
    BOOST_TEST(client().waiting() == 3U);
    scripts.at(0)->received.clear();
    scripts.at(1)->received.clear();
    say(1, answer("x"));
    BOOST_TEST(scripts.at(1)->received.starts_with("GET /2 "));
    say(0, answer("x"));
    BOOST_TEST(scripts.at(0)->received.starts_with("GET /3 "));
    BOOST_TEST(client().waiting() == 1U);
    BOOST_TEST(scripts.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_connection_that_ends_makes_room_for_a_new_one) {
    options.connections_per_host = 1;
    auto first = get("http://db/1");
    auto second = get("http://db/2");
    settle();
    say(0, answer("x", "Connection: close\r\n"));
    BOOST_TEST(scripts.size() == 2U);
    BOOST_TEST(scripts.at(1)->received.starts_with("GET /2 "));
}

BOOST_AUTO_TEST_CASE(a_host_that_is_busy_does_not_hold_up_another) {
    options.connections_per_host = 1;
    listen("other", 80);
    auto stuck = get("http://db/1");
    auto waits = get("http://db/2");
    settle();
    echo();
    auto other = get("http://other/");
    settle();
    success_of(other);
    BOOST_TEST(client().waiting() == 1U);
}

BOOST_AUTO_TEST_CASE(the_bound_for_all_hosts_closes_what_is_idle_to_make_room) {
    options.connections = 2;
    echo();
    for (const char* host : {"a", "b", "c"})
        listen(host, 80);
    for (const char* host : {"a", "b", "c", "a"}) {
        auto response = get(std::string("http://") + host + "/");
        settle();
        success_of(response);
        BOOST_TEST(client().connections() <= 2U);
    }
    BOOST_TEST(scripts.size() == 4U);
}

BOOST_AUTO_TEST_CASE(who_waits_for_room_among_all_hosts_is_not_overtaken) {
    options.connections = 1;
    listen("other", 80);
    auto first = get("http://db/1");
    auto elsewhere = get("http://other/2");
    auto third = get("http://db/3");
    settle();
    BOOST_TEST(scripts.size() == 1U);
    say(0, answer("x"));
    BOOST_TEST_REQUIRE(scripts.size() == 2U);
    BOOST_TEST(scripts.at(1)->host == "other");
    BOOST_TEST(client().connections() == 1U);
    say(1, answer("x"));
    BOOST_TEST_REQUIRE(scripts.size() == 3U);
    BOOST_TEST(scripts.at(2)->received.starts_with("GET /3 "));
}

BOOST_AUTO_TEST_CASE(a_host_that_only_waited_is_known_once_it_has_a_connection) {
    options.connections = 1;
    options.idle_connections = 0;
    listen("other", 80);
    auto first = get("http://db/1");
    auto elsewhere = get("http://other/2");
    settle();
    say(0, answer("x"));
    settle();
    BOOST_TEST_REQUIRE(scripts.size() == 2U);
    say(1, answer("x"));  // nothing may idle: closed, and not looked for again and again
    settle();
    BOOST_TEST(success_of(elsewhere).body.view() == "x");
    BOOST_TEST(client().idle_connections() == 0U);
    auto closed = client().close();
    settle();
    success_of(closed);
}

BOOST_AUTO_TEST_CASE(waiting_requests_are_bounded) {
    options.connections_per_host = 1;
    options.most_waiting = 1;
    auto first = get();
    auto second = get();
    auto third = get();
    BOOST_TEST(!third.ready());
    settle();
    BOOST_TEST(failure_of<HttpQueueFull>(third).what() ==
               std::string("GET http://db/: 1 requests wait for a connection already, as many as may"));
    no_result(second);
}

BOOST_AUTO_TEST_CASE(waiting_has_its_own_limit) {
    options.connections_per_host = 1;
    options.waiting_timeout = 5s;
    auto first = get();
    auto second = get("http://db/2");
    settle();
    clock.advance(5s);
    const auto error = failure_of<HttpTimeout>(second);
    BOOST_TEST((error.waiting() == HttpTimeout::Waiting::connection));
    BOOST_TEST(error.what() == std::string("GET http://db/2: no connection was free within 5 s"));
    BOOST_TEST(client().waiting() == 0U);
    no_result(first);
}

BOOST_AUTO_TEST_CASE(a_refused_connection_makes_way_for_who_waits) {
    options.connections_per_host = 1;
    network.close_port({"db", 80});
    auto first = get("http://db/1");
    auto second = get("http://db/2");
    settle();
    BOOST_TEST(failure_of<ConnectionRefused>(first).what() ==
               std::string("GET http://db/1: connecting: cannot connect to db:80: connection refused (nobody listens "
                           "there)"));
    failure_of<ConnectionRefused>(second);
    BOOST_TEST(client().connections() == 0U);
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

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

BOOST_AUTO_TEST_CASE(nor_is_what_was_answered_in_part) {
    echo();
    auto warm = get();
    settle();
    scripts.at(0)->when_asked = nullptr;
    auto response = get("http://db/x");
    settle();
    say(0, "HTTP/1.1 200");
    scripts.at(0)->transport().lose_connection();
    settle();
    const auto error = failure_of<HttpTruncated>(response);
    BOOST_TEST(std::string(error.what()).starts_with("GET http://db/x: waiting for the answer: "));
    BOOST_TEST(scripts.size() == 1U);
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
    auto untold = get("http://db/2");
    settle();
    say(1, "HTTP/1.1 200 OK\r\n\r\neleven byte");
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
    CallRecorder recorder;
    HttpClientRequest request{.method = "G T", .url = Url::parse("http://db/")};
    BOOST_CHECK_THROW(client().start(std::move(request), recorder), std::invalid_argument);
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

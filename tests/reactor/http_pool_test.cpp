// The connections of an HttpClient: which are kept, and how many there may be.
#define BOOST_TEST_MODULE http_pool
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "plait/reactor/errors.hpp"
#include "plait/tests/reactor/http_scripts.hpp"
#include "plait/tests/reactor/wired_connector.hpp"

using namespace plait;                 // NOLINT
using namespace plait::testing;        // NOLINT
using namespace std::chrono_literals;  // NOLINT

BOOST_FIXTURE_TEST_SUITE(keeping_connections, HttpClientFixture)

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
    auto last = client().get(Url::parse("http://db/"), {{"Connection", "close"}});
    settle();
    say(scripts.size() - 1, answer("x"));  // which does not say so, too
    success_of(last);
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_closing_is_not_taken) {
    const auto wired = std::make_shared<WiredConnector>();
    HttpClient direct(clock, wired);
    auto first = direct.get(Url::parse("http://db/"));
    wired->wire->take_written();
    wired->wire->deliver(answer("x"));
    success_of(first);
    BOOST_TEST(direct.idle_connections() == 1U);
    wired->wire->deliver_end();
    auto second = direct.request("POST", Url::parse("http://db/"));
    BOOST_TEST(wired->connections == 2);
    wired->wire->deliver(answer("y"));
    BOOST_TEST(body_of(second) == "y");
    wired->wire.reset();
}

BOOST_AUTO_TEST_CASE(answers_without_a_body_leave_the_connection_usable) {
    for (const char* text : {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
                             "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
                             "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
        auto response = get();
        settle();
        say(0, text);
        BOOST_TEST(success_of(response).body.str() == "");
    }
    auto chunked = client().request("HEAD", Url::parse("http://db/"));
    settle();
    say(0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    BOOST_TEST(success_of(chunked).body.str() == "");
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
    BOOST_TEST(scripts.at(0)->ended.find("in good order") != std::string::npos);
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

BOOST_AUTO_TEST_CASE(hosts_that_wait_for_room_get_it_in_turn) {
    options.connections = 1;
    listen("a", 80);
    listen("other", 80);
    auto first = get();
    auto second = get("http://a/");
    auto third = get("http://other/");
    settle();
    say(0, answer("x"));
    BOOST_TEST_REQUIRE(scripts.size() == 2U);
    BOOST_TEST(scripts.at(1)->host == "a");
}

BOOST_AUTO_TEST_CASE(a_host_at_its_bound_does_not_hold_up_who_waits_elsewhere) {
    options.connections_per_host = 1;
    listen("other", 80);
    auto busy = get("http://db/1");
    auto held_up = get("http://db/2");
    auto first = get("http://other/1");
    auto second = get("http://other/2");
    settle();
    say(1, answer("x"));
    BOOST_TEST(scripts.at(1)->received.find("GET /2 ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nobody_takes_the_room_that_has_come_for_another) {
    options.connections = 1;
    listen("other", 80);
    for (const char* late : {"http://other/late", "http://db/late"}) {
        made.reset();
        scripts.clear();
        auto first = get("http://db/1");
        auto waits = get("http://other/waits");
        settle();
        scripts.at(0)->say(answer("x", "Connection: close\r\n"));
        network.flush();  // there is room now, and it is given away in the next turn
        auto last = get(late);
        settle();
        BOOST_TEST_REQUIRE(scripts.size() == 2U);
        BOOST_TEST(scripts.at(1)->received.starts_with("GET /waits "), late);
    }
}

BOOST_AUTO_TEST_CASE(no_more_is_closed_than_there_is_need_for) {
    options.connections = 2;
    for (const char* host : {"a", "b", "c", "d"})
        listen(host, 80);
    auto first = get("http://a/");
    auto second = get("http://b/");
    settle();
    say(0, answer("x"));
    say(1, answer("x"));
    {
        auto dropped = get("http://c/");
    }
    auto third = get("http://d/");
    settle();
    BOOST_TEST(scripts.at(0)->lost);
    BOOST_TEST(!scripts.at(1)->lost);
    BOOST_TEST(scripts.at(2)->host == "d");
}

BOOST_AUTO_TEST_CASE(nor_again_when_a_connection_becomes_free_meanwhile) {
    options.connections = 3;
    for (const char* host : {"a", "b", "d"})
        listen(host, 80);
    auto busy = get("http://db/");
    auto first = get("http://a/");
    auto second = get("http://b/");
    settle();
    say(1, answer("x"));
    say(2, answer("x"));
    auto fourth = get("http://d/");
    scripts.at(0)->say(answer("x"));  // arrives before the connection that is closed for it is gone
    settle();
    BOOST_TEST(scripts.at(1)->lost);
    BOOST_TEST(!scripts.at(2)->lost);
    BOOST_TEST(scripts.at(3)->host == "d");
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
    auto third = get("http://db/3");
    say(0, answer("x"));
    clock.advance(5s);
    no_result(third);  // it has its connection since
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

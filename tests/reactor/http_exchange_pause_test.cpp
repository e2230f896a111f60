// An HttpExchange that is held up, and goes on: what waits meanwhile, and what does not.
#define BOOST_TEST_MODULE http_exchange_pause
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "plait/reactor/errors.hpp"
#include "plait/tests/reactor/http_exchange_fixture.hpp"
#include "plait/tests/reactor/wired_connector.hpp"

using namespace plait;                 // NOLINT
using namespace plait::testing;        // NOLINT
using namespace std::chrono_literals;  // NOLINT

BOOST_FIXTURE_TEST_SUITE(pauses, ExchangeFixture)

BOOST_AUTO_TEST_CASE(time_spent_paused_is_not_the_servers) {
    options.idle_timeout = 10s;
    options.head_timeout = 10s;
    ask();
    exchange->pause();
    clock.advance(1h);
    exchange->resume();
    clock.advance(9s);
    say(chunked_head);
    exchange->pause();
    clock.advance(1h);
    BOOST_TEST(recorder.told() == "head 200");
    exchange->resume();
    clock.advance(9s);
    BOOST_TEST(recorder.told() == "head 200");
    clock.advance(1s);
    BOOST_TEST(recorder.told() == "head 200 | failed");
}

BOOST_AUTO_TEST_CASE(a_pause_holds_back_the_very_next_event_and_reaches_the_server) {
    recorder.on_event = [this](const std::string&) {
        if (!exchange->finished()) exchange->pause();
    };
    ask();
    say(std::string(chunked_head) + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    const char* const expected[] = {"head 200", "body a", "body b", "complete"};
    for (std::size_t seen = 1; seen <= 4; ++seen) {
        BOOST_TEST_REQUIRE(recorder.events.size() == seen);
        BOOST_TEST(recorder.events.back() == expected[seen - 1]);
        exchange->resume();
        BOOST_TEST(recorder.events.size() == seen);  // not from inside resume()
        clock.advance(0s);
    }
    BOOST_TEST(recorder.told() == "head 200 | body a | body b | complete");
}

BOOST_AUTO_TEST_CASE(a_pause_soon_after_a_resume_holds_back_what_that_was_to_deliver) {
    recorder.on_event = [this](const std::string& event) {
        if (event == "head 200") exchange->pause();
    };
    ask();
    say(std::string(chunked_head) + "1\r\na\r\n");
    exchange->resume();
    exchange->pause();
    clock.advance(1h);
    BOOST_TEST(recorder.told() == "head 200");
    BOOST_TEST(exchange->paused());
    exchange->resume();
    clock.advance(0s);
    BOOST_TEST(recorder.told() == "head 200 | body a");
}

BOOST_AUTO_TEST_CASE(a_failure_to_connect_waits_for_the_end_of_a_pause) {
    network.close_port(where);
    start();
    exchange->pause();
    network.flush();
    BOOST_TEST(recorder.told() == "");
    exchange->resume();
    clock.advance(0s);
    BOOST_TEST(recorder.told() == "failed");
    failed_with<ConnectionRefused>();

    recorder.events.clear();
    network.set_unresponsive(where, true);
    start();
    exchange->pause();
    clock.advance(30s);
    BOOST_TEST(recorder.told() == "");
    exchange->resume();
    clock.advance(0s);
    BOOST_TEST(recorder.told() == "failed");
    failed_with<ConnectTimeout>();
}

BOOST_AUTO_TEST_CASE(no_time_is_over_for_a_server_that_has_said_all_and_gone) {
    options.idle_timeout = 10s;
    recorder.on_event = [this](const std::string&) { exchange->pause(); };
    const auto wired = std::make_shared<WiredConnector>();
    connector = wired;
    start();
    // Both arrive before the pause can stop them: the head and the rest lie in the parser when the connection goes.
    exchange->pause();
    exchange->resume();
    exchange->pause();
    wired->wire->resume_producing();
    wired->wire->deliver(std::string(chunked_head) + "1\r\na\r\n");
    wired->wire->lose_broken();
    exchange->resume();
    clock.advance(0s);
    BOOST_TEST(recorder.told() == "head 200");
    clock.advance(1h);
    BOOST_TEST(recorder.told() == "head 200");
    recorder.on_event = nullptr;
    exchange->resume();
    clock.advance(0s);
    BOOST_TEST(recorder.told() == "head 200 | body a | failed");
    failed_with<ConnectionLost>();
}

BOOST_AUTO_TEST_CASE(while_paused_nothing_more_is_read) {
    ask();
    say(chunked_head);
    exchange->pause();
    say("5\r\nabcde\r\n");
    BOOST_TEST(server->transport().write_buffered() > 0U);
    exchange->resume();
    clock.advance(0s);
    network.flush();
    BOOST_TEST(recorder.told() == "head 200 | body abcde");
}

BOOST_AUTO_TEST_CASE(pausing_and_resuming_within_an_event_changes_nothing) {
    recorder.on_event = [this](const std::string&) {
        if (exchange->finished()) return;
        exchange->pause();
        exchange->resume();
    };
    ask();
    say(std::string(chunked_head) + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    BOOST_TEST(recorder.told() == "head 200 | body a | body b | complete");
}

BOOST_AUTO_TEST_CASE(what_was_received_before_the_connection_broke_is_delivered_after_a_pause) {
    recorder.on_event = [this](const std::string& event) {
        if (event == "head 200") exchange->pause();
    };
    ask();
    say(std::string(chunked_head) + "1\r\na\r\n1\r\nb\r\n");
    network.break_connections(where);
    network.flush();
    BOOST_TEST(recorder.told() == "head 200");
    exchange->resume();
    clock.advance(0s);
    BOOST_TEST(recorder.told() == "head 200 | body a | body b | failed");
    failed_with<ConnectionLost>();
}

BOOST_AUTO_TEST_CASE(and_so_it_is_when_that_breaks_just_after_the_pause) {
    const auto wired = std::make_shared<WiredConnector>();
    connector = wired;
    recorder.on_event = [this](const std::string& event) {
        if (event == "head 200") exchange->pause();
    };
    start();
    wired->wire->deliver(std::string(chunked_head) + "1\r\na\r\n");
    exchange->resume();
    wired->wire->lose_broken();
    BOOST_TEST(recorder.told() == "head 200");
    clock.advance(0s);
    BOOST_TEST(recorder.told() == "head 200 | body a | failed");
}

BOOST_AUTO_TEST_CASE(an_answer_complete_before_the_connection_broke_is_complete) {
    recorder.on_event = [this](const std::string& event) {
        if (event == "head 200") exchange->pause();
    };
    ask();
    say(std::string(chunked_head) + "1\r\na\r\n0\r\n\r\n");
    network.break_connections(where);
    exchange->resume();
    clock.advance(0s);
    BOOST_TEST(recorder.told() == "head 200 | body a | complete");
}
BOOST_AUTO_TEST_SUITE_END()

#define BOOST_TEST_MODULE zk_session

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <random>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "plait/tests/zk/session_fixture.hpp"

using namespace plait;
using namespace plait::zk;

BOOST_FIXTURE_TEST_SUITE(connecting, SessionFixture)

BOOST_AUTO_TEST_CASE(connect_fires_when_the_server_has_given_a_session) {
    auto& zk = make();
    BOOST_TEST((zk.state() == KeeperState::idle));
    auto handlers = watch_states();
    auto connected = zk.connect();
    no_result(connected);
    BOOST_TEST(states.empty());
    settle();
    success_of(connected);
    BOOST_TEST(zk.connected());
    BOOST_TEST(zk.session_id() != 0);
    BOOST_TEST((zk.session_timeout() == 9s));
    BOOST_TEST(zk.server() == "zk1:2181");
    BOOST_TEST(saw({KeeperState::connected}));
    get(zk.connect());
}

BOOST_AUTO_TEST_CASE(calls_made_while_connecting_wait_for_it) {
    fake.put("/a", "x");
    auto& zk = make();
    auto first = zk.connect();
    auto second = zk.connect();
    auto read = zk.get("/a");
    settle();
    BOOST_TEST(success_of(read).data.view() == "x");
    success_of(second);
}

BOOST_AUTO_TEST_CASE(the_next_host_is_tried_when_one_does_not_answer) {
    network.set_unresponsive({"silent", 2181}, true);
    network.listen({"silent", 2181}, fake.factory());
    auto& zk = make("refused:2181,silent:2181,zk1:2181");
    auto connected = zk.connect();
    pass(4s);
    success_of(connected);
    BOOST_TEST(zk.server() == "zk1:2181");
}

BOOST_AUTO_TEST_CASE(an_unreachable_ensemble_fails_connect_naming_every_server_and_why) {
    network.set_unresponsive({"silent", 2181}, true);
    auto& zk = make("refused:2181,silent:2181");
    auto handlers = watch_states();
    auto connected = zk.connect();
    auto call = zk.get("/a");
    pass(14s);
    no_result(connected);
    pass(2s);
    const std::string why = failure_of<plait::zk::ConnectTimeout>(connected, "refused:2181 (").what();
    BOOST_TEST(why.find("silent:2181 (no answer within 4.5 s)") != std::string::npos, why);
    failure_of<Closed>(call);
    BOOST_TEST(saw({KeeperState::closed}));
    auto again = zk.connect();
    failure_of<plait::zk::ConnectTimeout>(again);
    const auto attempts = network.attempts();
    pass(1min);
    BOOST_TEST(network.attempts() == attempts);
}

BOOST_AUTO_TEST_CASE(a_server_that_hangs_up_is_not_asked_in_a_hurry) {
    fake.refuse_sessions(true);
    auto& zk = make();
    auto connected = zk.connect();
    pass(10s);
    BOOST_TEST(network.attempts() >= 4u);
    BOOST_TEST(network.attempts() <= 20u);
    fake.refuse_sessions(false);
    pass(5s);
    success_of(connected);
}

BOOST_AUTO_TEST_CASE(a_read_only_server_without_local_sessions_is_no_server_for_us) {
    fake.set_read_only(true, false);
    auto& zk = make();
    auto connected = zk.connect();
    pass(16s);
    failure_of<plait::zk::ConnectTimeout>(connected, "NotReadOnly");
}

BOOST_AUTO_TEST_CASE(a_read_only_session_reads_and_does_not_write) {
    fake.put("/a", "x");
    fake.set_read_only(true);
    auto& zk = connect();
    BOOST_TEST((zk.state() == KeeperState::connected_read_only));
    BOOST_TEST(get(zk.get("/a")).data.view() == "x");
    auto write = zk.set("/a", "y");
    settle();
    failure_of<NotReadOnly>(write);
}

BOOST_AUTO_TEST_CASE(a_wrong_connect_string_is_refused_at_once) {
    BOOST_CHECK_THROW(make("zk1:port"), BadArguments);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(staying_connected, SessionFixture)

BOOST_AUTO_TEST_CASE(an_idle_connection_is_pinged_every_third_of_the_time_out) {
    auto& zk = connect();
    pass(30s);
    BOOST_TEST(zk.connected());
    BOOST_TEST(count(Op::ping) == 10);
    BOOST_TEST(network.attempts() == 1u);
}

BOOST_AUTO_TEST_CASE(pings_go_out_even_when_events_keep_coming) {
    fake.put("/a", "0");
    auto& zk = connect();
    fake.remember_requests(true);
    for (int i = 0; i < 60; ++i) {
        pass(100ms);
        fake.send_raw(
            std::string("\0\0\0\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\3\0\0\0\3"
                        "\0\0\0\4/abc",
                        36));
    }
    BOOST_TEST(zk.connected());
    BOOST_TEST(count(Op::ping) == 2);
}

BOOST_AUTO_TEST_CASE(requests_make_pings_unnecessary) {
    auto& zk = connect();
    for (int i = 0; i < 20; ++i) {
        get(zk.exists("/a"));
        pass(1s);
    }
    BOOST_TEST(count(Op::ping) == 0);
}

BOOST_AUTO_TEST_CASE(a_silent_server_is_left_after_two_thirds_of_the_time_out) {
    network.listen({"zk2", 2181}, fake.factory());
    auto& zk = connect("zk1:2181,zk2:2181");
    const auto id = zk.session_id();
    auto handlers = watch_states();
    fake.stall(true);
    auto call = zk.get("/a");
    pass(5900ms);
    no_result(call);
    pass(200ms);
    failure_of<ConnectionLoss>(call, "the server sent nothing for 6.0 s");
    fake.stall(false);
    pass(1s);
    BOOST_TEST(zk.connected());
    BOOST_TEST(zk.session_id() == id);
    BOOST_TEST(zk.server() == "zk2:2181");
    BOOST_TEST(saw({KeeperState::connecting, KeeperState::connected}));
}

BOOST_AUTO_TEST_CASE(calls_in_flight_fail_in_order_and_later_ones_wait_for_the_new_connection) {
    fake.put("/a", "x");
    auto& zk = connect();
    std::vector<std::string> order;
    auto note = [&](const char* name) {
        return [&order, name](const ConnectionLoss&) -> Result<Node> {
            order.emplace_back(name);
            return make_failure(Cancelled());
        };
    };
    fake.stall(true);
    auto a = zk.get("/a").add_errback<ConnectionLoss>(note("a"));
    auto b = zk.get("/a").add_errback<ConnectionLoss>(note("b"));
    settle();
    fake.break_connections();
    auto late = zk.get("/a");  // written to a connection that is about to be found broken
    settle();
    fake.stall(false);
    auto queued = zk.get("/a");
    BOOST_TEST(order == (std::vector<std::string>{"a", "b"}), boost::test_tools::per_element());
    failure_of<ConnectionLoss>(late);
    pass(1s);
    BOOST_TEST(success_of(queued).data.view() == "x");
}

BOOST_AUTO_TEST_CASE(a_large_request_that_breaks_the_connection_is_told_the_likely_cause) {
    auto& zk = connect();
    auto large = zk.create("/a", std::string(1'100'000, 'x'));
    settle();
    failure_of<ConnectionLoss>(large, "jute.maxbuffer");
    pass(1s);
    get(zk.create("/a", "small"));
}

BOOST_AUTO_TEST_CASE(garbage_costs_the_connection_and_not_the_session) {
    std::mt19937 random(7);
    auto& zk = connect();
    const auto id = zk.session_id();
    for (int round = 0; round < 50; ++round) {
        std::string garbage(1 + random() % 60, '\0');
        for (auto& byte : garbage)
            byte = static_cast<char>(random());
        if (round == 0) garbage = std::string("\xff\xff\xff\xff", 4);
        if (round == 1) garbage = std::string("\0\0\0\x10\0\0\0\x63\0\0\0\0\0\0\0\0\0\0\0\0", 20);
        fake.send_raw(garbage);
        auto call = zk.exists("/a");
        pass(8s);
        failure_of<ConnectionLoss>(call);
        BOOST_TEST(zk.connected());
    }
    BOOST_TEST(zk.session_id() == id);
}

BOOST_AUTO_TEST_CASE(an_answer_that_cannot_be_read_fails_that_call_alone) {
    auto& zk = connect();
    fake.stall(true);
    auto odd = zk.get("/a");
    auto pinged = zk.exists("/b");
    settle();
    fake.send_raw(std::string("\0\0\0\x14\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\x7f\xff\xff\xff", 24));
    settle();
    failure_of<MarshallingError>(odd);
    no_result(pinged);
    BOOST_TEST(zk.connected());
}

BOOST_AUTO_TEST_CASE(an_answer_to_another_request_costs_the_connection) {
    fake.put("/a", "x");
    auto& zk = connect();
    fake.stall(true);
    auto call = zk.exists("/a");
    settle();
    std::string answer;
    proto::Appender out(answer);
    out.int32(16);
    out.int32(4711);
    out.int64(1);
    out.int32(static_cast<std::int32_t>(Code::no_node));
    fake.send_raw(answer);
    settle();
    failure_of<ConnectionLoss>(call, "answered request 4711");
}

BOOST_AUTO_TEST_CASE(each_call_has_the_request_time_out_to_itself) {
    options.request_timeout = 1s;
    auto& zk = connect();
    fake.stall(true);
    auto first = zk.get("/a");
    pass(500ms);
    auto second = zk.get("/a");
    pass(600ms);
    failure_of<OperationTimeout>(first);
    no_result(second);
    pass(500ms);
    failure_of<OperationTimeout>(second);
}

BOOST_AUTO_TEST_CASE(a_request_time_out_fails_the_call_and_discards_the_late_answer) {
    options.request_timeout = 1s;
    fake.put("/a", "x");
    auto& zk = connect();
    fake.stall(true);
    auto slow = zk.get("/a");
    pass(500ms);
    auto later = zk.get("/a");
    pass(600ms);
    failure_of<OperationTimeout>(slow);
    no_result(later);
    fake.stall(false);
    settle();
    BOOST_TEST(success_of(later).data.view() == "x");
    get(zk.get("/a"));
}

BOOST_AUTO_TEST_SUITE_END()

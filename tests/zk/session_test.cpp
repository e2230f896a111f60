#define BOOST_TEST_MODULE zk_session

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <random>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "plait/tests/zk/in_memory.hpp"

using namespace plait;
using namespace plait::zk;

namespace {

struct Fixture : InMemory {
    auto count(Op op) const { return std::count(fake.requests().begin(), fake.requests().end(), op); }

    /// Every state handed to handlers, from now on.
    std::vector<KeeperState> states;
    StateSubscription watch_states() {
        return client->on_state([this](KeeperState state) { states.push_back(state); });
    }
    bool saw(std::vector<KeeperState> expected) const { return states == expected; }
};

/// A server's side of one connection: answers the hello with this session, and nothing after it.
class GivesSession : public Protocol {
public:
    explicit GivesSession(std::int64_t id) : id_(id) {}

    void data_received(const Bytes&) override {
        if (std::exchange(answered_, true)) return;
        std::string answer;
        proto::Appender out(answer);
        out.int32(37);
        out.int32(0);
        out.int32(9000);
        out.int64(id_);
        out.string(std::string(proto::password_size, 'p'));
        out.boolean(false);
        transport().write(Bytes::own(std::move(answer)));
    }

private:
    std::int64_t id_;
    bool answered_ = false;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(connecting, Fixture)

BOOST_AUTO_TEST_CASE(connect_fires_when_the_server_has_given_a_session) {
    auto& zk = make();
    BOOST_TEST((zk.state() == KeeperState::idle));
    auto handlers = watch_states();
    Outcome connected(zk.connect());
    BOOST_TEST(connected.pending());
    BOOST_TEST(states.empty());
    settle();
    connected.value();
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
    Outcome first(zk.connect()), second(zk.connect());
    Outcome read(zk.get("/a"));
    settle();
    BOOST_TEST(read.value().data.view() == "x");
    second.value();
}

BOOST_AUTO_TEST_CASE(the_next_host_is_tried_when_one_does_not_answer) {
    network.set_unresponsive({"silent", 2181}, true);
    network.listen({"silent", 2181}, fake.factory());
    auto& zk = make("refused:2181,silent:2181,zk1:2181");
    Outcome connected(zk.connect());
    pass(4s);
    connected.value();
    BOOST_TEST(zk.server() == "zk1:2181");
}

BOOST_AUTO_TEST_CASE(an_unreachable_ensemble_fails_connect_naming_every_server_and_why) {
    network.set_unresponsive({"silent", 2181}, true);
    auto& zk = make("refused:2181,silent:2181");
    auto handlers = watch_states();
    Outcome connected(zk.connect());
    Outcome call(zk.get("/a"));
    pass(14s);
    BOOST_TEST(connected.pending());
    pass(2s);
    BOOST_TEST(connected.failed_with<plait::zk::ConnectTimeout>());
    BOOST_TEST_MESSAGE(connected.text());
    BOOST_TEST(connected.text().find("refused:2181 (") != std::string::npos);
    BOOST_TEST(connected.text().find("silent:2181 (no answer within 4.5 s)") != std::string::npos);
    BOOST_TEST(call.failed_with<Closed>());
    BOOST_TEST(saw({KeeperState::closed}));
    Outcome again(zk.connect());
    BOOST_TEST(again.failed_with<plait::zk::ConnectTimeout>());
    const auto attempts = network.attempts();
    pass(1min);
    BOOST_TEST(network.attempts() == attempts);
}

BOOST_AUTO_TEST_CASE(a_server_that_hangs_up_is_not_asked_in_a_hurry) {
    fake.refuse_sessions(true);
    auto& zk = make();
    Outcome connected(zk.connect());
    pass(10s);
    BOOST_TEST(network.attempts() >= 4u);
    BOOST_TEST(network.attempts() <= 20u);
    fake.refuse_sessions(false);
    pass(5s);
    connected.value();
}

BOOST_AUTO_TEST_CASE(a_read_only_server_without_local_sessions_is_no_server_for_us) {
    fake.set_read_only(true, false);
    auto& zk = make();
    Outcome connected(zk.connect());
    pass(16s);
    BOOST_TEST(connected.failed_with<plait::zk::ConnectTimeout>());
    BOOST_TEST(connected.text().find("NotReadOnly") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_read_only_session_reads_and_does_not_write) {
    fake.put("/a", "x");
    fake.set_read_only(true);
    auto& zk = connect();
    BOOST_TEST((zk.state() == KeeperState::connected_read_only));
    BOOST_TEST(get(zk.get("/a")).data.view() == "x");
    Outcome write(zk.set("/a", "y"));
    settle();
    BOOST_TEST(write.failed_with<NotReadOnly>());
}

BOOST_AUTO_TEST_CASE(a_wrong_connect_string_is_refused_at_once) {
    BOOST_CHECK_THROW(make("zk1:port"), BadArguments);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(staying_connected, Fixture)

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
    Outcome call(zk.get("/a"));
    pass(5900ms);
    BOOST_TEST(call.pending());
    pass(200ms);
    BOOST_TEST(call.failed_with<ConnectionLoss>());
    BOOST_TEST(call.text().find("the server sent nothing for 6.0 s") != std::string::npos);
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
    Outcome a(zk.get("/a").add_errback<ConnectionLoss>(note("a")));
    Outcome b(zk.get("/a").add_errback<ConnectionLoss>(note("b")));
    settle();
    fake.break_connections();
    Outcome late(zk.get("/a"));  // written to a connection that is about to be found broken
    settle();
    fake.stall(false);
    Outcome queued(zk.get("/a"));
    BOOST_TEST(order == (std::vector<std::string>{"a", "b"}), boost::test_tools::per_element());
    BOOST_TEST(late.failed_with<ConnectionLoss>());
    pass(1s);
    BOOST_TEST(queued.value().data.view() == "x");
}

BOOST_AUTO_TEST_CASE(a_large_request_that_breaks_the_connection_is_told_the_likely_cause) {
    auto& zk = connect();
    Outcome large(zk.create("/a", std::string(1'100'000, 'x')));
    settle();
    BOOST_TEST(large.failed_with<ConnectionLoss>());
    BOOST_TEST(large.text().find("jute.maxbuffer") != std::string::npos);
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
        Outcome call(zk.exists("/a"));
        pass(8s);
        BOOST_TEST(!call.pending());
        BOOST_TEST(zk.connected());
    }
    BOOST_TEST(zk.session_id() == id);
}

BOOST_AUTO_TEST_CASE(an_answer_that_cannot_be_read_fails_that_call_alone) {
    auto& zk = connect();
    fake.stall(true);
    Outcome odd(zk.get("/a"));
    Outcome pinged(zk.exists("/b"));
    settle();
    fake.send_raw(std::string("\0\0\0\x14\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\x7f\xff\xff\xff", 24));
    settle();
    BOOST_TEST(odd.failed_with<MarshallingError>());
    BOOST_TEST(pinged.pending());
    BOOST_TEST(zk.connected());
}

BOOST_AUTO_TEST_CASE(an_answer_to_another_request_costs_the_connection) {
    fake.put("/a", "x");
    auto& zk = connect();
    fake.stall(true);
    Outcome call(zk.exists("/a"));
    settle();
    std::string answer;
    proto::Appender out(answer);
    out.int32(16);
    out.int32(4711);
    out.int64(1);
    out.int32(static_cast<std::int32_t>(Code::no_node));
    fake.send_raw(answer);
    settle();
    BOOST_TEST(call.failed_with<ConnectionLoss>());
    BOOST_TEST(call.text().find("answered request 4711") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(each_call_has_the_request_time_out_to_itself) {
    options.request_timeout = 1s;
    auto& zk = connect();
    fake.stall(true);
    Outcome first(zk.get("/a"));
    pass(500ms);
    Outcome second(zk.get("/a"));
    pass(600ms);
    BOOST_TEST(first.failed_with<OperationTimeout>());
    BOOST_TEST(second.pending());
    pass(500ms);
    BOOST_TEST(second.failed_with<OperationTimeout>());
}

BOOST_AUTO_TEST_CASE(a_request_time_out_fails_the_call_and_discards_the_late_answer) {
    options.request_timeout = 1s;
    fake.put("/a", "x");
    auto& zk = connect();
    fake.stall(true);
    Outcome slow(zk.get("/a"));
    pass(500ms);
    Outcome later(zk.get("/a"));
    pass(600ms);
    BOOST_TEST(slow.failed_with<OperationTimeout>());
    BOOST_TEST(later.pending());
    fake.stall(false);
    settle();
    BOOST_TEST(later.value().data.view() == "x");
    get(zk.get("/a"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(ending, Fixture)

BOOST_AUTO_TEST_CASE(a_session_the_server_has_ended_is_over) {
    fake.put("/a", "x");
    auto& zk = connect();
    auto handlers = watch_states();
    fake.stall(true);
    Outcome in_flight(zk.get("/a"));
    settle();
    fake.stall(false);
    fake.refuse_sessions(true);
    fake.expire_sessions();
    settle();
    Outcome queued(zk.get("/a"));
    fake.refuse_sessions(false);
    pass(1s);
    BOOST_TEST((zk.state() == KeeperState::expired));
    BOOST_TEST(queued.failed_with<SessionExpired>());
    Outcome later(zk.get("/a"));
    BOOST_TEST(later.failed_with<SessionExpired>());
    BOOST_TEST(saw({KeeperState::connecting, KeeperState::expired}));
    get(zk.close());
    BOOST_TEST((zk.state() == KeeperState::expired));
}

BOOST_AUTO_TEST_CASE(a_server_that_gives_another_session_than_ours_has_ended_ours) {
    std::int64_t next = 0x100;
    network.listen({"zk1", 2181},
                   make_factory([&next](const Address&) { return std::make_shared<GivesSession>(++next); }));
    auto& zk = connect();
    BOOST_TEST(zk.session_id() == 0x101);
    Outcome call(zk.get("/a"));
    network.break_connections({"zk1", 2181});
    pass(1s);
    BOOST_TEST(call.failed_with<ConnectionLoss>());
    BOOST_TEST((zk.state() == KeeperState::expired));
    BOOST_TEST(zk.session_id() == 0x101);
}

BOOST_AUTO_TEST_CASE(a_session_nobody_confirms_is_over_after_four_thirds_of_its_time) {
    auto& zk = connect();
    fake.break_connections();
    fake.refuse_sessions(true);
    settle();
    Outcome queued(zk.get("/a"));
    pass(11900ms);
    BOOST_TEST(queued.pending());
    pass(200ms);
    BOOST_TEST(queued.failed_with<SessionExpired>());
    BOOST_TEST(queued.text().find("no server could be reached for 12.0 s") != std::string::npos);
    BOOST_TEST((zk.state() == KeeperState::expired));
    const auto attempts = network.attempts();
    pass(1min);
    BOOST_TEST(network.attempts() == attempts);
}

BOOST_AUTO_TEST_CASE(close_carries_out_what_was_asked_before_it_and_ends_the_session) {
    auto& zk = connect();
    get(zk.create("/e", "", CreateMode::ephemeral));
    auto handlers = watch_states();
    Outcome before(zk.create("/before"));
    Outcome closed(zk.close());
    Outcome after(zk.create("/after"));
    BOOST_TEST(after.failed_with<Closed>());
    BOOST_TEST(closed.pending());
    settle();
    BOOST_TEST(before.value() == "/before");
    closed.value();
    BOOST_TEST(fake.sessions() == 0u);
    BOOST_TEST(!fake.data("/e").has_value());
    BOOST_TEST(network.open_connections() == 0u);
    BOOST_TEST(zk.server() == "");
    BOOST_TEST((zk.state() == KeeperState::closed));
    BOOST_TEST(saw({KeeperState::closed}));
    get(zk.close());
}

BOOST_AUTO_TEST_CASE(close_does_not_wait_for_ever) {
    auto& zk = connect();
    fake.stall(true);
    Outcome unanswered(zk.get("/a"));
    Outcome closed(zk.close());
    pass(1900ms);
    BOOST_TEST(closed.pending());
    pass(3s);
    closed.value();
    BOOST_TEST(unanswered.failed_with<Closed>());
}

BOOST_AUTO_TEST_CASE(close_while_connecting_ends_in_the_next_turn) {
    network.set_unresponsive({"zk1", 2181}, true);
    auto& zk = make();
    Outcome connected(zk.connect());
    Outcome call(zk.get("/a"));
    Outcome closed(zk.close());
    BOOST_TEST(call.pending());
    settle();
    BOOST_TEST(call.failed_with<Closed>());
    BOOST_TEST(connected.failed_with<Closed>());
    closed.value();
    network.set_unresponsive({"zk1", 2181}, false);
    pass(1s);
    BOOST_TEST(fake.sessions() == 0u);
}

BOOST_AUTO_TEST_CASE(close_before_connect_and_twice_is_no_trouble) {
    auto& zk = make();
    Outcome first(zk.close()), second(zk.close());
    settle();
    first.value();
    second.value();
    Outcome connected(zk.connect());
    BOOST_TEST(connected.failed_with<Closed>());
}

BOOST_AUTO_TEST_CASE(the_connection_breaking_during_close_is_the_end_of_it) {
    auto& zk = connect();
    fake.stall(true);
    Outcome closed(zk.close());
    settle();
    fake.break_connections();
    settle();
    closed.value();
    BOOST_TEST((zk.state() == KeeperState::closed));
}

BOOST_AUTO_TEST_CASE(nothing_is_called_after_close_has_fired) {
    fake.put("/a", "x");
    auto& zk = connect();
    bool closed = false;
    int after = 0;
    auto count_late = [&] { after += closed ? 1 : 0; };
    auto handlers = zk.on_state([&](KeeperState) { count_late(); });
    fake.stall(true);
    std::vector<Deferred<>> calls;
    for (int i = 0; i < 10; ++i) {
        calls.push_back(zk.get_and_watch("/a").add_both([&](const Result<Watched<Node>>&) { count_late(); }));
    }
    Outcome done(zk.close().add_callback([&] { closed = true; }));
    pass(5s);
    BOOST_TEST(closed);
    BOOST_TEST(after == 0);
}

BOOST_AUTO_TEST_CASE(destroying_the_client_ends_the_session_and_fails_what_waits) {
    fake.put("/a", "x");
    auto& zk = connect();
    get(zk.create("/e", "", CreateMode::ephemeral));
    Outcome call(zk.get("/a"));
    client.reset();
    BOOST_TEST(call.failed_with<Closed>());
    BOOST_TEST(call.text().find("the client was destroyed") != std::string::npos);
    settle();
    BOOST_TEST(!fake.data("/e").has_value());
    BOOST_TEST(network.open_connections() == 0u);
}

BOOST_AUTO_TEST_CASE(the_client_may_be_destroyed_from_any_of_its_callbacks) {
    fake.put("/a", "x");
    for (int where = 0; where < 7; ++where) {
        auto& zk = where == 0 ? make() : connect();
        auto destroy = [this] { client.reset(); };
        StateSubscription handlers;
        std::vector<Deferred<>> held;
        auto hold = [&](auto deferred) {
            held.push_back(std::move(deferred).add_both([destroy](const auto&) { destroy(); }));
        };
        switch (where) {
            case 0:
                hold(zk.connect());
                break;
            case 1:
                hold(zk.get("/a"));
                break;
            case 2:
                hold(zk.close());
                break;
            case 3:
                handlers = zk.on_state([destroy](KeeperState) { destroy(); });
                break;
            case 4:
                fake.stall(true);
                hold(zk.get("/a"));
                break;
            case 5:
                hold(zk.get_and_watch("/a").add_callback([](Watched<Node> w) { return std::move(w.changed); }));
                break;
            default:
                hold(zk.get("/missing"));
        }
        Outcome other(zk.exists("/a"));
        settle();
        if (where == 3 || where == 4) fake.break_connections();
        if (where == 5) fake.put("/a", "y");
        settle();
        fake.stall(false);
        settle();
        BOOST_TEST(client == nullptr, "case " << where);
        BOOST_TEST(!other.pending(), "case " << where);
    }
}

BOOST_AUTO_TEST_CASE(destroying_the_client_while_its_session_ends_tells_everybody_before_it_returns) {
    fake.put("/a", "x");
    for (const bool in_handler : {true, false}) {
        auto& zk = connect();
        Outcome watch(std::move(get(zk.get_and_watch("/a")).changed));
        bool told = false;
        std::optional<Outcome<Node>> second;
        const auto destroy = [&] {
            client.reset();
            told = !second->pending() && !watch.pending();
        };
        StateSubscription handler;
        if (in_handler) handler = zk.on_state([&](KeeperState) { destroy(); });
        fake.stall(true);
        Outcome first(zk.get("/a").add_errback([&](Failure failure) {
            if (!in_handler) destroy();
            return failure;
        }));
        second.emplace(zk.get("/a"));
        Outcome closed(zk.close());
        pass(3s);
        closed.value();
        BOOST_TEST(told);
        BOOST_TEST(first.failed_with<Closed>());
        BOOST_TEST(second->failed_with<Closed>());
        BOOST_TEST(watch.failed_with<Closed>());
        fake.stall(false);
        settle();
    }
}

BOOST_AUTO_TEST_CASE(destroying_the_client_in_a_state_handler_calls_no_other_handler) {
    auto& zk = connect();
    int later = 0;
    auto first = zk.on_state([&](KeeperState) { client.reset(); });
    auto second = zk.on_state([&](KeeperState) { ++later; });
    fake.break_connections();
    settle();
    BOOST_TEST(client == nullptr);
    BOOST_TEST(later == 0);
}

BOOST_AUTO_TEST_CASE(destroying_the_client_in_the_first_of_two_connects_fails_the_other_before_it_returns) {
    auto& zk = make();
    bool told = false;
    std::optional<Outcome<Unit>> second;
    Outcome first(zk.connect().add_callback([&] {
        client.reset();
        told = !second->pending();
    }));
    second.emplace(zk.connect());
    settle();
    BOOST_TEST(told);
    BOOST_TEST(second->failed_with<Closed>());
}

BOOST_AUTO_TEST_CASE(a_farewell_that_the_server_does_not_take_is_given_up) {
    std::shared_ptr<Protocol> server_end;
    network.listen({"zk1", 2181}, make_factory([&server_end, real = fake.factory()](const Address& peer) {
                       return server_end = real->build_protocol(peer);
                   }));
    connect();
    server_end->transport().pause_producing();
    client.reset();
    pass(1900ms);
    BOOST_TEST(network.open_connections() == 1u);
    pass(200ms);
    BOOST_TEST(network.open_connections() == 0u);
}

BOOST_AUTO_TEST_CASE(a_call_from_a_failing_callback_waits_for_the_next_connection) {
    fake.put("/a", "x");
    auto& zk = connect();
    fake.stall(true);
    Outcome retried(zk.get("/a").add_errback<ConnectionLoss>([&](const ConnectionLoss&) { return zk.get("/a"); }));
    Outcome other(zk.get("/a"));
    settle();
    fake.break_connections();
    fake.stall(false);
    pass(1s);
    BOOST_TEST(retried.value().data.view() == "x");
    BOOST_TEST(other.failed_with<ConnectionLoss>());
}

BOOST_AUTO_TEST_CASE(a_state_handler_that_throws_is_reported_and_harms_nobody) {
    static int reports = 0;
    reports = 0;
    const auto previous = set_unhandled_failure_hook([](const UnhandledFailure&) { ++reports; });
    auto& zk = make();
    auto throws = zk.on_state([](KeeperState) { throw std::runtime_error("a handler's own trouble"); });
    auto notes = watch_states();
    get(zk.connect());
    set_unhandled_failure_hook(previous);
    BOOST_TEST(reports == 1);
    BOOST_TEST(saw({KeeperState::connected}));
    ++unhandled_before;
}

BOOST_AUTO_TEST_CASE(a_taken_back_state_handler_is_not_called_even_from_its_own_call) {
    auto& zk = make();
    int calls = 0;
    StateSubscription own;
    own = zk.on_state([&](KeeperState) {
        ++calls;
        own = {};
    });
    {
        auto gone = zk.on_state([&](KeeperState) { calls += 100; });
    }
    get(zk.connect());
    get(zk.close());
    BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_SUITE_END()

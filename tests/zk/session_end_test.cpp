#define BOOST_TEST_MODULE zk_session_end

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/tests/zk/session_fixture.hpp"

using namespace plait;
using namespace plait::zk;

namespace {

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

BOOST_FIXTURE_TEST_SUITE(ending, SessionFixture)

BOOST_AUTO_TEST_CASE(a_session_the_server_has_ended_is_over) {
    fake.put("/a", "x");
    auto& zk = connect();
    auto handlers = watch_states();
    fake.stall(true);
    auto in_flight = zk.get("/a");
    settle();
    fake.stall(false);
    fake.refuse_sessions(true);
    fake.expire_sessions();
    settle();
    auto queued = zk.get("/a");
    fake.refuse_sessions(false);
    pass(1s);
    BOOST_TEST((zk.state() == KeeperState::expired));
    failure_of<ConnectionLoss>(in_flight);
    failure_of<SessionExpired>(queued);
    auto later = zk.get("/a");
    failure_of<SessionExpired>(later);
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
    auto call = zk.get("/a");
    network.break_connections({"zk1", 2181});
    pass(1s);
    failure_of<ConnectionLoss>(call);
    BOOST_TEST((zk.state() == KeeperState::expired));
    BOOST_TEST(zk.session_id() == 0x101);
}

BOOST_AUTO_TEST_CASE(a_session_nobody_confirms_is_over_after_four_thirds_of_its_time) {
    auto& zk = connect();
    fake.break_connections();
    fake.refuse_sessions(true);
    settle();
    auto queued = zk.get("/a");
    pass(11900ms);
    no_result(queued);
    pass(200ms);
    failure_of<SessionExpired>(queued, "no server could be reached for 12.0 s");
    BOOST_TEST((zk.state() == KeeperState::expired));
    const auto attempts = network.attempts();
    pass(1min);
    BOOST_TEST(network.attempts() == attempts);
}

BOOST_AUTO_TEST_CASE(close_carries_out_what_was_asked_before_it_and_ends_the_session) {
    auto& zk = connect();
    get(zk.create("/e", "", CreateMode::ephemeral));
    auto handlers = watch_states();
    auto before = zk.create("/before");
    auto closed = zk.close();
    auto after = zk.create("/after");
    failure_of<Closed>(after);
    no_result(closed);
    settle();
    BOOST_TEST(success_of(before) == "/before");
    success_of(closed);
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
    auto unanswered = zk.get("/a");
    auto closed = zk.close();
    pass(1900ms);
    no_result(closed);
    pass(3s);
    success_of(closed);
    failure_of<Closed>(unanswered);
}

BOOST_AUTO_TEST_CASE(close_while_connecting_ends_in_the_next_turn) {
    network.set_unresponsive({"zk1", 2181}, true);
    auto& zk = make();
    auto connected = zk.connect();
    auto call = zk.get("/a");
    auto closed = zk.close();
    no_result(call);
    settle();
    failure_of<Closed>(call);
    failure_of<Closed>(connected);
    success_of(closed);
    network.set_unresponsive({"zk1", 2181}, false);
    pass(1s);
    BOOST_TEST(fake.sessions() == 0u);
}

BOOST_AUTO_TEST_CASE(close_before_connect_and_twice_is_no_trouble) {
    auto& zk = make();
    auto first = zk.close();
    auto second = zk.close();
    settle();
    success_of(first);
    success_of(second);
    auto connected = zk.connect();
    failure_of<Closed>(connected);
}

BOOST_AUTO_TEST_CASE(the_connection_breaking_during_close_is_the_end_of_it) {
    auto& zk = connect();
    fake.stall(true);
    auto closed = zk.close();
    settle();
    fake.break_connections();
    settle();
    success_of(closed);
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
    auto done = zk.close().add_callback([&] { closed = true; });
    pass(5s);
    BOOST_TEST(closed);
    BOOST_TEST(after == 0);
}

BOOST_AUTO_TEST_CASE(destroying_the_client_ends_the_session_and_fails_what_waits) {
    fake.put("/a", "x");
    auto& zk = connect();
    get(zk.create("/e", "", CreateMode::ephemeral));
    auto call = zk.get("/a");
    client.reset();
    failure_of<Closed>(call, "the client was destroyed");
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
        auto other = zk.exists("/a");
        settle();
        if (where == 3 || where == 4) fake.break_connections();
        if (where == 5) fake.put("/a", "y");
        settle();
        fake.stall(false);
        settle();
        BOOST_TEST(client == nullptr, "case " << where);
        BOOST_TEST(other.ready(), "case " << where);
        static_cast<void>(other.take());
    }
}

BOOST_AUTO_TEST_CASE(destroying_the_client_while_its_session_ends_tells_everybody_before_it_returns) {
    fake.put("/a", "x");
    for (const bool in_handler : {true, false}) {
        auto& zk = connect();
        auto watch = std::move(get(zk.get_and_watch("/a")).changed);
        bool told = false;
        Deferred<Node> second;
        const auto destroy = [&] {
            client.reset();
            told = second.ready() && watch.ready();
        };
        StateSubscription handler;
        if (in_handler) handler = zk.on_state([&](KeeperState) { destroy(); });
        fake.stall(true);
        auto first = zk.get("/a").add_errback([&](Failure failure) {
            if (!in_handler) destroy();
            return failure;
        });
        second = zk.get("/a");
        auto closed = zk.close();
        pass(3s);
        success_of(closed);
        BOOST_TEST(told);
        failure_of<Closed>(first);
        failure_of<Closed>(second);
        failure_of<Closed>(watch);
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
    Deferred<> second;
    auto first = zk.connect().add_callback([&] {
        client.reset();
        told = second.ready();
    });
    second = zk.connect();
    settle();
    BOOST_TEST(told);
    failure_of<Closed>(second);
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
    auto retried = zk.get("/a").add_errback<ConnectionLoss>([&](const ConnectionLoss&) { return zk.get("/a"); });
    auto other = zk.get("/a");
    settle();
    fake.break_connections();
    fake.stall(false);
    pass(1s);
    BOOST_TEST(success_of(retried).data.view() == "x");
    failure_of<ConnectionLoss>(other);
}

BOOST_AUTO_TEST_CASE(a_state_handler_that_throws_is_reported_and_harms_nobody) {
    plait::testing::CaughtReports reports;
    auto& zk = make();
    auto throws = zk.on_state([](KeeperState) { throw std::runtime_error("a handler's own trouble"); });
    auto notes = watch_states();
    get(zk.connect());
    reports.expect(1);
    BOOST_TEST(saw({KeeperState::connected}));
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

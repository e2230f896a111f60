#define BOOST_TEST_MODULE zk_watch

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <vector>

#include "plait/tests/zk/in_memory.hpp"

using namespace plait;
using namespace plait::zk;

BOOST_FIXTURE_TEST_SUITE(watches, InMemory)

BOOST_AUTO_TEST_CASE(a_data_watch_fires_once_on_a_change) {
    fake.put("/a", "1");
    auto& zk = connect();
    auto [node, watch] = get(zk.get_and_watch("/a"));
    BOOST_TEST(node.data.view() == "1");
    auto changed = std::move(watch);
    settle();
    no_result(changed);
    fake.put("/a", "2");
    fake.put("/a", "3");
    settle();
    BOOST_TEST((success_of(changed) == WatchEvent{EventType::data_changed, KeeperState::connected, "/a"}));
}

BOOST_AUTO_TEST_CASE(an_exists_watch_sees_a_missing_node_made_and_an_existing_one_changed_and_removed) {
    auto& zk = connect();
    auto missing = get(zk.exists_and_watch("/a"));
    BOOST_TEST(!missing.value.has_value());
    auto made = std::move(missing.changed);
    fake.put("/a", "1");
    settle();
    BOOST_TEST((success_of(made).type == EventType::created));

    auto there = get(zk.exists_and_watch("/a"));
    BOOST_TEST(there.value.has_value());
    auto changed = std::move(there.changed);
    fake.put("/a", "2");
    settle();
    BOOST_TEST((success_of(changed).type == EventType::data_changed));

    auto removed = std::move(get(zk.exists_and_watch("/a")).changed);
    fake.erase("/a");
    settle();
    BOOST_TEST((success_of(removed).type == EventType::deleted));
}

BOOST_AUTO_TEST_CASE(a_child_watch_sees_children_and_the_node_itself_go) {
    fake.put("/a", "");
    auto& zk = connect();
    auto added = std::move(get(zk.get_children_and_watch("/a")).changed);
    fake.put("/a/b", "");
    settle();
    BOOST_TEST((success_of(added) == WatchEvent{EventType::children_changed, KeeperState::connected, "/a"}));
    auto data_of_child = std::move(get(zk.get_children_and_watch("/a")).changed);
    fake.put("/a/b", "x");
    settle();
    no_result(data_of_child);
    fake.erase("/a");
    settle();
    BOOST_TEST((success_of(data_of_child).type == EventType::children_changed));
    fake.put("/a", "");
    auto gone = std::move(get(zk.get_children_and_watch("/a")).changed);
    fake.erase("/a");
    settle();
    BOOST_TEST((success_of(gone).type == EventType::deleted));
}

BOOST_AUTO_TEST_CASE(one_deletion_fires_the_data_and_the_child_watches) {
    fake.put("/a", "");
    auto& zk = connect();
    auto data = std::move(get(zk.get_and_watch("/a")).changed);
    auto child = std::move(get(zk.get_children_and_watch("/a")).changed);
    fake.erase("/a");
    settle();
    BOOST_TEST((success_of(data).type == EventType::deleted));
    BOOST_TEST((success_of(child).type == EventType::deleted));
}

BOOST_AUTO_TEST_CASE(a_read_that_fails_leaves_no_watch) {
    auto& zk = connect();
    auto missing = zk.get_and_watch("/a");
    settle();
    failure_of<NoNode>(missing);
}

BOOST_AUTO_TEST_CASE(an_event_comes_before_the_answer_that_shows_the_change) {
    fake.put("/a", "1");
    auto& zk = connect();
    std::vector<std::string> order;
    auto changed = zk.get_and_watch("/a").add_callback([&](Watched<Node> w) {
        return std::move(w.changed).add_callback([&](const WatchEvent&) { order.emplace_back("event"); });
    });
    auto set = zk.set("/a", "2").add_callback([&](const Stat&) { order.emplace_back("set"); });
    auto read = zk.get("/a").add_callback([&](const Node& n) { order.push_back(n.data.str()); });
    settle();
    BOOST_TEST(order == (std::vector<std::string>{"event", "set", "2"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_dropped_watch_is_forgotten) {
    fake.put("/a", "1");
    auto& zk = connect();
    for (int i = 0; i < 1000; ++i)
        get(zk.get_and_watch("/a"));
    fake.break_connections();
    pass(1s);
    BOOST_TEST(zk.connected());
    BOOST_TEST(std::count(fake.requests().begin(), fake.requests().end(), Op::set_watches) == 0);
}

BOOST_AUTO_TEST_CASE(watches_are_armed_again_on_a_new_connection) {
    fake.put("/a", "1");
    fake.put("/p", "");
    auto& zk = connect();
    auto data = std::move(get(zk.get_and_watch("/a")).changed);
    auto exist = std::move(get(zk.exists_and_watch("/x")).changed);
    auto child = std::move(get(zk.get_children_and_watch("/p")).changed);
    const auto id = zk.session_id();
    fake.break_connections();
    pass(1s);
    BOOST_TEST(zk.connected());
    BOOST_TEST(zk.session_id() == id);
    no_result(data);
    no_result(exist);
    no_result(child);
    fake.put("/a", "2");
    fake.put("/x", "");
    fake.put("/p/c", "");
    settle();
    BOOST_TEST((success_of(data).type == EventType::data_changed));
    BOOST_TEST((success_of(exist).type == EventType::created));
    BOOST_TEST((success_of(child).type == EventType::children_changed));
}

BOOST_AUTO_TEST_CASE(what_happened_while_away_fires_on_the_new_connection) {
    fake.put("/a", "1");
    fake.put("/b", "1");
    fake.put("/p", "");
    auto& zk = connect();
    auto data = std::move(get(zk.get_and_watch("/a")).changed);
    auto gone = std::move(get(zk.get_and_watch("/b")).changed);
    auto exist = std::move(get(zk.exists_and_watch("/x")).changed);
    auto child = std::move(get(zk.get_children_and_watch("/p")).changed);
    fake.refuse_sessions(true);
    fake.break_connections();
    settle();
    BOOST_TEST((zk.state() == KeeperState::connecting));
    fake.put("/a", "2");
    fake.put("/x", "");
    fake.put("/p/c", "");
    fake.erase("/b");
    fake.refuse_sessions(false);
    pass(2s);
    BOOST_TEST((success_of(data).type == EventType::data_changed));
    BOOST_TEST((success_of(gone).type == EventType::deleted));
    BOOST_TEST((success_of(exist).type == EventType::created));
    BOOST_TEST((success_of(child).type == EventType::children_changed));
}

BOOST_AUTO_TEST_CASE(watches_are_armed_again_before_what_was_queued_is_sent) {
    fake.put("/a", "1");
    auto& zk = connect();
    auto watch = std::move(get(zk.get_and_watch("/a")).changed);
    fake.break_connections();
    network.flush();
    auto queued = zk.set("/a", "2");
    pass(1s);
    success_of(queued);
    BOOST_TEST((success_of(watch).type == EventType::data_changed));
    const auto& requests = fake.requests();
    const auto armed = std::find(requests.begin(), requests.end(), Op::set_watches);
    const auto set = std::find(requests.begin(), requests.end(), Op::set_data);
    BOOST_TEST((armed < set));
}

BOOST_AUTO_TEST_CASE(pings_do_not_move_the_point_from_which_missed_changes_count) {
    fake.put("/a", "1");
    auto& zk = connect();
    auto data = std::move(get(zk.get_and_watch("/a")).changed);
    fake.withhold_events(true);
    fake.put("/a", "2");
    pass(4s);  // a ping is answered, with the change's own number
    fake.break_connections();
    pass(2s);
    BOOST_TEST((success_of(data).type == EventType::data_changed));
}

BOOST_AUTO_TEST_CASE(ten_thousand_watches_are_armed_again_in_packets_a_server_takes) {
    const std::string name(40, 'n');
    auto& zk = connect();
    std::vector<Deferred<>> watches;
    int fired = 0;
    for (int i = 0; i < 10'000; ++i) {
        auto watched = zk.exists_and_watch("/" + name + std::to_string(i));
        watches.push_back(std::move(watched).add_callback([&fired](Watched<std::optional<Stat>> w) {
            return std::move(w.changed).add_callback([&fired](const WatchEvent&) { ++fired; });
        }));
    }
    settle();
    fake.break_connections();
    pass(1s);
    BOOST_TEST(zk.connected());
    BOOST_TEST(std::count(fake.requests().begin(), fake.requests().end(), Op::set_watches) >= 4);
    fake.put("/" + name + "77", "");
    settle();
    BOOST_TEST(fired == 1);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_session_fails_every_watch) {
    fake.put("/a", "1");
    auto& zk = connect();
    auto watch = std::move(get(zk.get_and_watch("/a")).changed);
    fake.expire_sessions();
    pass(1s);
    failure_of<SessionExpired>(watch);

    auto& again = connect();
    auto closed = std::move(get(again.get_and_watch("/a")).changed);
    get(again.close());
    failure_of<Closed>(closed);
}

BOOST_AUTO_TEST_CASE(a_failing_watch_may_destroy_the_client_and_the_others_fail_before_that_returns) {
    fake.put("/a", "1");
    auto& zk = connect();
    bool told = false;
    Deferred<WatchEvent> second;
    auto first = std::move(get(zk.get_and_watch("/a")).changed).add_errback([&](Failure failure) {
        client.reset();
        told = second.ready();
        return failure;
    });
    second = std::move(get(zk.get_and_watch("/a")).changed);
    auto closed = zk.close();
    settle();
    BOOST_TEST(told);
    failure_of<Closed>(first);
    failure_of<Closed>(second);
}

BOOST_AUTO_TEST_CASE(a_watch_may_destroy_the_client_and_the_others_fail) {
    fake.put("/a", "1");
    auto& zk = connect();
    auto killer =
        std::move(get(zk.get_and_watch("/a")).changed).add_callback([this](const WatchEvent&) { client.reset(); });
    auto second = std::move(get(zk.get_and_watch("/a")).changed);
    fake.put("/a", "2");
    settle();
    success_of(killer);
    failure_of<Closed>(second);
}

BOOST_AUTO_TEST_SUITE_END()

#define BOOST_TEST_MODULE zk_client

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <vector>

#include "plait/tests/zk/in_memory.hpp"

using namespace plait;
using namespace plait::zk;

BOOST_FIXTURE_TEST_SUITE(calls, InMemory)

BOOST_AUTO_TEST_CASE(a_node_is_made_read_changed_and_removed) {
    auto& zk = connect();
    BOOST_TEST(get(zk.create("/a", "one")) == "/a");
    BOOST_TEST(get(zk.get("/a")).data.view() == "one");
    BOOST_TEST(get(zk.set("/a", "two", 0)).version == 1);
    BOOST_TEST(get(zk.get("/a")).data.view() == "two");
    get(zk.create("/a/b"));
    get(zk.create("/a/c"));
    BOOST_TEST(get(zk.get_children("/a")) == (std::vector<std::string>{"b", "c"}), boost::test_tools::per_element());
    BOOST_TEST(get(zk.exists("/a")).value().num_children == 2);
    get(zk.remove("/a/b"));
    BOOST_TEST(!get(zk.exists("/a/b")).has_value());
    get(zk.sync());
}

BOOST_AUTO_TEST_CASE(null_data_and_empty_data_stay_apart) {
    auto& zk = connect();
    get(zk.create("/null", null_data));
    get(zk.create("/empty", ""));
    BOOST_TEST(get(zk.get("/null")).null);
    BOOST_TEST(!get(zk.get("/empty")).null);
}

BOOST_AUTO_TEST_CASE(sequential_nodes_come_back_with_their_real_names) {
    auto& zk = connect();
    BOOST_TEST(get(zk.create("/s-", "", CreateMode::persistent_sequential)) == "/s-0000000000");
    BOOST_TEST(get(zk.create("/s-", "", CreateMode::ephemeral_sequential)) == "/s-0000000001");
}

BOOST_AUTO_TEST_CASE(each_refusal_is_an_error_of_its_own_class) {
    auto& zk = connect();
    get(zk.create("/a"));
    get(zk.create("/a/b"));
    get(zk.create("/e", "", CreateMode::ephemeral));
    auto missing = zk.get("/missing");
    auto exists = zk.create("/a");
    auto version = zk.set("/a", "x", 7);
    auto full = zk.remove("/a");
    auto child = zk.create("/e/f");
    auto orphan = zk.create("/x/y");
    settle();
    BOOST_TEST(failure_of<NoNode>(missing).what() == "get /missing: there is no such node (NoNode)");
    failure_of<NodeExists>(exists);
    failure_of<BadVersion>(version);
    failure_of<NotEmpty>(full);
    failure_of<NoChildrenForEphemerals>(child);
    failure_of<NoNode>(orphan);
}

BOOST_AUTO_TEST_CASE(a_wrong_path_fails_before_anything_is_sent) {
    auto& zk = connect();
    const auto before = fake.requests().size();
    auto relative = zk.get("a");
    auto dots = zk.set("/a/../b", "");
    auto empty = zk.exists("");
    auto slash = zk.create("/a/");
    BOOST_TEST(failure_of<BadArguments>(relative).what() ==
               "get a: the arguments are not valid (BadArguments): the path must start with '/'");
    failure_of<BadArguments>(dots);
    failure_of<BadArguments>(empty);
    failure_of<BadArguments>(slash);
    settle();
    BOOST_TEST(fake.requests().size() == before);
}

BOOST_AUTO_TEST_CASE(a_mode_and_its_time_to_live_must_fit) {
    auto& zk = connect();
    auto without = zk.create("/a", "", CreateMode::persistent_with_ttl);
    auto zero = zk.create_with_ttl("/a", "", 0ms);
    auto with = zk.create_with_ttl("/a", "", 1ms, CreateMode::ephemeral);
    failure_of<BadArguments>(without);
    failure_of<BadArguments>(zero);
    failure_of<BadArguments>(with);
    BOOST_TEST(get(zk.create_with_ttl("/a", "", 1min)) == "/a");
    BOOST_TEST(get(zk.create("/c", "", CreateMode::container)) == "/c");
}

BOOST_AUTO_TEST_CASE(an_error_code_nobody_knows_fails_that_call_alone) {
    auto& zk = connect();
    get(zk.create("/a", "x"));
    fake.fail_next(Op::get_data, static_cast<Code>(-999));
    auto odd = zk.get("/a");
    auto fine = zk.get("/a");
    settle();
    failure_of<UnknownError>(odd);
    BOOST_TEST(success_of(fine).data.view() == "x");
}

BOOST_AUTO_TEST_CASE(answers_come_in_the_order_of_the_calls) {
    auto& zk = connect();
    fake.put("/a", "x");
    std::vector<int> order;
    std::vector<Deferred<>> held;
    for (int i = 0; i < 100; ++i) {
        held.push_back(zk.get("/a").add_callback([&order, i](const Node&) { order.push_back(i); }));
    }
    settle();
    BOOST_TEST(order.size() == 100u);
    BOOST_TEST(std::is_sorted(order.begin(), order.end()));
}

BOOST_AUTO_TEST_CASE(everything_works_when_bytes_come_one_by_one) {
    network.set_bytes_per_step(1);
    auto& zk = connect();
    get(zk.create("/a", std::string(500, 'x')));
    auto watched = get(zk.get_and_watch("/a"));
    auto changed = std::move(watched.changed);
    fake.put("/a", "y");
    settle();
    BOOST_TEST((success_of(changed).type == EventType::data_changed));
    BOOST_TEST(get(zk.get("/a")).data.view() == "y");
}

BOOST_AUTO_TEST_CASE(a_dropped_call_discards_its_answer_and_the_others_get_theirs) {
    auto& zk = connect();
    fake.put("/a", "a");
    fake.put("/b", "b");
    auto first = zk.get("/a");
    auto dropped = zk.get("/b");
    auto last = zk.get("/b");
    dropped = {};
    settle();
    BOOST_TEST(success_of(first).data.view() == "a");
    BOOST_TEST(success_of(last).data.view() == "b");
}

BOOST_AUTO_TEST_CASE(a_call_dropped_before_it_could_be_sent_is_never_sent) {
    auto& zk = make();
    auto connected = zk.connect();
    zk.create("/dropped").cancel();
    auto kept = zk.create("/kept");
    settle();
    BOOST_TEST(success_of(kept) == "/kept");
    BOOST_TEST(!fake.data("/dropped").has_value());
}

BOOST_AUTO_TEST_CASE(too_many_calls_fail_with_queue_full_and_dropped_ones_make_room) {
    options.max_queued = 3;
    auto& zk = make();
    auto connected = zk.connect();
    auto a = zk.get("/a");
    auto b = zk.exists("/a");
    auto c = zk.exists("/a");
    auto refused = zk.exists("/a");
    failure_of<QueueFull>(refused);
    a = {};
    auto fits = zk.exists("/a");
    no_result(fits);
    settle();
    success_of(fits);
    success_of(b);
    auto again = zk.exists("/a");
    settle();
    success_of(again);
}

BOOST_AUTO_TEST_CASE(the_bytes_waiting_are_bounded_too) {
    options.max_queued_bytes = 1000;
    auto& zk = connect();
    auto large = zk.create("/a", std::string(2000, 'x'));
    // It would not fit into an empty queue either: to try again later is no use.
    failure_of<BadArguments>(large, "max_queued_bytes");
    fake.stall(true);
    auto first = zk.create("/a", std::string(500, 'x'));
    auto second = zk.create("/b", std::string(500, 'x'));
    failure_of<QueueFull>(second);
    fake.stall(false);
    settle();
    BOOST_TEST(success_of(first) == "/a");
}

BOOST_AUTO_TEST_CASE(calls_before_connect_fail_with_a_sentence) {
    auto& zk = make();
    auto early = zk.get("/a");
    failure_of<Closed>(early, "call connect() first");
}

BOOST_AUTO_TEST_CASE(calls_in_one_turn_leave_in_one_write) {
    auto& zk = connect();
    fake.put("/a", "x");
    int answered = 0;
    // From inside a reply, a hundred requests are one write: the network carries them in one step.
    auto all = zk.get("/a").add_callback([&](const Node&) {
        for (int i = 0; i < 100; ++i)
            zk.get("/a").add_callback([&](const Node&) { ++answered; }).detach([](const Failure&) {});
    });
    settle();
    BOOST_TEST(answered == 100);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(chroots, InMemory)

BOOST_AUTO_TEST_CASE(paths_are_below_the_chroot_both_ways) {
    fake.put("/app", "");
    fake.put("/apple", "");
    auto& zk = connect("zk1:2181/app");
    BOOST_TEST(get(zk.create("/a", "x")) == "/a");
    BOOST_TEST(fake.data("/app/a").value() == "x");
    BOOST_TEST(get(zk.create("/s-", "", CreateMode::persistent_sequential)) == "/s-0000000001");
    BOOST_TEST(get(zk.get_children("/")).size() == 2u);
    auto watched = get(zk.get_and_watch("/a"));
    auto changed = std::move(watched.changed);
    fake.put("/app/a", "y");
    settle();
    BOOST_TEST(success_of(changed).path == "/a");
    auto missing = zk.get("/missing");
    settle();
    BOOST_TEST(failure_of<NoNode>(missing).what() == "get /missing: there is no such node (NoNode)");
    auto root = get(zk.get_children_and_watch("/"));
    auto children = std::move(root.changed);
    fake.put("/app/new", "");
    settle();
    BOOST_TEST(success_of(children).path == "/");
}

BOOST_AUTO_TEST_SUITE_END()

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
    Outcome missing(zk.get("/missing"));
    Outcome exists(zk.create("/a"));
    Outcome version(zk.set("/a", "x", 7));
    Outcome full(zk.remove("/a"));
    Outcome child(zk.create("/e/f")), orphan(zk.create("/x/y"));
    settle();
    BOOST_TEST(missing.failed_with<NoNode>());
    BOOST_TEST(missing.text() == "get /missing: there is no such node (NoNode)");
    BOOST_TEST(exists.failed_with<NodeExists>());
    BOOST_TEST(version.failed_with<BadVersion>());
    BOOST_TEST(full.failed_with<NotEmpty>());
    BOOST_TEST(child.failed_with<NoChildrenForEphemerals>());
    BOOST_TEST(orphan.failed_with<NoNode>());
}

BOOST_AUTO_TEST_CASE(a_wrong_path_fails_before_anything_is_sent) {
    auto& zk = connect();
    const auto before = fake.requests().size();
    Outcome relative(zk.get("a"));
    Outcome dots(zk.set("/a/../b", ""));
    Outcome empty(zk.exists(""));
    Outcome slash(zk.create("/a/"));
    BOOST_TEST(relative.failed_with<BadArguments>());
    BOOST_TEST(relative.text() == "get a: the arguments are not valid (BadArguments): the path must start with '/'");
    BOOST_TEST(dots.failed_with<BadArguments>());
    BOOST_TEST(empty.failed_with<BadArguments>());
    BOOST_TEST(slash.failed_with<BadArguments>());
    settle();
    BOOST_TEST(fake.requests().size() == before);
}

BOOST_AUTO_TEST_CASE(a_mode_and_its_time_to_live_must_fit) {
    auto& zk = connect();
    Outcome without(zk.create("/a", "", CreateMode::persistent_with_ttl));
    Outcome zero(zk.create_with_ttl("/a", "", 0ms)), with(zk.create_with_ttl("/a", "", 1ms, CreateMode::ephemeral));
    BOOST_TEST(without.failed_with<BadArguments>());
    BOOST_TEST(zero.failed_with<BadArguments>());
    BOOST_TEST(with.failed_with<BadArguments>());
    BOOST_TEST(get(zk.create_with_ttl("/a", "", 1min)) == "/a");
    BOOST_TEST(get(zk.create("/c", "", CreateMode::container)) == "/c");
}

BOOST_AUTO_TEST_CASE(an_error_code_nobody_knows_fails_that_call_alone) {
    auto& zk = connect();
    get(zk.create("/a", "x"));
    fake.fail_next(Op::get_data, static_cast<Code>(-999));
    Outcome odd(zk.get("/a")), fine(zk.get("/a"));
    settle();
    BOOST_TEST(odd.failed_with<UnknownError>());
    BOOST_TEST(fine.value().data.view() == "x");
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
    Outcome changed(std::move(watched.changed));
    fake.put("/a", "y");
    settle();
    BOOST_TEST((changed.value().type == EventType::data_changed));
    BOOST_TEST(get(zk.get("/a")).data.view() == "y");
}

BOOST_AUTO_TEST_CASE(a_dropped_call_discards_its_answer_and_the_others_get_theirs) {
    auto& zk = connect();
    fake.put("/a", "a");
    fake.put("/b", "b");
    Outcome first(zk.get("/a"));
    auto dropped = std::make_unique<Outcome<Node>>(zk.get("/b"));
    Outcome last(zk.get("/b"));
    dropped.reset();
    settle();
    BOOST_TEST(first.value().data.view() == "a");
    BOOST_TEST(last.value().data.view() == "b");
}

BOOST_AUTO_TEST_CASE(a_call_dropped_before_it_could_be_sent_is_never_sent) {
    auto& zk = make();
    Outcome connected(zk.connect());
    zk.create("/dropped").cancel();
    Outcome kept(zk.create("/kept"));
    settle();
    BOOST_TEST(kept.value() == "/kept");
    BOOST_TEST(!fake.data("/dropped").has_value());
}

BOOST_AUTO_TEST_CASE(too_many_calls_fail_with_queue_full_and_dropped_ones_make_room) {
    options.max_queued = 3;
    auto& zk = make();
    Outcome connected(zk.connect());
    auto a = std::make_unique<Outcome<Node>>(zk.get("/a"));
    Outcome b(zk.exists("/a")), c(zk.exists("/a")), refused(zk.exists("/a"));
    BOOST_TEST(refused.failed_with<QueueFull>());
    a.reset();
    Outcome fits(zk.exists("/a"));
    BOOST_TEST(fits.pending());
    settle();
    fits.value();
    b.value();
    Outcome again(zk.exists("/a"));
    settle();
    again.value();
}

BOOST_AUTO_TEST_CASE(the_bytes_waiting_are_bounded_too) {
    options.max_queued_bytes = 1000;
    auto& zk = connect();
    Outcome large(zk.create("/a", std::string(2000, 'x')));
    // It would not fit into an empty queue either: to try again later is no use.
    BOOST_TEST(large.failed_with<BadArguments>());
    BOOST_TEST(large.text().find("max_queued_bytes") != std::string::npos);
    fake.stall(true);
    Outcome first(zk.create("/a", std::string(500, 'x')));
    Outcome second(zk.create("/b", std::string(500, 'x')));
    BOOST_TEST(second.failed_with<QueueFull>());
    fake.stall(false);
    settle();
    BOOST_TEST(first.value() == "/a");
}

BOOST_AUTO_TEST_CASE(calls_before_connect_fail_with_a_sentence) {
    auto& zk = make();
    Outcome early(zk.get("/a"));
    BOOST_TEST(early.failed_with<Closed>());
    BOOST_TEST(early.text().find("call connect() first") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(calls_in_one_turn_leave_in_one_write) {
    auto& zk = connect();
    fake.put("/a", "x");
    int answered = 0;
    // From inside a reply, a hundred requests are one write: the network carries them in one step.
    Outcome all(zk.get("/a").add_callback([&](const Node&) {
        for (int i = 0; i < 100; ++i)
            zk.get("/a").add_callback([&](const Node&) { ++answered; }).detach([](const Failure&) {});
    }));
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
    Outcome changed(std::move(watched.changed));
    fake.put("/app/a", "y");
    settle();
    BOOST_TEST(changed.value().path == "/a");
    Outcome missing(zk.get("/missing"));
    settle();
    BOOST_TEST(missing.text() == "get /missing: there is no such node (NoNode)");
    auto root = get(zk.get_children_and_watch("/"));
    Outcome children(std::move(root.changed));
    fake.put("/app/new", "");
    settle();
    BOOST_TEST(children.value().path == "/");
}

BOOST_AUTO_TEST_SUITE_END()

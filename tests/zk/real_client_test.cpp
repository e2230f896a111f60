#define BOOST_TEST_MODULE zk_real_client

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "plait/reactor/testing/boost_test.hpp"
#include "plait/tests/support/real_servers.hpp"
#include "plait/tests/support/zookeeper_server.hpp"
#include "plait/zk/client.hpp"

using namespace plait;
using namespace plait::zk;
using namespace std::chrono_literals;

PLAIT_NEEDS_REAL_SERVERS

namespace {

struct Real : plait::testing::CleanReactor {
    /// One server for all tests: each works below a node of its own.
    static support::ZooKeeperServer& server() {
        static support::ZooKeeperServer running;
        return running;
    }

    Real() {
        static int number = 0;
        base = "/test" + std::to_string(++number);
        options.session_timeout = 4s;
        patience_at_end = 5s;  // the server answers farewells
        Client plain(reactor, server().address(), options);
        await(plain.connect());
        await(plain.create(base));
        await(plain.close());
    }

    std::unique_ptr<Client> client() {
        auto made = std::make_unique<Client>(reactor, server().address() + base, options);
        await(made->connect());
        return made;
    }

    template <typename E, typename T>
    void check_fails(Deferred<T> deferred) {
        BOOST_CHECK_THROW(await(std::move(deferred)), E);
    }

    ClientOptions options;
    std::string base;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(real, Real)

BOOST_AUTO_TEST_CASE(a_node_is_made_read_changed_listed_and_removed) {
    const auto zk = client();
    BOOST_TEST(await(zk->create("/a", "one")) == "/a");
    const auto node = await(zk->get("/a"));
    BOOST_TEST(node.data.view() == "one");
    BOOST_TEST(node.stat.data_length == 3);
    BOOST_TEST(await(zk->set("/a", "two", 0)).version == 1);
    check_fails<BadVersion>(zk->set("/a", "three", 0));
    await(zk->create("/a/b"));
    await(zk->create("/a/c"));
    auto children = await(zk->get_children("/a"));
    std::sort(children.begin(), children.end());
    BOOST_TEST(children == (std::vector<std::string>{"b", "c"}), boost::test_tools::per_element());
    check_fails<NotEmpty>(zk->remove("/a"));
    await(zk->remove("/a/b", 0));
    BOOST_TEST(!await(zk->exists("/a/b")).has_value());
    check_fails<NoNode>(zk->get("/a/b"));
    check_fails<NodeExists>(zk->create("/a"));
    await(zk->sync());
    await(zk->close());
}

BOOST_AUTO_TEST_CASE(null_empty_and_binary_data_come_back_as_they_were) {
    const auto zk = client();
    await(zk->create("/null", null_data));
    await(zk->create("/empty", ""));
    await(zk->create("/binary", std::string("\0\xff\n\0", 4)));
    await(zk->create("/large", std::string(1'000'000, 'x')));
    BOOST_TEST(await(zk->get("/null")).null);
    BOOST_TEST(!await(zk->get("/empty")).null);
    BOOST_TEST(await(zk->get("/binary")).data.view() == std::string("\0\xff\n\0", 4));
    BOOST_TEST(await(zk->get("/large")).data.size() == 1'000'000u);
}

BOOST_AUTO_TEST_CASE(every_mode_is_what_it_says) {
    const auto zk = client();
    const auto id = zk->session_id();
    await(zk->create("/e", "", CreateMode::ephemeral));
    BOOST_TEST(await(zk->exists("/e")).value().ephemeral_owner == id);
    check_fails<NoChildrenForEphemerals>(zk->create("/e/x"));
    BOOST_TEST(await(zk->create("/s-", "", CreateMode::persistent_sequential)) == "/s-0000000001");
    BOOST_TEST(await(zk->create("/s-", "", CreateMode::ephemeral_sequential)) == "/s-0000000002");
    BOOST_TEST(await(zk->create("/", "", CreateMode::persistent_sequential)) == "/0000000003");
    BOOST_TEST(await(zk->create("/c", "", CreateMode::container)) == "/c");
    BOOST_TEST(await(zk->create_with_ttl("/t", "", 1h)) == "/t");
    BOOST_TEST(await(zk->create_with_ttl("/t-", "", 1h, CreateMode::persistent_sequential_with_ttl)) ==
               "/t-0000000006");
    check_fails<InvalidAcl>(zk->create("/acl", "", CreateMode::persistent, AclList{}));
    await(zk->create("/readable", "", CreateMode::persistent, read_acl_unsafe()));
    check_fails<NoAuth>(zk->set("/readable", "x"));
    await(zk->close());

    const auto other = client();
    BOOST_TEST(!await(other->exists("/e")).has_value());
    BOOST_TEST(await(other->exists("/s-0000000001")).has_value());
    BOOST_TEST(!await(other->exists("/s-0000000002")).has_value());
    await(other->close());
}

BOOST_AUTO_TEST_CASE(watches_fire_for_what_another_client_does) {
    const auto zk = client(), other = client();
    await(zk->create("/a", "1"));
    auto data = await(zk->get_and_watch("/a"));
    auto child = await(zk->get_children_and_watch("/a"));
    auto made = await(zk->exists_and_watch("/x"));
    await(other->set("/a", "2"));
    await(other->create("/a/c"));
    await(other->create("/x"));
    BOOST_TEST((await(std::move(data.changed)) == WatchEvent{EventType::data_changed, KeeperState::connected, "/a"}));
    BOOST_TEST((await(std::move(child.changed)).type == EventType::children_changed));
    BOOST_TEST((await(std::move(made.changed)).type == EventType::created));
    auto again = await(zk->get_and_watch("/x"));
    await(other->remove("/x"));
    BOOST_TEST((await(std::move(again.changed)).type == EventType::deleted));
}

BOOST_AUTO_TEST_CASE(a_thousand_calls_at_once_are_answered_in_order) {
    const auto zk = client();
    await(zk->create("/a", "x"));
    std::vector<int> order;
    auto all = make_deferred<>();
    for (int i = 0; i < 1000; ++i) {
        zk->get("/a")
            .add_callback([&order, &all, i](const Node&) {
                order.push_back(i);
                if (i == 999) all.promise.callback();
            })
            .detach([](const Failure& failure) { BOOST_ERROR(failure.message()); });
    }
    await(std::move(all.deferred));
    BOOST_TEST(order.size() == 1000u);
    BOOST_TEST(std::is_sorted(order.begin(), order.end()));
}

BOOST_AUTO_TEST_CASE(cancelled_calls_do_not_disturb_the_others) {
    const auto zk = client();
    await(zk->create("/a", "x"));
    for (int i = 0; i < 100; ++i) {
        auto dropped = zk->get("/a");
        auto cancelled = zk->exists("/a");
        cancelled.cancel();
        BOOST_CHECK_THROW(cancelled.take().value(), Cancelled);
    }
    BOOST_TEST(await(zk->get("/a")).data.view() == "x");
}

BOOST_AUTO_TEST_CASE(a_request_larger_than_the_server_takes_costs_the_connection_and_says_so) {
    const auto zk = client();
    try {
        await(zk->create("/a", std::string(2'000'000, 'x')));
        BOOST_ERROR("2 MB were taken");
    } catch (const ConnectionLoss& error) {
        BOOST_TEST(std::string(error.what()).find("jute.maxbuffer") != std::string::npos, error.what());
    }
    BOOST_TEST(await(zk->create("/a", "small")) == "/a");
}

BOOST_AUTO_TEST_CASE(an_idle_client_keeps_its_session_by_pings) {
    const auto zk = client();
    BOOST_TEST((zk->session_timeout() == 4s));
    const auto id = zk->session_id();
    await(zk->create("/e", "", CreateMode::ephemeral));
    int changes = 0;
    const auto handler = zk->on_state([&](KeeperState) { ++changes; });
    await(reactor.sleep(6s));
    BOOST_TEST(await(zk->exists("/e")).value().ephemeral_owner == id);
    BOOST_TEST(changes == 0);
}

BOOST_AUTO_TEST_CASE(close_while_busy_answers_what_was_asked_before) {
    const auto zk = client();
    std::vector<std::string> made;
    for (int i = 0; i < 100; ++i) {
        zk->create("/n" + std::to_string(i), "", CreateMode::ephemeral)
            .add_callback([&](std::string path) { made.push_back(std::move(path)); })
            .detach([](const Failure& failure) { BOOST_ERROR(failure.message()); });
    }
    await(zk->close());
    BOOST_TEST(made.size() == 100u);
    const auto other = client();
    BOOST_TEST(await(other->get_children("/")).empty());
}

BOOST_AUTO_TEST_CASE(destroying_a_client_in_its_callback_removes_its_ephemeral_nodes_soon) {
    auto zk = client();
    await(zk->create("/e", "", CreateMode::ephemeral));
    const auto other = client();
    auto gone = await(other->exists_and_watch("/e"));
    await(zk->get("/e").add_callback([&](const Node&) { zk.reset(); }));
    BOOST_TEST((await(std::move(gone.changed)).type == EventType::deleted));
}

BOOST_AUTO_TEST_SUITE_END()

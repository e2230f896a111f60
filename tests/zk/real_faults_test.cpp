#define BOOST_TEST_MODULE zk_real_faults

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "plait/reactor/metrics.hpp"
#include "plait/reactor/testing/boost_test.hpp"
#include "plait/tests/support/loopback.hpp"
#include "plait/tests/support/real_servers.hpp"
#include "plait/tests/support/zookeeper_server.hpp"
#include "plait/zk/client.hpp"

using namespace plait;
using namespace plait::zk;
using namespace std::chrono_literals;
using plait::testing::await_until;

PLAIT_NEEDS_REAL_SERVERS

namespace {

struct Faults : plait::testing::CleanReactor {
    Faults() {
        options.session_timeout = 20s;
        options.retry_delay = 20ms;
        options.max_retry_delay = 100ms;
        patience_at_end = 5s;  // servers answer farewells
    }

    template <typename T>
    T wait(Deferred<T> deferred) {
        return await(std::move(deferred), 60s);  // servers take their time to start
    }

    Deferred<> until(Client& zk, KeeperState wanted) {
        auto pair = make_deferred<>();
        handler = zk.on_state([wanted, promise = std::move(pair.promise)](KeeperState state) mutable {
            if (state == wanted && promise.wanted()) promise.callback();
        });
        return std::move(pair.deferred);
    }

    ClientOptions options;
    StateSubscription handler;
};

support::ZooKeeperOptions slow_ticks() {
    support::ZooKeeperOptions options;
    options.tick = 1000ms;
    return options;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(faults, Faults)

BOOST_AUTO_TEST_CASE(a_killed_and_restarted_server_keeps_the_session_and_the_watches) {
    support::ZooKeeperServer server(slow_ticks());
    Client zk(reactor, server.address(), options), other(reactor, server.address(), options);
    wait(zk.connect());
    wait(other.connect());
    const auto id = zk.session_id();
    wait(zk.create("/e", "", CreateMode::ephemeral));
    wait(zk.create("/a", "1"));
    auto data = wait(zk.get_and_watch("/a"));
    auto children = wait(zk.get_children_and_watch("/"));
    auto missing = wait(zk.exists_and_watch("/x"));

    auto lost = until(zk, KeeperState::connecting);
    server.kill();
    wait(std::move(lost));
    auto queued = zk.get("/a");
    server.start();
    BOOST_TEST(wait(std::move(queued)).data.view() == "1");
    BOOST_TEST(zk.session_id() == id);
    BOOST_TEST(wait(zk.exists("/e")).value().ephemeral_owner == id);

    wait(other.set("/a", "2"));
    wait(other.create("/x"));
    BOOST_TEST((wait(std::move(data.changed)).type == EventType::data_changed));
    BOOST_TEST((wait(std::move(missing.changed)).type == EventType::created));
    BOOST_TEST((wait(std::move(children.changed)).type == EventType::children_changed));
    wait(zk.close());
    wait(other.close());
}

BOOST_AUTO_TEST_CASE(calls_in_flight_when_the_server_dies_fail_in_order) {
    support::ZooKeeperServer server(slow_ticks());
    Client zk(reactor, server.address(), options);
    wait(zk.connect());
    server.pause();
    const auto sent = reactor.metrics().bytes_sent;
    std::vector<int> order;
    auto all = make_deferred<>();
    for (int i = 0; i < 10; ++i) {
        zk.exists("/a").detach([&order, &all, i](const Failure& failure) {
            BOOST_TEST(failure.check<ConnectionLoss>() != nullptr);
            order.push_back(i);
            if (i == 9) all.promise.callback();
        });
    }
    await_until(reactor, [&] { return reactor.metrics().bytes_sent > sent; });
    server.kill();
    wait(std::move(all.deferred));
    BOOST_TEST(order == (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_session_that_expires_while_the_server_is_out_of_reach_is_over) {
    support::ZooKeeperServer server;
    options.session_timeout = 4s;
    Client zk(reactor, server.address(), options);
    wait(zk.connect());
    wait(zk.create("/a", "x"));
    auto watched = wait(zk.get_and_watch("/a"));
    auto expired = until(zk, KeeperState::expired);
    server.pause();
    wait(std::move(expired));
    server.resume();
    BOOST_CHECK_THROW(wait(std::move(watched.changed)), SessionExpired);
    BOOST_CHECK_THROW(wait(zk.get("/a")), SessionExpired);
    wait(zk.close());

    Client next(reactor, server.address(), options);
    wait(next.connect());
    BOOST_TEST(wait(next.get("/a")).data.view() == "x");
}

BOOST_AUTO_TEST_CASE(an_unreachable_server_is_named) {
    options.connect_timeout = 500ms;
    const auto nobody = support::free_port();
    Client zk(reactor, "127.0.0.1:" + std::to_string(nobody), options);
    try {
        wait(zk.connect());
        BOOST_ERROR("connected to nobody");
    } catch (const plait::zk::ConnectTimeout& error) {
        BOOST_TEST(std::string(error.what()).find("127.0.0.1:" + std::to_string(nobody)) != std::string::npos,
                   error.what());
    }
}

BOOST_AUTO_TEST_SUITE_END()

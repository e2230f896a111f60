// examples/foreign_loops: a program with a loop of its own reads a znode, streams a view and writes a znode, inside it.
#define BOOST_TEST_MODULE foreign_loop_program
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "plait/reactor/reactor.hpp"
#include "plait/tests/support/child_process.hpp"
#include "plait/tests/support/couch_server.hpp"
#include "plait/tests/support/real_servers.hpp"
#include "plait/tests/support/temporary_directory.hpp"
#include "plait/tests/support/zookeeper_server.hpp"
#include "plait/zk/client.hpp"

using namespace plait;
using namespace std::chrono_literals;

PLAIT_NEEDS_REAL_SERVERS

namespace {

constexpr int rows = 300;

/// What `call` of a client brings.
template <typename Call>
auto on(const support::ZooKeeperServer& server, Call call) {
    Reactor reactor;
    zk::Client client(reactor, server.address());
    reactor.run_until(client.connect());
    return reactor.run_until(with_timeout(reactor, call(client), 30s, "the test"));
}

struct Servers {
    Servers() {
        couch.create_database("things");
        std::vector<std::string> documents;
        for (int i = 0; i < rows; ++i)
            documents.push_back(R"({"_id":"t)" + std::to_string(i) + "\"}");
        couch.load("things", documents);
        couch.put("/things/_design/d", R"({"views":{"all":{"map":"function(doc) { emit(doc._id, null); }"}}})");
        on(zookeeper, [](zk::Client& client) { return client.create("/view", "all"); });
    }

    support::Exit run(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), boost::unit_test::framework::master_test_suite().argv[1]);
        support::ChildProcess program({arguments, log, {}});
        const auto ended = program.wait(60s);
        output = program.log();
        BOOST_REQUIRE_MESSAGE(ended, "it did not end; it printed:\n" << output);
        return *ended;
    }

    support::ZooKeeperServer zookeeper;
    support::CouchServer couch;
    support::TemporaryDirectory directory{"foreign-loop"};
    std::filesystem::path log = directory.path() / "log";
    std::string output;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(with_servers, Servers)

BOOST_AUTO_TEST_CASE(both_clients_work_inside_a_loop_that_the_program_runs) {
    const support::Exit ended = run({zookeeper.address(), couch.url() + "/things"});
    BOOST_TEST(output == "300 rows, and the heart went on: yes\n");
    BOOST_TEST(ended.status == 0);
    const zk::Node counted = on(zookeeper, [](zk::Client& client) { return client.get("/rows"); });
    BOOST_TEST(counted.data.str() == "300");

    // A second count finds the first: a failure, in one line, and an end in good order.
    BOOST_TEST(run({zookeeper.address(), couch.url() + "/things"}).status == 1);
    BOOST_TEST(output.find("/rows") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

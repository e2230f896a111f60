// What the tests of view_mirror share: a real ZooKeeper, a view server in this process, mirrors as processes.
#pragma once

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "checkpoints.hpp"
#include "mirror_process.hpp"
#include "plait/couch_async/testing/view_server.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/tests/support/temporary_directory.hpp"
#include "plait/tests/support/zookeeper_server.hpp"
#include "plait/zk/client.hpp"
#include "verdict.hpp"

using namespace std::chrono_literals;
using plait::Deferred;
using rig::MirrorProcess;
using view_mirror::Checkpoint;

/// The path of the view_mirror program: the test binary's first argument.
inline std::string view_mirror_program() {
    const auto& suite = boost::unit_test::framework::master_test_suite();
    BOOST_REQUIRE_MESSAGE(suite.argc > 1, "usage: TEST -- PATH-OF-VIEW_MIRROR");
    return suite.argv[1];
}

struct MirrorFixture {
    static constexpr int rows = 6000;

    // What the tests do between two looks at the mirrors blocks this thread, and with it the client's pings: its own
    // session outlasts that. The mirrors' is short where a test waits for it to end.
    plait::support::ZooKeeperServer zookeeper{{.settings = {"maxSessionTimeout=120000"}}};
    plait::support::TemporaryDirectory directory{"mirror"};
    plait::Reactor reactor;
    plait::couch_async::testing::ViewServer server{reactor};
    std::unique_ptr<plait::ListeningPort> port = plait::listen_tcp(reactor, {"127.0.0.1", 0}, server.factory());
    plait::zk::Client zk{reactor, zookeeper.address(), {.session_timeout = 120s}};
    std::unordered_set<std::string> ids;

    MirrorFixture() {
        plait::couch_async::testing::ViewDocuments documents;
        for (int i = 0; i < rows; ++i) {
            char id[32];
            std::snprintf(id, sizeof id, "d\xc3\xb6k-%05d", i);
            // Ten documents to a key: a checkpoint is often in the middle of one.
            documents.add(id, std::to_string(i / 10), R"({"size": )" + std::to_string(i) + "}");
            ids.insert(id);
        }
        server.add_view("db", "packages", "by_name", std::move(documents));
        reactor.run_until(zk.connect());
        reactor.run_until(zk.create("/view_mirror"));
        reactor.run_until(zk.create(rig::checkpoint_path));
    }

    ~MirrorFixture() { reactor.run_until(zk.close()); }

    std::string url() const { return "http://" + port->address().str() + "/db"; }

    std::string config(const std::string& more = R"("batch": 50)") const {
        return R"({"url": ")" + url() + R"(", "design": "packages", "view": "by_name", )" + more + "}";
    }

    void configure(const std::string& json) {
        if (reactor.run_until(zk.exists("/view_mirror/config"))) {
            reactor.run_until(zk.set("/view_mirror/config", json));
        } else {
            reactor.run_until(zk.create("/view_mirror/config", json));
        }
    }

    MirrorProcess start_mirror(const std::string& name, const std::string& session_seconds = "2") {
        return MirrorProcess({view_mirror_program(), directory.path(), zookeeper.address(), session_seconds}, name);
    }
    /// Nobody waits for the end of its session, and a slow machine does not end it either.
    MirrorProcess start_one_alone() { return start_mirror("alone", "60"); }

    /// Two mirrors, after the first of them has taken a third of the rows. It gets no more than half of them.
    struct Pair {
        MirrorProcess leader;
        MirrorProcess other;
    };
    Pair start_two_and_wait_for_the_middle(const std::string& session_seconds = "2") {
        server.next_request().stall_after_rows(rows / 2);
        auto a = start_mirror("a", session_seconds);
        auto b = start_mirror("b", session_seconds);
        const auto middle = when_rows(rows / 3);
        BOOST_REQUIRE(!middle.complete);
        if (leads(a, middle)) return {std::move(a), std::move(b)};
        return {std::move(b), std::move(a)};
    }

    Checkpoint checkpoint_when(std::function<bool(const Checkpoint&)> enough) {
        return reactor.run_until(rig::checkpoint_when(reactor, zk, std::move(enough)));
    }
    Checkpoint when_rows(std::uint64_t count) {
        return checkpoint_when([count](const Checkpoint& checkpoint) { return checkpoint.rows() >= count; });
    }
    Checkpoint when_complete() {
        return checkpoint_when([](const Checkpoint& checkpoint) { return checkpoint.complete; });
    }

    rig::Verdict judge(const Checkpoint& checkpoint) const {
        return rig::judge(directory.path() / "journal", checkpoint, ids);
    }

    void expect_every_row_once(const Checkpoint& checkpoint) const {
        const auto verdict = judge(checkpoint);
        BOOST_TEST(verdict.lost == 0u);
        BOOST_TEST(verdict.repeated == 0u);
        BOOST_TEST(verdict.strange == 0u);
        BOOST_TEST(verdict.mirrored == ids.size());
    }

    std::string ask(const MirrorProcess& mirror, const std::string& question) {
        return reactor.run_until(mirror.ask(reactor, question));
    }
    bool leads(const MirrorProcess& mirror, const Checkpoint& checkpoint) const {
        return checkpoint.writer.rfind(mirror.name() + " ", 0) == 0;
    }
};

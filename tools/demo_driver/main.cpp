// What tools/demo runs: a real ZooKeeper, a view of Debian's package index, two mirrors of it. The one that leads is
// killed half way; the other has to finish the work with nothing lost and nothing twice.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <stdexcept>
#include <unordered_set>

#include "ask.hpp"
#include "checkpoints.hpp"
#include "mirror_process.hpp"
#include "packages.hpp"
#include "plait/couch_async/testing/view_server.hpp"
#include "plait/reactor/react.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/tests/support/temporary_directory.hpp"
#include "plait/tests/support/zookeeper_server.hpp"
#include "plait/zk/client.hpp"
#include "progress.hpp"
#include "upload.hpp"
#include "verdict.hpp"

namespace {

using namespace demo;
using rig::MirrorProcess;
using rig::Verdict;
using namespace std::chrono_literals;
using plait::Deferred;
using plait::Reactor;
namespace couch = plait::couch_async;
namespace zk = plait::zk;
using Time = std::chrono::steady_clock::time_point;

constexpr int batch = 250;

struct Arguments {
    std::string index;
    std::string mirror;
    std::string couch;
    int kill_at_percent = 45;
};

void tell(const std::string& text) {
    std::printf("==> %s\n", text.c_str());
    std::fflush(stdout);
}

double seconds_since(Time start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The whole demonstration, in the order of its member functions.
class Show {
public:
    Show(Reactor& reactor, const Arguments& arguments, plait::support::ZooKeeperServer& zookeeper,
         const std::vector<view_server::Package>& packages)
        : reactor_(reactor),
          arguments_(arguments),
          zookeeper_(zookeeper),
          packages_(packages),
          server_(reactor),
          zk_(reactor, zookeeper.address()),
          progress_(packages.size()) {}

    Deferred<int> run() {
        const std::string url = co_await serve();
        co_await configure(url);
        tell("two mirrors start; one of them is elected to stream");
        first_.emplace(setting(), "mirror-a");
        second_.emplace(setting(), "mirror-b");
        start_ = std::chrono::steady_clock::now();
        co_await watch_until(packages_.size() * static_cast<std::size_t>(arguments_.kill_at_percent) / 100);
        co_await kill_leader();
        co_await watch_until_complete();
        co_return co_await conclude();
    }

private:
    MirrorProcess::Setting setting() const { return {arguments_.mirror, directory_.path(), zookeeper_.address()}; }

    /// Where the view is served: by the server in this process, or by a real one.
    Deferred<std::string> serve() {
        if (!arguments_.couch.empty()) co_return co_await upload(reactor_, arguments_.couch, packages_);
        couch::testing::ViewDocuments rows;
        for (const auto& package : packages_)
            rows.add(package.id, package.key, package.value, package.document);
        server_.add_view("packages", "packages", "by_name", std::move(rows));
        port_ = plait::listen_tcp(reactor_, {"127.0.0.1", 0}, server_.factory());
        const std::string url = "http://" + port_->address().str() + "/packages";
        tell("a view server serves " + std::to_string(packages_.size()) + " packages at " + url);
        co_return url;
    }

    Deferred<> configure(std::string url) {
        co_await zk_.connect();
        const std::string json = R"({"url": ")" + url + R"(", "design": "packages", "view": "by_name", "batch": )" +
                                 std::to_string(batch) + "}";
        co_await zk_.create("/view_mirror");
        co_await zk_.create("/view_mirror/config", json);
        co_await zk_.create(rig::checkpoint_path);
        tell("the configuration is in the znode /view_mirror/config");
    }

    /// Follows the checkpoint until `enough` says so.
    Deferred<> watch(std::function<bool()> enough) {
        std::function<bool(const view_mirror::Checkpoint&)> look = [this, enough](const auto& checkpoint) {
            checkpoint_ = checkpoint;
            progress_.show(checkpoint.rows(), checkpoint.writer.empty() ? "" : "by " + checkpoint.writer);
            expect_mirrors_alive();
            return enough();
        };
        co_await rig::checkpoint_when(reactor_, zk_, std::move(look));
    }

    Deferred<> watch_until(std::uint64_t rows) {
        return watch([this, rows] { return checkpoint_.rows() >= rows; });
    }
    Deferred<> watch_until_complete() {
        return watch([this] { return checkpoint_.complete; });
    }

    void expect_mirrors_alive() {
        for (auto* mirror : {&first_, &second_}) {
            if (*mirror && !(*mirror)->running()) {
                throw std::runtime_error((*mirror)->name() + " has ended by itself:\n" + (*mirror)->log());
            }
        }
    }

    Deferred<> kill_leader() {
        if (checkpoint_.complete) throw std::runtime_error("it was too quick: there was nobody left to kill");
        const std::string status = co_await first_->status(reactor_);
        auto& leader = view_mirror::field(status, "role") == "leader" ? first_ : second_;
        const std::string name = leader->name();
        leader->kill();
        const auto killed = std::chrono::steady_clock::now();
        leader.reset();
        killed_at_ = checkpoint_.rows();
        const std::string dead = checkpoint_.writer;
        progress_.tell("==> " + name + ", which led, was killed with SIGKILL after row " + std::to_string(killed_at_));
        // Bound to names: GCC 12 loses temporaries with captures inside co_await.
        std::function<bool()> replaced = [this, dead] { return checkpoint_.writer != dead; };
        co_await watch(std::move(replaced));
        const auto at = checkpoint_.rows();
        std::function<bool()> going_on = [this, at] { return checkpoint_.rows() > at || checkpoint_.complete; };
        co_await watch(std::move(going_on));
        take_over_ = seconds_since(killed);
        progress_.tell("==> " + checkpoint_.writer + " has taken over");
    }

    Deferred<int> conclude() {
        const double elapsed = seconds_since(start_);
        progress_.finish();
        auto& survivor = first_ ? *first_ : *second_;
        const std::string count = co_await survivor.ask(reactor_, "count");
        const int status = survivor.stop();
        co_await zk_.close();
        const Verdict verdict = rig::judge(directory_.path() / "journal", checkpoint_, expected_ids());
        print(verdict, elapsed);
        if (count != std::to_string(verdict.expected)) {
            tell("but " + survivor.name() + " says that it holds " + count + " rows");
            co_return 1;
        }
        if (status != 0) {
            tell("but " + survivor.name() + " ended with exit status " + std::to_string(status));
            co_return 1;
        }
        co_return verdict.good() ? 0 : 1;
    }

    std::unordered_set<std::string> expected_ids() const {
        std::unordered_set<std::string> ids;
        for (const auto& package : packages_)
            ids.insert(package.id);
        return ids;
    }

    void print(const Verdict& verdict, double elapsed) const {
        const double streaming = std::max(elapsed - take_over_, 0.001);
        std::printf("\n  rows expected   %10lu\n", static_cast<unsigned long>(verdict.expected));
        std::printf("  rows mirrored   %10lu\n", static_cast<unsigned long>(verdict.mirrored));
        std::printf("  take-over time  %10.2f s   (the dead leader's session has to expire first)\n", take_over_);
        std::printf("  rows per second %10.0f     (%.2f s without the take-over, a checkpoint every %d rows)\n",
                    static_cast<double>(verdict.mirrored) / streaming, streaming, batch);
        if (verdict.strange > 0) std::printf("  rows unknown    %10lu\n", static_cast<unsigned long>(verdict.strange));
        std::printf("\n%lu lost, %lu repeated\n", static_cast<unsigned long>(verdict.lost),
                    static_cast<unsigned long>(verdict.repeated));
        std::fflush(stdout);
    }

    Reactor& reactor_;
    const Arguments& arguments_;
    plait::support::ZooKeeperServer& zookeeper_;
    const std::vector<view_server::Package>& packages_;
    plait::support::TemporaryDirectory directory_{"demo"};
    couch::testing::ViewServer server_;
    std::unique_ptr<plait::ListeningPort> port_;
    zk::Client zk_;
    Progress progress_;
    std::optional<MirrorProcess> first_, second_;
    view_mirror::Checkpoint checkpoint_;
    Time start_;
    std::uint64_t killed_at_ = 0;
    double take_over_ = 0;
};

Deferred<int> show(Reactor& reactor, const Arguments& arguments, plait::support::ZooKeeperServer& zookeeper,
                   const std::vector<view_server::Package>& packages) {
    Show it(reactor, arguments, zookeeper, packages);
    co_return co_await it.run();
}

int demonstrate(const Arguments& arguments) {
    tell("reading Debian's package index");
    const auto packages = view_server::read_packages(arguments.index);
    tell("starting ZooKeeper");
    plait::support::ZooKeeperServer zookeeper;
    tell("ZooKeeper serves on " + zookeeper.address());
    return plait::react_with_code([&](Reactor& reactor) { return show(reactor, arguments, zookeeper, packages); });
}

}  // namespace

int main(int argc, char** argv) try {
    Arguments arguments;
    CLI::App app("Mirrors Debian's package index through a killed leader, and counts what was lost or came twice.");
    app.add_option("--packages", arguments.index, "what `apt-cache dumpavail` printed")->required();
    app.add_option("--mirror", arguments.mirror, "the view_mirror program")->required();
    app.add_option("--couch", arguments.couch, "a real CouchDB to serve the view, http://user:password@host:5984");
    app.add_option("--kill-at", arguments.kill_at_percent, "per cent of the rows after which the leader is killed")
        ->check(CLI::Range(1, 99))
        ->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    return demonstrate(arguments);
} catch (const std::exception& error) {
    std::fprintf(stderr, "demo: %s\n", error.what());
    return 1;
}

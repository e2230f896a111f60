#define BOOST_TEST_MODULE view_mirror_bad_input
#include <filesystem>
#include <fstream>

#include "mirror_fixture.hpp"
#include "plait/tests/support/child_process.hpp"
#include "plait/tests/support/loopback.hpp"
#include "plait/tests/support/real_servers.hpp"

PLAIT_NEEDS_REAL_SERVERS

namespace {

namespace support = plait::support;

struct Outcome {
    int status;
    std::string said;
};

bool mentions(const Outcome& outcome, const std::string& text) {
    if (outcome.said.find(text) != std::string::npos) return true;
    BOOST_TEST_MESSAGE("it said: " + outcome.said);
    return false;
}

struct BadInputFixture : MirrorFixture {
    int runs = 0;

    /// Runs the program to its end, while the view server in this process goes on serving.
    Outcome run(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), view_mirror_program());
        support::Command command;
        command.arguments = std::move(arguments);
        command.log = directory.path() / ("run-" + std::to_string(++runs) + ".log");
        support::ChildProcess process(std::move(command));
        const auto deadline = reactor.now() + 60s;
        for (;;) {
            if (const auto exit = process.wait(0ms)) return {exit->status, process.log()};
            BOOST_REQUIRE_MESSAGE(reactor.now() < deadline, "it hangs, having said: " + process.log());
            reactor.run_until(reactor.sleep(5ms));
        }
    }

    Outcome run_mirror(const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments{
            "run", "--zk", zookeeper.address(), "--data", (directory.path() / "journal").string(), "--name", "x"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(std::move(arguments));
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(with_servers, BadInputFixture)

BOOST_AUTO_TEST_CASE(unknown_options_are_a_usage_error) {
    const auto outcome = run_mirror({"--colour", "blue"});
    BOOST_TEST(outcome.status == 2);
    BOOST_TEST(mentions(outcome, "--colour"));
    BOOST_TEST(run({}).status == 2);
}

BOOST_AUTO_TEST_CASE(a_bad_server_list_is_a_usage_error_that_quotes_it) {
    const auto outcome = run({"run", "--zk", "localhost:99999", "--data", "x", "--name", "x"});
    BOOST_TEST(outcome.status == 2);
    BOOST_TEST(mentions(outcome, "99999"));
}

BOOST_AUTO_TEST_CASE(an_unreachable_zookeeper_is_named) {
    const auto nobody = "127.0.0.1:" + std::to_string(support::free_port());
    const auto alone = run({"run", "--zk", nobody, "--connect-timeout", "0.3", "--data",
                            (directory.path() / "journal").string(), "--name", "x"});
    BOOST_TEST(alone.status == 1);
    BOOST_TEST(mentions(alone, nobody));
}

BOOST_AUTO_TEST_CASE(a_chroot_that_does_not_exist_is_explained) {
    const auto outcome = run({"run", "--zk", zookeeper.address() + "/nowhere", "--data",
                              (directory.path() / "journal").string(), "--name", "x"});
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(mentions(outcome, "chroot"));
}

BOOST_AUTO_TEST_CASE(a_busy_port_is_named) {
    const auto outcome = run_mirror({"--listen", port->address().str()});
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(mentions(outcome, port->address().str()));
}

BOOST_AUTO_TEST_CASE(a_configuration_that_is_not_json_names_its_znode) {
    configure("{\"url\": ");
    const auto outcome = run_mirror();
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(mentions(outcome, "/view_mirror/config"));
    BOOST_TEST(mentions(outcome, "not JSON"));
}

BOOST_AUTO_TEST_CASE(a_member_that_is_wrong_is_named) {
    configure(config(R"("batch": 0)"));
    const auto outcome = run_mirror();
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(mentions(outcome, "\"batch\" must be a whole number"));
}

BOOST_AUTO_TEST_CASE(a_bad_url_is_quoted) {
    configure(R"({"url": "ftp://somewhere/db", "design": "packages", "view": "by_name"})");
    const auto outcome = run_mirror();
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(mentions(outcome, "ftp://somewhere/db"));
}

BOOST_AUTO_TEST_CASE(a_bad_query_names_the_option) {
    configure(config(R"("query": "limit=many")"));
    const auto outcome = run_mirror();
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(mentions(outcome, "limit"));
}

BOOST_AUTO_TEST_CASE(a_view_that_does_not_exist_is_named) {
    configure(R"({"url": ")" + url() + R"(", "design": "packages", "view": "by_colour"})");
    const auto outcome = run_mirror();
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(mentions(outcome, "by_colour"));
}

BOOST_AUTO_TEST_CASE(a_server_that_always_cuts_the_body_before_the_first_row_is_given_up) {
    server.every_request().cut_after_rows(0);
    configure(config());
    const auto outcome = run_mirror();
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(mentions(outcome, "by_name"));
    BOOST_TEST(mentions(outcome, "trying again"));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_that_is_none_is_named) {
    reactor.run_until(zk.set(rig::checkpoint_path, "nonsense"));
    configure(config());
    const auto outcome = run_mirror();
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(mentions(outcome, rig::checkpoint_path));
}

BOOST_AUTO_TEST_CASE(a_journal_that_is_gone_is_named) {
    configure(config());
    auto mirror = start_mirror("first");
    when_complete();
    BOOST_TEST(mirror.stop() == 0);
    std::filesystem::remove_all(directory.path() / "journal");
    const auto outcome = run_mirror();
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(mentions(outcome, "journal"));
    BOOST_TEST(mentions(outcome, "--data"));
}

BOOST_AUTO_TEST_CASE(configure_refuses_what_the_mirror_would_refuse) {
    const auto file = directory.path() / "config.json";
    std::ofstream(file) << "{}";
    const auto outcome = run({"configure", "--zk", zookeeper.address(), file.string()});
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(mentions(outcome, "\"url\" is missing"));
    BOOST_TEST(!reactor.run_until(zk.exists("/view_mirror/config")).has_value());
}

BOOST_AUTO_TEST_CASE(configure_writes_what_the_mirror_reads) {
    const auto file = directory.path() / "config.json";
    std::ofstream(file) << config();
    BOOST_TEST(run({"configure", "--zk", zookeeper.address(), file.string()}).status == 0);
    auto mirror = start_mirror("alone");
    expect_every_row_once(when_complete());
    BOOST_TEST(mirror.stop() == 0);
}

BOOST_AUTO_TEST_SUITE_END()

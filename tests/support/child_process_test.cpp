#define BOOST_TEST_MODULE support_child_process
#include "plait/tests/support/child_process.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <stdexcept>

#include "plait/tests/support/temporary_directory.hpp"

namespace {

using plait::support::ChildProcess;
using std::chrono::seconds;

struct Fixture {
    plait::support::TemporaryDirectory directory{"child-process"};

    ChildProcess run(std::vector<std::string> arguments, std::vector<std::string> environment = {}) const {
        return ChildProcess({std::move(arguments), directory.path() / "log", std::move(environment)});
    }
    ChildProcess shell(const std::string& script) const { return run({"sh", "-c", script}); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(child_process, Fixture)

BOOST_AUTO_TEST_CASE(output_and_status_of_a_program_are_seen) {
    auto child = run({"sh", "-c", "echo out $GREETING; echo err >&2; exit 3"}, {"GREETING=hello"});
    BOOST_TEST(child.wait(seconds(10)).value().status == 3);
    BOOST_TEST(child.log() == "out hello\nerr\n");
    BOOST_TEST(!child.running());
}

BOOST_AUTO_TEST_CASE(a_missing_program_is_said_by_name) {
    BOOST_CHECK_EXCEPTION(run({"no-such-program"}), std::runtime_error, [](const std::runtime_error& error) {
        return std::string(error.what()) == "cannot start no-such-program: No such file or directory";
    });
}

BOOST_AUTO_TEST_CASE(stop_ends_a_program_with_sigterm) {
    auto child = shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done");
    child.wait_for_log("ready", seconds(10));
    BOOST_TEST(child.stop().status == 9);
}

BOOST_AUTO_TEST_CASE(stop_kills_a_program_that_does_not_listen) {
    auto child = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    child.wait_for_log("ready", seconds(10));
    BOOST_TEST(child.stop(std::chrono::milliseconds(50)).status == 128 + SIGKILL);
}

BOOST_AUTO_TEST_CASE(destroying_it_kills_what_the_program_started_too) {
    pid_t group = 0;
    {
        auto child = shell("sleep 1000 & echo ready; wait");
        group = child.pid();
        child.wait_for_log("ready", seconds(10));
        BOOST_TEST(kill(-group, 0) == 0);
    }
    // The grandchild's end is its new parent's business; what is left of it is at most a corpse.
    std::string state = plait::support::read_file("/proc/" + std::to_string(group) + "/stat");
    BOOST_TEST(state == "");
}

BOOST_AUTO_TEST_CASE(a_paused_program_hears_nothing_until_it_is_resumed) {
    auto child = shell("trap 'exit 5' USR1; echo ready; while :; do sleep 0.01; done");
    child.wait_for_log("ready", seconds(10));
    child.pause();
    child.signal(SIGUSR1);
    BOOST_TEST(!child.wait(std::chrono::milliseconds(50)).has_value());
    child.resume();
    BOOST_TEST(child.wait(seconds(10)).value().status == 5);
}

// A shell runs its commands by vfork, and is not to be stopped between that and exec. Twenty times meets that moment.
BOOST_AUTO_TEST_CASE(a_program_that_starts_others_all_the_time_can_be_paused) {
    auto child = shell("trap 'exit 5' USR1; echo ready; while :; do /bin/true; done");
    child.wait_for_log("ready", seconds(10));
    for (int i = 0; i < 20; ++i) {
        child.pause();
        child.resume();
    }
    child.signal(SIGUSR1);
    BOOST_TEST(child.wait(seconds(10)).value().status == 5);
}

BOOST_AUTO_TEST_CASE(waiting_for_words_that_never_come_shows_what_was_printed) {
    auto child = shell("echo something else");
    BOOST_CHECK_EXCEPTION(child.wait_for_log("ready", seconds(10)), std::runtime_error,
                          [](const std::runtime_error& error) {
                              const std::string text = error.what();
                              return text.find("ended without printing 'ready'") != std::string::npos &&
                                     text.find("something else") != std::string::npos;
                          });
}

BOOST_AUTO_TEST_CASE(a_moved_process_is_owned_once) {
    auto first = shell("read line; exit 0");
    auto second = std::move(first);
    second = shell("exit 4");
    BOOST_TEST(second.wait(seconds(10)).value().status == 4);
}

BOOST_AUTO_TEST_CASE(last_lines_takes_whole_lines_from_the_end) {
    BOOST_TEST(plait::support::last_lines("a\nb\nc\n", 2) == "b\nc\n");
    BOOST_TEST(plait::support::last_lines("a\nb", 1) == "b");
    BOOST_TEST(plait::support::last_lines("", 3) == "");
}

BOOST_AUTO_TEST_SUITE_END()

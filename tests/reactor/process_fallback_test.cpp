#define BOOST_TEST_MODULE process_fallback
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>

#include "plait/tests/reactor/process_fixture.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

bool old_system = true;

}  // namespace

// In place of the C library's: a system that does not know it, or does.
extern "C" int pidfd_open(pid_t pid, unsigned flags) noexcept {
    if (!old_system) return static_cast<int>(::syscall(SYS_pidfd_open, pid, flags));
    errno = ENOSYS;
    return -1;
}

BOOST_FIXTURE_TEST_SUITE(process_fallback, ProcessFixture)

BOOST_AUTO_TEST_CASE(without_pidfds_exits_are_learnt_by_signal) {
    run(shell("exit 5"));
    BOOST_TEST(*child->status().exit_code == 5);

    child = std::make_shared<ProcessRecorder>();
    child->when_made = [](ProcessRecorder& r) { r.transport().close_stdin(); };
    run(shell("read line; exit 6"));
    BOOST_TEST(*child->status().exit_code == 6);
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(an_exit_before_the_signal_is_listened_to_is_not_lost) {
    for (int i = 0; i < 20; ++i) {
        child = std::make_shared<ProcessRecorder>();
        spawn_process(reactor, shell("exit 0"), child);
        wait_ended();
    }
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(the_disposition_of_the_signal_is_put_back) {
    const auto ours = [](int) {};
    const auto before = ::signal(SIGCHLD, ours);
    run(shell("exit 0"));
    BOOST_TEST((::signal(SIGCHLD, before) == +ours));
}

BOOST_AUTO_TEST_CASE(children_are_killed_and_reaped_with_their_reactor_all_the_same) {
    {
        Reactor other;
        spawn_process(other, shell("exec sleep 100"), child);
        settle(other);
    }
    BOOST_TEST(*child->status().signal == SIGKILL);
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(a_status_that_somebody_else_took_is_said_to_be_unknown) {
    for (const bool old : {true, false}) {
        old_system = old;
        child = std::make_shared<ProcessRecorder>();
        spawn_process(reactor, shell("exit 3"), child);
        BOOST_REQUIRE(::waitpid(*child->transport().pid(), nullptr, 0) > 0);
        wait_ended();
        BOOST_TEST((child->status() == ExitStatus{}));
        BOOST_TEST(says(*child->ended->exception(), "something else took its status"));
    }
}

BOOST_AUTO_TEST_CASE(with_pidfds_the_programs_own_handler_stays_in_place) {
    old_system = false;
    static volatile sig_atomic_t arrived = 0;
    arrived = 0;
    const auto ours = [](int) { arrived = arrived + 1; };
    const auto before = ::signal(SIGCHLD, ours);
    spawn_process(reactor, shell("exit 0"), child);
    struct sigaction now = {};
    ::sigaction(SIGCHLD, nullptr, &now);
    BOOST_TEST((now.sa_handler == +ours));
    wait_ended();
    ::signal(SIGCHLD, before);
    BOOST_TEST(arrived == 1);
}

BOOST_AUTO_TEST_SUITE_END()

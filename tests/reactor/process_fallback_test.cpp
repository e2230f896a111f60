#define BOOST_TEST_MODULE process_fallback
#include <dlfcn.h>
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
bool no_handlers = false;  // for SIGCHLD
int killed = 0;            // by number

struct AsItWas {
    ~AsItWas() {
        old_system = true;
        no_handlers = false;
        killed = 0;
    }
};

}  // namespace

// In place of the C library's: a system that does not know it, or does.
extern "C" int pidfd_open(pid_t pid, unsigned flags) noexcept {
    if (!old_system) return static_cast<int>(::syscall(SYS_pidfd_open, pid, flags));
    errno = ENOSYS;
    return -1;
}

extern "C" int kill(pid_t pid, int number) noexcept {
    ++killed;
    return static_cast<int>(::syscall(SYS_kill, pid, number));
}

extern "C" int sigaction(int number, const struct sigaction* wanted, struct sigaction* before) noexcept {
    static const auto real = reinterpret_cast<decltype(&sigaction)>(::dlsym(RTLD_NEXT, "sigaction"));
    if (!no_handlers || number != SIGCHLD || wanted == nullptr) return real(number, wanted, before);
    errno = EAGAIN;
    return -1;
}

namespace {

struct Fixture : AsItWas, ProcessFixture {};

/// Somebody else ends the child and waits for it, which lets its number go.
void steal(const ProcessRecorder& r) {
    const pid_t pid = r.transport().pid().value();
    ::kill(pid, SIGKILL);
    BOOST_REQUIRE(::waitpid(pid, nullptr, 0) == pid);
    killed = 0;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(process_fallback, Fixture)

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

BOOST_AUTO_TEST_CASE(no_signal_goes_to_a_number_that_somebody_else_has_let_go) {
    for (const bool old : {true, false}) {
        old_system = old;
        child = std::make_shared<ProcessRecorder>();
        bool refused = false;
        child->when_made = [&](ProcessRecorder& r) {
            steal(r);
            BOOST_CHECK_THROW(r.transport().signal_process(SIGTERM), ProcessExitedAlready);
            BOOST_CHECK_THROW(r.transport().signal_group(SIGTERM), ProcessExitedAlready);
            BOOST_TEST(killed == 0);
            refused = true;
        };
        ProcessOptions options = shell("exec sleep 100");
        options.new_group = true;
        run(std::move(options));
        BOOST_TEST(refused);
        BOOST_TEST((child->status() == ExitStatus{}));
    }
}

BOOST_AUTO_TEST_CASE(nor_when_the_reactor_is_destroyed) {
    for (const bool old : {true, false}) {
        old_system = old;
        child = std::make_shared<ProcessRecorder>();
        {
            Reactor other;
            ProcessOptions options = shell("exec sleep 100");
            options.new_group = true;
            spawn_process(other, std::move(options), child);
            steal(*child);
        }
        BOOST_TEST(killed == 0);
        BOOST_TEST((child->status() == ExitStatus{}));
        BOOST_TEST(child->events.front() == "made");
        BOOST_TEST(child->events.back() == "ended");
    }
}

BOOST_AUTO_TEST_CASE(a_child_that_was_reaped_before_it_was_told_of_has_no_number) {
    for (const bool old : {true, false}) {
        old_system = old;
        for (int i = 0; i < 5; ++i) {
            child = std::make_shared<ProcessRecorder>();
            bool told = false;
            child->when_made = [&](ProcessRecorder& r) {
                siginfo_t about{};
                const std::optional<pid_t> pid = r.transport().pid();
                // Either the number is still the child's, or it is not given away.
                if (pid) BOOST_TEST(::waitid(P_PID, static_cast<id_t>(*pid), &about, WEXITED | WNOHANG | WNOWAIT) == 0);
                BOOST_TEST(pid.has_value() != r.transport().status().has_value());
                if (!pid) BOOST_CHECK_THROW(r.transport().signal_process(SIGTERM), ProcessExitedAlready);
                told = true;
            };
            spawn_process(reactor, shell("exit 0"), child);
            siginfo_t about{};
            const auto pid = static_cast<id_t>(*child->transport().pid());
            BOOST_REQUIRE(::waitid(P_PID, pid, &about, WEXITED | WNOWAIT) == 0);
            wait_ended();
            BOOST_TEST(told);
            BOOST_TEST(child->events.front() == "made");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_child_whose_exit_cannot_be_watched_for_is_not_started) {
    no_handlers = true;
    BOOST_CHECK_EXCEPTION(spawn_process(reactor, shell("exec sleep 100"), child), SpawnError, [](const auto& e) {
        return says(e, "cannot start sh: its descriptors and its exit cannot be watched: ");
    });
    BOOST_TEST(no_children());
    BOOST_TEST(!child->connected());
    no_handlers = false;
    run(shell("exit 0"));
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

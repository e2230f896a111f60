// What Twisted's own tests ask of child processes, asked of these, by their names.
#define BOOST_TEST_MODULE acceptance_process
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "plait/tests/reactor/process_fixture.hpp"
#include "plait/tests/support/temporary_directory.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

struct Pipe {
    Pipe() {
        int both[2];
        if (::pipe2(both, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        in.reset(both[0]);
        out.reset(both[1]);
    }
    UniqueFd in;
    UniqueFd out;
};

/// Waits, without a reactor, until a child has closed `pipe`: it is about to exit, or has.
void wait_for_end_of(Pipe& pipe) {
    pipe.out.reset();
    char byte = 0;
    while (::read(pipe.in.get(), &byte, 1) > 0) {
    }
}

/// The system call that a thread of this process waits in: its number and what it was given; "running" in none.
std::string call_of(pid_t thread) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/syscall");
    std::string line;
    std::getline(file, line);
    return line;
}

bool is_reading(pid_t thread, int fd) {
    std::ostringstream call;
    call << SYS_read << " 0x" << std::hex << fd << ' ';
    return call_of(thread).starts_with(call.str());
}

boost::test_tools::assertion_result may_look_at_threads(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result answer(!call_of(::gettid()).empty());
    if (!answer) answer.message() << "this system does not tell what a thread waits in (/proc/self/task/*/syscall)";
    return answer;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(acceptance_process, ProcessFixture)

BOOST_AUTO_TEST_CASE(spawn_process_early_is_reaped) {
    Pipe alive;
    ProcessOptions options = shell("exit 0");
    options.descriptors.emplace(3, ChildDescriptor::inherited(alive.out.get()));
    spawn_process(reactor, std::move(options), child);
    wait_for_end_of(alive);  // the loop has not run yet
    wait_ended();
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(process_exited_before_process_ended) {
    run(shell("exit 0"));
    const auto at = [&](const char* event) {
        return std::find(child->events.begin(), child->events.end(), event) - child->events.begin();
    };
    BOOST_TEST(at("exited") < at("ended"));
    BOOST_TEST(at("closed 1") < at("ended"));
    BOOST_TEST(at("ended") == static_cast<std::ptrdiff_t>(child->events.size()) - 1);
}

BOOST_AUTO_TEST_CASE(timely_process_exited) {
    // A grandchild that keeps the descriptors does not keep the news of the exit back.
    spawn_process(reactor, shell("sleep 100 & echo $!"), child);
    wait([&] { return child->has("exited") && !child->out.empty(); });
    BOOST_TEST(!child->has("ended"));
    ::kill(std::stoi(child->out), SIGKILL);
    wait_ended();
}

BOOST_AUTO_TEST_CASE(process_exited_with_signal) {
    for (const int signal : {SIGKILL, SIGTERM, SIGHUP, SIGINT}) {
        child = std::make_shared<ProcessRecorder>();
        child->when_made = [signal](ProcessRecorder& r) { r.transport().signal_process(signal); };
        run(shell("exec sleep 100"));
        BOOST_TEST(*child->status().signal == signal);
        BOOST_TEST(!child->status().exit_code);
    }
}

BOOST_AUTO_TEST_CASE(system_call_uninterrupted_by_child_exit, *boost::unit_test::precondition(may_look_at_threads)) {
    // With a handler for SIGCHLD in place, as somebody may have one.
    int told = 0;
    const auto listening = reactor.on_signal(SIGCHLD, [&](int) { ++told; });
    Pipe life;
    ProcessOptions options = shell("read nothing <&3");
    options.descriptors.emplace(3, ChildDescriptor::inherited(life.in.get()));
    spawn_process(reactor, std::move(options), child);
    const pid_t pid = *child->transport().pid();

    Pipe answer;
    std::atomic<bool> returned = false;
    bool ended_meanwhile = false;
    std::thread helper([&, reader = ::gettid()] {
        const auto wait_for_the_reader = [&] {
            while (!returned && !is_reading(reader, answer.in.get()))
                ::sched_yield();
        };
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);  // the reader is to get the signal
        wait_for_the_reader();
        life.out.reset();
        siginfo_t about{};
        ended_meanwhile = ::waitid(P_PID, static_cast<id_t>(pid), &about, WEXITED | WNOWAIT) == 0 && !returned;
        // It has got SIGCHLD: when it reads, its handler is over.
        wait_for_the_reader();
        static_cast<void>(::write(answer.out.get(), "x", 1));
    });
    char byte = 0;
    const ssize_t got = ::read(answer.in.get(), &byte, 1);
    returned = true;
    helper.join();
    BOOST_TEST(got == 1);
    BOOST_TEST(ended_meanwhile);
    wait_ended();
    wait([&] { return told > 0; });
}

BOOST_AUTO_TEST_CASE(child_connection_lost) {
    ProcessOptions options;
    options.program = "sh";
    options.arguments = {
        "-c",
        "while read n; do case $n in 0) exec <&-; read go <&3;; 1) exec >&-;; 2) exec 2>&-;; esac; done; "
        "sleep 100"};
    options.descriptors.emplace(3, ChildDescriptor::written());
    spawn_process(reactor, std::move(options), child);
    for (const char* number : {"2", "1", "0"}) {
        child->transport().write(number);
        child->transport().write("\n");
        const std::string event = std::string("closed ") + number;
        wait([&] { return child->has(event); });
    }
    BOOST_TEST(!child->has("exited"));
    child->transport().signal_process(SIGKILL);
    wait_ended();
}

BOOST_AUTO_TEST_CASE(open_file_descriptors) {
    const UniqueFd leaky(::open("/dev/null", O_RDONLY));
    run(shell("ls /proc/self/fd"));
    BOOST_TEST(child->out == "0\n1\n2\n3\n");  // 3 is what ls reads the list by
}

BOOST_AUTO_TEST_CASE(open_file_descriptors_with_a_pty) {
    const UniqueFd leaky(::open("/dev/null", O_RDONLY));
    ProcessOptions options = shell("ls /proc/self/fd | tr '\\n' ' '");
    options.terminal = WindowSize{};
    run(std::move(options));
    BOOST_TEST(child->out == "0 1 2 3 ");
}

BOOST_AUTO_TEST_CASE(process_exited_before_process_ended_with_a_pty) {
    ProcessOptions options = shell("echo last words; exit 5");
    options.terminal = WindowSize{};
    run(std::move(options));
    BOOST_TEST(child->out == "last words\r\n");
    BOOST_TEST(*child->status().exit_code == 5);
    BOOST_TEST(child->has("exited"));
    BOOST_TEST(child->events.back() == "ended");
}

BOOST_AUTO_TEST_CASE(error_during_exec) {
    ProcessOptions options;
    options.program = "/nosuch/program";
    BOOST_CHECK_THROW(spawn_process(reactor, std::move(options), child), ProgramNotFound);
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(process_command_line_arguments) {
    ProcessOptions options;
    options.program = "printf";
    options.arguments = {"<%s>", "hello", "\"", " \t|<>^&", "\"\\\\\"hello\\\\\"\"", "\\", "\xc3\xb6"};
    run(std::move(options));
    BOOST_TEST(child->out == "<hello><\">< \t|<>^&><\"\\\\\"hello\\\\\"\"><\\><\xc3\xb6>");
}

BOOST_AUTO_TEST_CASE(shebang) {
    const support::TemporaryDirectory directory("shebang");
    const std::filesystem::path script = directory.path() / "script";
    std::ofstream(script) << "#!/bin/sh\necho \"$1\"\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    ProcessOptions options;
    options.program = script;
    options.arguments = {"an argument"};
    run(std::move(options));
    BOOST_TEST(child->out == "an argument\n");
}

BOOST_AUTO_TEST_CASE(write_after_process_end) {
    child->when_exited = [](ProcessRecorder& r) {
        r.transport().write("nobody reads this");
        r.transport().close_stdin();
    };
    run(shell("exit 0"));
    BOOST_TEST(child->status().success());
}

BOOST_AUTO_TEST_CASE(a_stopped_process_is_not_an_exited_one) {
    spawn_process(reactor, shell("exec sleep 100"), child);
    child->transport().signal_process("STOP");
    settle(reactor);
    BOOST_TEST(!child->has("exited"));
    child->transport().signal_process("CONT");
    child->transport().signal_process("TERM");
    wait_ended();
    BOOST_TEST(*child->status().signal == SIGTERM);
}

BOOST_AUTO_TEST_SUITE_END()

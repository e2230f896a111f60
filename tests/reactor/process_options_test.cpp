#define BOOST_TEST_MODULE process_options
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "plait/tests/reactor/process_fixture.hpp"
#include "plait/tests/support/temporary_directory.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

template <typename E>
auto saying(std::string_view text) {
    return [text](const E& error) {
        BOOST_TEST_INFO(error.what());
        return says(error, text);
    };
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(process_options, ProcessFixture)

BOOST_AUTO_TEST_CASE(arguments_arrive_as_they_are_and_the_name_may_be_another) {
    ProcessOptions options;
    options.program = "sh";
    options.called = "somebody";
    options.arguments = {"-c", "printf '%s|' \"$0\" \"$@\"", "zero", "two words", "", "$HOME *"};
    run(std::move(options));
    BOOST_TEST(child->out == "zero|two words||$HOME *|");

    child = std::make_shared<ProcessRecorder>();
    options = ProcessOptions();
    options.program = "sh";
    options.called = "somebody";
    options.arguments = {"-c", "ps -o args= -p $$ 2>/dev/null || tr '\\0' ' ' < /proc/$$/cmdline"};
    run(std::move(options));
    BOOST_TEST(child->out.substr(0, 8) == "somebody");
}

BOOST_AUTO_TEST_CASE(the_environment_is_inherited_with_changes_or_replaced) {
    ::setenv("PLAIT_TEST_A", "ours", 1);
    ::setenv("PLAIT_TEST_B", "ours", 1);
    ProcessOptions options = shell("echo $PLAIT_TEST_A $PLAIT_TEST_B $PLAIT_TEST_C");
    options.environment = {{"PLAIT_TEST_B", "changed"}, {"PLAIT_TEST_C", "new"}};
    run(std::move(options));
    BOOST_TEST(child->out == "ours changed new\n");

    child = std::make_shared<ProcessRecorder>();
    options = ProcessOptions();
    options.program = "/usr/bin/env";
    options.inherit_environment = false;
    options.environment = {{"ONLY", "this"}};
    run(std::move(options));
    BOOST_TEST(child->out == "ONLY=this\n");
}

BOOST_AUTO_TEST_CASE(programs_are_found_in_the_path_of_the_child) {
    const support::TemporaryDirectory directory("path");
    const std::filesystem::path program = directory.path() / "plait-test-program";
    std::ofstream(program) << "#!/bin/sh\necho found\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    ProcessOptions options;
    options.program = "plait-test-program";
    options.environment = {{"PATH", "/nonexistent:" + directory.path().string() + ":/bin"}};
    run(std::move(options));
    BOOST_TEST(child->out == "found\n");
}

BOOST_AUTO_TEST_CASE(it_runs_in_the_directory_it_is_given) {
    const support::TemporaryDirectory directory("cwd");
    ProcessOptions options = shell("pwd -P");
    options.working_directory = directory.path();
    run(std::move(options));
    BOOST_TEST(child->out == std::filesystem::canonical(directory.path()).string() + "\n");
}

BOOST_AUTO_TEST_CASE(descriptors_may_be_ours_or_given_or_nothing) {
    const support::TemporaryDirectory directory("fds");
    const std::string path = directory.path() / "given";
    UniqueFd given(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const int number = given.get();
    int both[2];
    BOOST_REQUIRE(::pipe2(both, O_CLOEXEC | O_NONBLOCK) == 0);
    const UniqueFd in(both[0]);
    const UniqueFd out(both[1]);

    ProcessOptions options = shell("echo to file >&6; echo to pipe >&0; echo nobody >&1; cat <&9");
    options.descriptors.clear();
    options.descriptors.emplace(0, ChildDescriptor::inherited(out.get()));
    options.descriptors.emplace(1, ChildDescriptor::null());
    options.descriptors.emplace(6, ChildDescriptor::given(std::move(given)));
    options.descriptors.emplace(9, ChildDescriptor::null());
    run(std::move(options));
    BOOST_TEST(child->status().success());
    BOOST_TEST(support::read_file(path) == "to file\n");
    char room[64];
    BOOST_TEST(std::string(room, static_cast<std::size_t>(::read(in.get(), room, sizeof room))) == "to pipe\n");
    BOOST_TEST(::fcntl(number, F_GETFD) == -1);
    BOOST_TEST(::fcntl(out.get(), F_GETFD) == FD_CLOEXEC);
}

BOOST_AUTO_TEST_CASE(descriptors_may_change_places) {
    int first[2];
    int second[2];
    BOOST_REQUIRE(::pipe2(first, O_CLOEXEC | O_NONBLOCK) == 0);
    BOOST_REQUIRE(::pipe2(second, O_CLOEXEC | O_NONBLOCK) == 0);
    const UniqueFd first_in(first[0]), first_out(first[1]), second_in(second[0]), second_out(second[1]);
    ProcessOptions options =
        shell("echo a > /dev/fd/" + std::to_string(first[1]) + "; echo b > /dev/fd/" + std::to_string(second[1]));
    options.descriptors.emplace(first[1], ChildDescriptor::inherited(second[1]));
    options.descriptors.emplace(second[1], ChildDescriptor::inherited(first[1]));
    run(std::move(options));
    char room[8] = {};
    BOOST_TEST(::read(first[0], room, sizeof room) == 2);
    BOOST_TEST(room[0] == 'b');
    BOOST_TEST(::read(second[0], room, sizeof room) == 2);
    BOOST_TEST(room[0] == 'a');
}

BOOST_AUTO_TEST_CASE(all_other_descriptors_are_closed_in_the_child) {
    const UniqueFd leaky(::open("/dev/null", O_RDONLY));  // not close-on-exec
    const UniqueFd high(::fcntl(leaky.get(), F_DUPFD, 700));
    ProcessOptions options = shell("ls /proc/self/fd");
    options.descriptors.emplace(9, ChildDescriptor::null());
    run(std::move(options));
    BOOST_TEST(child->out == "0\n1\n2\n3\n9\n");  // 3 is what ls reads the list by
}

BOOST_AUTO_TEST_CASE(the_signal_mask_and_what_is_ignored_are_reset) {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto old = ::signal(SIGUSR2, SIG_IGN);
    const auto handled = reactor.on_signal(SIGHUP, [](int) {});
    run(shell("exec cat /proc/self/status"));
    ::signal(SIGUSR2, old);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    for (const char* line : {"SigBlk", "SigIgn", "SigCgt"})
        BOOST_TEST(child->out.find(std::string(line) + ":\t0000000000000000\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_group_and_a_session_of_its_own) {
    const std::string script =
        "set -- $(cut -d' ' -f5,6 /proc/$$/stat); [ $1 = $$ ] && echo group; "
        "[ $2 = $$ ] && echo session; exit 0";
    run(shell(script));
    BOOST_TEST(child->out.empty());

    child = std::make_shared<ProcessRecorder>();
    ProcessOptions options = shell(script);
    options.new_group = true;
    run(std::move(options));
    BOOST_TEST(child->out == "group\n");

    child = std::make_shared<ProcessRecorder>();
    options = shell(script);
    options.new_session = true;
    run(std::move(options));
    BOOST_TEST(child->out == "group\nsession\n");
}

BOOST_AUTO_TEST_CASE(it_runs_as_another_user_where_that_is_allowed) {
    ProcessOptions options = shell("id -u; id -g; id -G");
    options.uid = 65534;
    options.gid = 65534;
    if (::getuid() == 0) {
        run(std::move(options));
        BOOST_TEST(child->out == "65534\n65534\n65534\n");
    } else {
        BOOST_CHECK_EXCEPTION(spawn_process(reactor, std::move(options), child), SpawnError,
                              saying<SpawnError>("cannot start sh: "));
    }
}

// --- what cannot be started

BOOST_AUTO_TEST_CASE(a_program_that_is_not_there_is_named) {
    const auto start = [&](const std::string& program) {
        ProcessOptions options;
        options.program = program;
        spawn_process(reactor, std::move(options), child);
    };
    BOOST_CHECK_EXCEPTION(
        start("plait-nosuch"), ProgramNotFound,
        saying<ProgramNotFound>("cannot start plait-nosuch: there is no program of that name in PATH"));
    BOOST_CHECK_EXCEPTION(start("/nosuch/program"), ProgramNotFound,
                          saying<ProgramNotFound>("cannot start /nosuch/program: there is no such file"));
    BOOST_CHECK_EXCEPTION(start("/etc/passwd"), ProgramNotExecutable, saying<ProgramNotExecutable>("/etc/passwd: "));
    BOOST_CHECK_EXCEPTION(start("/"), ProgramNotExecutable, saying<ProgramNotExecutable>("permission denied"));
    settle(reactor);
    BOOST_TEST(child->events.empty());
    BOOST_TEST(!child->connected());
    BOOST_TEST(child.use_count() == 1);
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(what_is_no_program_is_named) {
    const support::TemporaryDirectory directory("noexec");
    const std::filesystem::path program = directory.path() / "text";
    std::ofstream(program) << "no program\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    ProcessOptions options;
    options.program = program;
    BOOST_CHECK_EXCEPTION(spawn_process(reactor, std::move(options), child), ProgramNotExecutable,
                          saying<ProgramNotExecutable>("exec format error"));
}

BOOST_AUTO_TEST_CASE(a_directory_that_is_not_there_is_named) {
    ProcessOptions options = shell("exit 0");
    options.working_directory = "/nosuch/directory";
    BOOST_CHECK_EXCEPTION(
        spawn_process(reactor, std::move(options), child), SpawnError,
        saying<SpawnError>("its working directory /nosuch/directory cannot be entered: no such file or directory"));
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(a_descriptor_of_ours_that_is_not_open_is_an_error) {
    ProcessOptions options = shell("exit 0");
    options.descriptors.emplace(5, ChildDescriptor::inherited(987));
    BOOST_CHECK_EXCEPTION(spawn_process(reactor, std::move(options), child), SpawnError,
                          saying<SpawnError>("its descriptors could not be put in place: bad file descriptor"));
}

BOOST_AUTO_TEST_CASE(running_out_of_descriptors_is_an_error_and_leaves_none_open) {
    const int next = ::dup(0);
    ::close(next);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(next) + 4;
    ::setrlimit(RLIMIT_NOFILE, &few);
    std::string said;
    try {
        spawn_process(reactor, shell("exit 0"), child);
    } catch (const SpawnError& error) {
        said = error.what();
    }
    const int after = ::dup(0);
    ::close(after);
    ::setrlimit(RLIMIT_NOFILE, &before);
    BOOST_TEST(said == "cannot start sh: no pipe for it: too many open files");
    BOOST_TEST(after == next);
}

BOOST_AUTO_TEST_CASE(whichever_descriptor_is_the_one_too_many_nothing_is_left) {
    settle(reactor);
    const auto next_descriptor = [] {
        const int next = ::dup(0);
        ::close(next);
        return next;
    };
    const int next = next_descriptor();
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    for (const bool terminal : {false, true}) {
        bool started = false;
        int failures = 0;
        for (rlim_t extra = 0; !started && extra < 40; ++extra) {
            child = std::make_shared<ProcessRecorder>();
            ProcessOptions options = shell("exec sleep 100");
            if (terminal) options.terminal = WindowSize{};
            options.descriptors.emplace(3, ChildDescriptor::null());
            rlimit few = before;
            few.rlim_cur = static_cast<rlim_t>(next) + extra;
            ::setrlimit(RLIMIT_NOFILE, &few);
            std::string said;
            try {
                spawn_process(reactor, std::move(options), child);
                started = true;
            } catch (const SpawnError& error) {
                said = error.what();
            }
            ::setrlimit(RLIMIT_NOFILE, &before);
            if (started) break;
            ++failures;
            BOOST_TEST(says(std::runtime_error(said), "cannot start sh: "), said);
            BOOST_TEST(next_descriptor() == next);
            BOOST_TEST(!child->connected());
            BOOST_TEST(no_children());
        }
        BOOST_TEST(started);
        BOOST_TEST(failures >= (terminal ? 4 : 7));
        child->transport().signal_process("KILL");
        wait_ended();
    }
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_are_refused_by_name) {
    const auto refused = [&](ProcessOptions options, std::string_view why) {
        BOOST_CHECK_EXCEPTION(spawn_process(reactor, std::move(options), child), std::invalid_argument,
                              saying<std::invalid_argument>(why));
    };
    refused({}, "no program is named");
    ProcessOptions options = shell("exit");
    options.arguments.push_back(std::string("a\0b", 3));
    refused(std::move(options), "an argument holds a zero byte");
    options = shell("exit");
    options.environment = {{"A=B", "c"}};
    refused(std::move(options), "\"A=B\" is no name of an environment variable");
    options = shell("exit");
    options.descriptors.emplace(-1, ChildDescriptor::null());
    refused(std::move(options), "there is no descriptor -1");
    BOOST_CHECK_THROW(spawn_process(reactor, shell("exit"), nullptr), std::invalid_argument);
}

// --- terminals

BOOST_AUTO_TEST_CASE(a_child_with_a_terminal_types_and_reads_there) {
    ProcessOptions options = shell("tty; stty size; stty -echo; read line; echo got $line; cat");
    options.terminal = WindowSize{101, 33};
    child->when_data = [typed = false](ProcessRecorder& r) mutable {
        if (typed || r.out.find("33 101") == std::string::npos) return;
        typed = true;
        r.transport().write("hello\n");
        r.transport().write("more\n\x04");
    };
    run(std::move(options));
    BOOST_TEST(child->out.find("/dev/pts/") != std::string::npos);
    BOOST_TEST(child->out.find("got hello") != std::string::npos);
    BOOST_TEST(child->out.find("more") != std::string::npos);
    BOOST_TEST(child->has("closed 1"));
    BOOST_TEST(child->status().success());
}

BOOST_AUTO_TEST_CASE(a_window_that_changes_is_told_of) {
    ProcessOptions options = shell("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.01; done");
    options.terminal = WindowSize{80, 24};
    child->when_data = [](ProcessRecorder& r) {
        if (r.out.find("ready") != std::string::npos) r.transport().set_window_size({50, 20});
    };
    run(std::move(options));
    BOOST_TEST(child->out.find("20 50") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(closing_a_terminal_hangs_up) {
    ProcessOptions options = shell("echo ready; exec sleep 100");
    options.terminal = WindowSize{};
    child->when_data = [](ProcessRecorder& r) { r.transport().lose_connection(); };
    run(std::move(options));
    BOOST_TEST(*child->status().signal == SIGHUP);
}

BOOST_AUTO_TEST_CASE(interrupt_is_typed) {
    ProcessOptions options = shell("echo ready; exec sleep 100");
    options.terminal = WindowSize{};
    child->when_data = [](ProcessRecorder& r) { r.transport().write("\x03"); };
    run(std::move(options));
    BOOST_TEST(*child->status().signal == SIGINT);
}

BOOST_AUTO_TEST_CASE(a_child_without_a_terminal_has_no_window) {
    spawn_process(reactor, shell("exit 0"), child);
    BOOST_CHECK_THROW(child->transport().set_window_size({}), UsageError);
    wait_ended();
}

BOOST_AUTO_TEST_SUITE_END()

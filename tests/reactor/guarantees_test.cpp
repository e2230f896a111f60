// What a reactor promises about quiet, size and time: idle it makes no system call, a million timers leave nothing
// behind, and a process that was stopped for a while goes on as if it had been busy.
#define BOOST_TEST_MODULE reactor_guarantees
#include <malloc.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/threads.hpp"
#include "plait/reactor/unique_fd.hpp"
#include "plait/tests/reactor/process_fixture.hpp"
#include "plait/tests/reactor/recorder.hpp"
#include "plait/tests/reactor/udp_fixture.hpp"
#include "plait/tests/support/child_process.hpp"
#include "plait/tests/support/temporary_directory.hpp"
#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace plait::support;
using namespace std::chrono_literals;

namespace {

/// A copy of this process that runs `program` until it ends, or is killed by the destructor.
class Fork {
public:
    template <typename F>
    explicit Fork(F program) : pid_(::fork()) {
        if (pid_ != 0) return;
        ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
        ::alarm(60);
        program();
        ::_exit(0);
    }
    Fork(const Fork&) = delete;
    Fork& operator=(const Fork&) = delete;
    ~Fork() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    pid_t pid() const noexcept { return pid_; }

    void stop() const {
        ::kill(pid_, SIGSTOP);
        int status = 0;
        ::waitpid(pid_, &status, WUNTRACED);
        BOOST_REQUIRE(WIFSTOPPED(status));
    }
    void go_on() const { ::kill(pid_, SIGCONT); }

private:
    pid_t pid_;
};

struct Pipe {
    Pipe() {
        int fds[2];
        BOOST_REQUIRE_EQUAL(::pipe(fds), 0);
        out = UniqueFd(fds[0]);
        in = UniqueFd(fds[1]);
    }
    void say(char letter) const { BOOST_REQUIRE_EQUAL(::write(in.get(), &letter, 1), 1); }
    char hear() const {
        char letter = '?';
        pollfd watched{out.get(), POLLIN, 0};
        BOOST_REQUIRE_EQUAL(::poll(&watched, 1, 20'000), 1);
        BOOST_REQUIRE_EQUAL(::read(out.get(), &letter, 1), 1);
        return letter;
    }
    UniqueFd out, in;
};

void let_pass(std::chrono::milliseconds time) {
    ::poll(nullptr, 0, static_cast<int>(time.count()));
}

boost::test_tools::assertion_result may_trace(boost::unit_test::test_unit_id) {
    if (!on_path("strace")) {
        boost::test_tools::assertion_result no(false);
        no.message() << "strace is not installed (tools/packages.txt)";
        return no;
    }
    const TemporaryDirectory folder;
    ChildProcess tried({{"strace", "-o", folder.path() / "calls", "true"}, folder.path() / "log", {}});
    const auto ended = tried.wait(20s);
    boost::test_tools::assertion_result answer(ended && ended->status == 0);
    if (!answer) answer.message() << "this machine does not permit tracing (ptrace)";
    return answer;
}

std::size_t in_use() {
    return ::mallinfo2().uordblks;
}

std::shared_ptr<Recorder> answering() {
    auto server = std::make_shared<Recorder>();
    server->when_data = [](Recorder& r, const Bytes& data) { r.transport().write(data); };
    return server;
}

std::shared_ptr<Factory> answering_factory() {
    return make_factory([](const Address&) { return answering(); });
}

void say_hello(Reactor& reactor, Recorder& client) {
    client.transport().write("hello");
    await_until(reactor, [&] { return client.received == "hello"; });
}

/// Everything a reactor may have, and nothing to do. A signal makes it say so.
void be_idle(const Pipe& told) {
    Reactor reactor;
    const auto client = std::make_shared<Recorder>();
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, answering_factory());
    reactor.run_until(connect_tcp(reactor, {"127.0.0.1", port->address().port}, client));
    say_hello(reactor, *client);

    const auto tls_client = std::make_shared<Recorder>();
    const auto tls_port = listen_tls(reactor, {"127.0.0.1", 0}, TlsContext::server(serving()), answering_factory());
    reactor.run_until(
        connect_tls(reactor, {"127.0.0.1", tls_port->address().port}, TlsContext::client(trusting()), tls_client));
    say_hello(reactor, *tls_client);

    const auto near = std::make_shared<DatagramRecorder>();
    const auto far = std::make_shared<DatagramRecorder>();
    const auto near_port = listen_udp(reactor, {"127.0.0.1", 0}, near);
    const auto far_port = listen_udp(reactor, {"127.0.0.1", 0}, far);
    near_port->write("hello", far_port->host());
    await_until(reactor, [&] { return far->has("hello"); });

    const auto child = std::make_shared<ProcessRecorder>();
    ProcessOptions cat;
    cat.program = "cat";  // ends when this process does
    spawn_process(reactor, std::move(cat), child);
    child->transport().write("hello");
    await_until(reactor, [&] { return child->out == "hello"; });

    const auto signal = reactor.on_signal(SIGUSR1, [&](int) { told.say('s'); });
    const auto distant = reactor.call_later(1h, [] {});
    reactor.run_until(defer_to_thread(reactor, [] {}));
    reactor.call_later(1ms, [&] { told.say('i'); }).detach();
    reactor.run();
}

std::string line_of(const std::string& path, const std::string& name) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(name)) return line;
    return {};
}

/// The threads of `process`.
std::vector<std::string> tasks_of(pid_t process) {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task"))
        all.push_back(entry.path());
    return all;
}

/// All its threads wait for something, and none for its tracer.
bool sleeps(pid_t process) {
    const auto tasks = tasks_of(process);
    return std::all_of(tasks.begin(), tasks.end(), [](const std::string& task) {
        return line_of(task + "/status", "State:").starts_with("State:\tS");
    });
}

/// How often its threads have begun to wait.
std::vector<std::string> waits_of(pid_t process) {
    std::vector<std::string> all;
    for (const std::string& task : tasks_of(process))
        all.push_back(line_of(task + "/status", "voluntary_ctxt_switches:"));
    return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_idle_reactor_makes_no_system_call, *boost::unit_test::precondition(may_trace)) {
    const TemporaryDirectory folder;
    const std::string calls = folder.path() / "calls";
    const Pipe told;
    const Fork idle([&] { be_idle(told); });
    BOOST_TEST(told.hear() == 'i');
    ChildProcess tracer({{"strace", "-f", "-o", calls, "-p", std::to_string(idle.pid())}, folder.path() / "log", {}});
    tracer.wait_for_log("attached", 20s);
    // The tracer has interrupted what each of the threads waits in. They wait again when all of them and the tracer
    // sleep; a signal shows that it sees what they do.
    const auto settle_down = [&] {
        while (!(sleeps(idle.pid()) && sleeps(tracer.pid()) && sleeps(idle.pid())))
            let_pass(10ms);
    };
    settle_down();
    ::kill(idle.pid(), SIGUSR1);
    BOOST_TEST(told.hear() == 's');
    settle_down();
    const std::string before = read_file(calls);
    BOOST_TEST(before.find("SIGUSR1") != std::string::npos, before);
    const std::vector<std::string> waits = waits_of(idle.pid());
    BOOST_TEST(waits.size() >= 2U);

    BOOST_TEST(!tracer.wait(2s));
    BOOST_TEST(waits_of(idle.pid()) == waits, boost::test_tools::per_element());
    const std::string after = read_file(calls);
    BOOST_REQUIRE(after.starts_with(before));
    BOOST_TEST(after.substr(before.size()) == "");

    ::kill(idle.pid(), SIGUSR1);
    BOOST_TEST(told.hear() == 's');
    settle_down();
    BOOST_TEST(read_file(calls).size() > after.size());
}

BOOST_AUTO_TEST_CASE(a_million_timers_set_and_cancelled_leave_nothing_behind) {
    constexpr int count = 1'000'000;
    Reactor reactor;
    reactor.run_until(reactor.sleep(0ms));
    const std::size_t before = in_use();
    const TimePoint start = reactor.now();
    int made = 0;
    {
        std::minstd_rand random(7);
        std::vector<DelayedCall> calls;
        calls.reserve(count);
        for (int i = 0; i < count; ++i) {
            const bool kept = i % 1000 == 0;
            calls.push_back(reactor.call_later(kept ? 1ms : std::chrono::milliseconds(1000 + random() % 100'000),
                                               [&made] { ++made; }));
        }
        BOOST_TEST(reactor.pending_calls() == static_cast<std::size_t>(count));
        // Sanitizers have an allocator of their own, of which nothing is known here.
        if (before != 0) BOOST_TEST(in_use() - before > static_cast<std::size_t>(count) * 64);
        for (int i = 0; i < count; ++i)
            if (i % 1000 != 0) calls[static_cast<std::size_t>(i)].cancel();
        BOOST_TEST(reactor.pending_calls() == static_cast<std::size_t>(count) / 1000);
        while (made < count / 1000)
            reactor.run_until(reactor.sleep(1ms));
    }
    BOOST_TEST(reactor.pending_calls() == 0u);
    if (before != 0) BOOST_TEST(in_use() < before + 64 * 1024);
    // About half a second, without sanitizers and neighbours; the bound is against anything quadratic.
    BOOST_TEST((reactor.now() - start < 60s));
}

BOOST_AUTO_TEST_CASE(a_process_that_was_stopped_and_continued_catches_up_in_order) {
    const Pipe told;
    const Fork child([&] {
        Reactor reactor;
        const TimePoint start = reactor.now();
        std::vector<DelayedCall> calls;
        char next = 'a';
        for (const auto delay : {40ms, 10ms, 30ms, 20ms}) {
            calls.push_back(reactor.call_later(delay, [&, delay] {
                const char expected = static_cast<char>('a' + delay / 10ms - 1);
                const bool right = expected == next++ && reactor.now() - start >= delay;
                told.say(right ? expected : '!');
                if (expected == 'd') reactor.call_later(5ms, [&] { told.say('e'); }).detach();
            }));
        }
        told.say('0');
        reactor.run();
    });
    BOOST_TEST(told.hear() == '0');
    child.stop();
    let_pass(100ms);
    child.go_on();
    for (const char expected : {'a', 'b', 'c', 'd', 'e'})
        BOOST_TEST(told.hear() == expected);
}

BOOST_AUTO_TEST_CASE(a_process_that_is_stopped_while_idle_is_woken_by_threads_and_signals_as_before) {
    const Pipe told;
    const Fork child([&] {
        Reactor reactor;
        const auto signal = reactor.on_signal(SIGUSR1, [&](int) { told.say('s'); });
        reactor.call_soon([&] { told.say('0'); });
        reactor.run();
    });
    BOOST_TEST(told.hear() == '0');
    for (int round = 0; round < 3; ++round) {
        child.stop();
        ::kill(child.pid(), SIGUSR1);
        let_pass(20ms);
        child.go_on();
        BOOST_TEST(told.hear() == 's');
    }
}

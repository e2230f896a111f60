// What a reactor promises about quiet, size and time: idle it makes no system call, a million timers leave nothing
// behind, and a process that was stopped for a while goes on as if it had been busy.
#define BOOST_TEST_MODULE reactor_guarantees
#include <malloc.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/threads.hpp"
#include "plait/reactor/unique_fd.hpp"
#include "plait/tests/reactor/recorder.hpp"
#include "plait/tests/support/child_process.hpp"
#include "plait/tests/support/temporary_directory.hpp"

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

/// Everything a reactor may have, and nothing to do.
void be_idle(const Pipe& told) {
    Reactor reactor;
    auto server = std::make_shared<Recorder>();
    auto client = std::make_shared<Recorder>();
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([&](const Address&) { return server; }));
    reactor.run_until(connect_tcp(reactor, {"127.0.0.1", port->address().port}, client));
    while (!server->connected())
        reactor.iterate(1ms);
    client->transport().write("hello");
    const auto signal = reactor.on_signal(SIGUSR1, [](int) {});
    const auto far = reactor.call_later(1h, [] {});
    reactor.run_until(defer_to_thread(reactor, [] {}));
    reactor.call_later(1ms, [&] { told.say('i'); }).detach();
    reactor.run();
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_idle_reactor_makes_no_system_call, *boost::unit_test::precondition(may_trace)) {
    const TemporaryDirectory folder;
    const Pipe told;
    const Fork idle([&] { be_idle(told); });
    BOOST_TEST(told.hear() == 'i');
    ChildProcess tracer(
        {{"strace", "-f", "-o", folder.path() / "calls", "-p", std::to_string(idle.pid())}, folder.path() / "log", {}});
    tracer.wait_for_log("attached", 20s);
    BOOST_TEST(!tracer.wait(700ms));
    ::kill(idle.pid(), SIGKILL);
    BOOST_TEST(tracer.wait(20s).has_value());

    // The tracer interrupts what each of the two threads waits in; they wait again, and that is all.
    std::ifstream calls(folder.path() / "calls");
    int count = 0;
    std::string all;
    for (std::string line; std::getline(calls, line); all += line + '\n')
        if (line.find("+++") == std::string::npos && line.find("---") == std::string::npos) ++count;
    BOOST_TEST(count >= 1, all);
    BOOST_TEST(count <= 6, all);
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

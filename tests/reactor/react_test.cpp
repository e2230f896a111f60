// react() as the main() of a child process: exit codes, the line on standard error, signals.
#define BOOST_TEST_MODULE reactor_react
#include "plait/reactor/react.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <functional>
#include <future>
#include <latch>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/reactor/unique_fd.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

struct Ended {
    int code = -1;   // of a normal end
    int signal = 0;  // that ended it
    std::string errors;
};

constexpr int reported = 99;  // a failure that nobody handled

/// Runs `program` as the main() of a child, to its end.
Ended run_child(int (*program)()) {
    int pipe[2];
    BOOST_REQUIRE_EQUAL(::pipe(pipe), 0);
    UniqueFd read_end(pipe[0]);
    UniqueFd write_end(pipe[1]);
    const pid_t child = ::fork();
    BOOST_REQUIRE_GE(child, 0);
    if (child == 0) {
        std::signal(SIGINT, SIG_DFL);
        std::signal(SIGTERM, SIG_DFL);
        ::dup2(write_end.get(), STDERR_FILENO);
        ::alarm(20);
        const testing::CaughtReports reports;
        const int code = program();
        ::_exit(reports.count() == 0 ? code : reported);
    }
    write_end.reset();
    Ended ended;
    char buffer[512];
    for (ssize_t got; (got = ::read(read_end.get(), buffer, sizeof buffer)) > 0;)
        ended.errors.append(buffer, static_cast<std::size_t>(got));
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) ended.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
    return ended;
}

Deferred<> raise_and_wait(Reactor& reactor, int number) {
    ::raise(number);
    co_await reactor.sleep(1h);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_value_is_exit_code_0) {
    const Ended ended = run_child([] { return react([](Reactor& reactor) { return reactor.sleep(1ms); }); });
    BOOST_TEST(ended.code == 0);
    BOOST_TEST(ended.errors == "");
}

BOOST_AUTO_TEST_CASE(a_ready_result_is_enough) {
    BOOST_TEST(run_child([] { return react([](Reactor&) { return succeed(); }); }).code == 0);
}

BOOST_AUTO_TEST_CASE(main_chooses_the_exit_code) {
    const Ended ended = run_child([] {
        return react_with_code([](Reactor& reactor) { return reactor.sleep(1ms).add_callback([] { return 7; }); });
    });
    BOOST_TEST(ended.code == 7);
    BOOST_TEST(ended.errors == "");
}

BOOST_AUTO_TEST_CASE(a_failure_is_exit_code_1_and_one_line) {
    const Ended ended = run_child([] {
        return react([](Reactor& reactor) -> Deferred<> {
            co_await reactor.sleep(1ms);
            throw std::runtime_error("cannot reach\n10.0.0.1:2181");
        });
    });
    BOOST_TEST(ended.code == 1);
    BOOST_TEST(ended.errors.find("cannot reach 10.0.0.1:2181\n") != std::string::npos);
    BOOST_TEST(std::count(ended.errors.begin(), ended.errors.end(), '\n') == 1);
}

BOOST_AUTO_TEST_CASE(a_main_that_throws_before_its_first_wait_fails_the_same) {
    const Ended ended =
        run_child([] { return react([](Reactor&) -> Deferred<> { throw std::runtime_error("bad start"); }); });
    BOOST_TEST(ended.code == 1);
    BOOST_TEST(ended.errors.find("bad start") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_stopped_reactor_ends_main_with_a_word_about_it) {
    const Ended ended = run_child([] {
        return react([](Reactor& reactor) -> Deferred<> {
            reactor.stop();
            co_await reactor.sleep(1h);
        });
    });
    BOOST_TEST(ended.code == 1);
    BOOST_TEST(ended.errors.find("stopped before main had ended") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_main_that_is_dropped_still_has_what_it_captured) {
    const auto ended = run_child([] {
        std::string said(100, '-');  // on the heap, where a reader of what is gone is caught
        return react_with_code([said](Reactor& reactor) -> Deferred<int> {
            struct Guard {
                const std::string& text;
                ~Guard() { std::fprintf(stderr, "%zu of %c\n", text.size(), text.back()); }
            } const guard{said};
            reactor.call_soon([&reactor] { reactor.stop(); });
            co_await reactor.sleep(1h);
            co_return 0;
        });
    });
    BOOST_TEST(ended.errors.find("100 of -\n") != std::string::npos, ended.errors);
}

BOOST_AUTO_TEST_CASE(single_stop_and_exit_with_defined_code) {
    // Twisted's react tests of that name: main is done, and the reactor was stopped elsewhere as well.
    const Ended ended = run_child([] {
        return react_with_code([](Reactor& reactor) -> Deferred<int> {
            reactor.call_soon([&] { reactor.stop(); });
            reactor.add_system_event_trigger(EventPhase::before, "shutdown", [&] { return reactor.sleep(5ms); })
                .detach();
            co_await reactor.sleep(1ms);
            co_return 7;
        });
    });
    BOOST_TEST(ended.code == 7);
    BOOST_TEST(ended.errors == "");
}

BOOST_AUTO_TEST_CASE(synchronous_stop) {
    const Ended ended = run_child([] {
        return react_with_code([](Reactor& reactor) {
            reactor.stop();
            return succeed(8);
        });
    });
    BOOST_TEST(ended.code == 8);
    BOOST_TEST(ended.errors == "");
}

BOOST_AUTO_TEST_CASE(sigint_cancels_main_and_is_a_good_end) {
    const Ended ended =
        run_child([] { return react([](Reactor& reactor) { return raise_and_wait(reactor, SIGINT); }); });
    BOOST_TEST(ended.code == 0);
    BOOST_TEST(ended.errors == "");
}

BOOST_AUTO_TEST_CASE(an_interrupt_that_is_ignored_stays_ignored_and_sigterm_ends_main_all_the_same) {
    const Ended ended = run_child([] {
        std::signal(SIGINT, SIG_IGN);  // as for a program that a shell has put into the background
        return react_with_code([](Reactor& reactor) -> Deferred<int> {
            ::raise(SIGINT);
            co_await reactor.sleep(5ms);
            try {
                co_await raise_and_wait(reactor, SIGTERM);
            } catch (const Cancelled&) {
            }
            struct sigaction now = {};
            ::sigaction(SIGINT, nullptr, &now);
            co_return now.sa_handler == SIG_IGN ? 5 : 6;
        });
    });
    BOOST_TEST(ended.code == 5);
    BOOST_TEST(ended.errors == "");
}

BOOST_AUTO_TEST_CASE(sigterm_lets_main_clean_up_and_choose_its_code) {
    const Ended ended = run_child([] {
        return react_with_code([](Reactor& reactor) -> Deferred<int> {
            bool cancelled = false;
            try {
                co_await raise_and_wait(reactor, SIGTERM);
            } catch (const Cancelled&) {
                cancelled = true;
            }
            co_await reactor.sleep(1ms);
            co_return cancelled ? 5 : 6;
        });
    });
    BOOST_TEST(ended.code == 5);
}

BOOST_AUTO_TEST_CASE(a_failure_while_cleaning_up_is_a_failure) {
    const Ended ended = run_child([] {
        return react([](Reactor& reactor) -> Deferred<> {
            try {
                co_await raise_and_wait(reactor, SIGTERM);
            } catch (const Cancelled&) {
                throw std::runtime_error("cannot save");
            }
        });
    });
    BOOST_TEST(ended.code == 1);
    BOOST_TEST(ended.errors.find("cannot save") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_second_signal_ends_the_process_at_once) {
    const Ended ended = run_child([] {
        return react([](Reactor& reactor) -> Deferred<> {
            try {
                co_await raise_and_wait(reactor, SIGINT);
            } catch (const Cancelled&) {
            }
            ::raise(SIGINT);
            co_await reactor.sleep(1h);
        });
    });
    BOOST_TEST(ended.signal == SIGINT);
}

BOOST_AUTO_TEST_CASE(several_threads_have_a_main_each_and_one_signal_cancels_them_all) {
    const Ended ended = run_child([] {
        std::latch waiting(3);
        std::atomic<int> cleaned_up = 0;
        const auto wait_and_clean_up = [&](Reactor& reactor) -> Deferred<> {
            waiting.count_down();
            try {
                co_await reactor.sleep(1h);
            } catch (const Cancelled&) {
                ++cleaned_up;
            }
        };
        std::vector<std::future<int>> codes;
        for (int i = 0; i < 3; ++i)
            codes.push_back(std::async(std::launch::async, [&] { return react(std::ref(wait_and_clean_up)); }));
        waiting.wait();
        ::raise(SIGTERM);
        int sum = 0;
        for (auto& code : codes)
            sum += code.get();
        return sum == 0 && cleaned_up == 3 ? 5 : 6;
    });
    BOOST_TEST(ended.code == 5);
    BOOST_TEST(ended.errors == "");
}

BOOST_AUTO_TEST_CASE(a_cancelled_main_without_a_signal_is_a_failure) {
    const Ended ended = run_child([] { return react([](Reactor&) { return fail(Cancelled()); }); });
    BOOST_TEST(ended.code == 1);
    BOOST_TEST(ended.errors != "");
}

BOOST_AUTO_TEST_CASE(a_main_that_returns_an_empty_deferred_is_a_failure_not_a_hang) {
    for (const auto program : {+[] { return react([](Reactor&) { return Deferred<>(); }); },
                               +[] { return react_with_code([](Reactor&) { return Deferred<int>(); }); }}) {
        const Ended ended = run_child(program);
        BOOST_TEST(ended.code == 1);
        BOOST_TEST(ended.errors.find("An empty Deferred was used") != std::string::npos);
    }
}

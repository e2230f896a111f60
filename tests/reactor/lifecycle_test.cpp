// From run() to its end, and again: stop, crash, iterate; loops that others run; signals that stop.
#define BOOST_TEST_MODULE reactor_lifecycle
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/deferred/context.hpp"
#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/loops/poll_loop.hpp"
#include "plait/reactor/metrics.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/threads.hpp"
#include "plait/tests/reactor/open_descriptors.hpp"
#include "plait/tests/reactor/recorder.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// Run from outside.
struct HostLoop final : PollLoop {
    void start_watching() override {}
    void stop_watching() override { ++stops; }
    int stops = 0;
};

struct ThrowingLoop final : PollLoop {
    void start_watching() override { throw std::runtime_error("no loop today"); }
};

/// Ends with what `program` returns, or by the signal that ends it.
int status_of_child(int (*program)()) {
    const pid_t child = ::fork();
    BOOST_REQUIRE_GE(child, 0);
    if (child == 0) {
        std::signal(SIGINT, SIG_DFL);
        std::signal(SIGTERM, SIG_DFL);
        ::alarm(20);
        ::_exit(program());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_runs_again_after_stop_and_after_crash_without_leaking_descriptors) {
    Reactor reactor;
    std::size_t before = 0;
    for (int round = 0; round < 200; ++round) {
        if (round == 10) before = open_descriptors();
        const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([](const Address&) { return nullptr; }));
        int calls = 0;
        auto trigger = reactor.add_system_event_trigger(EventPhase::after, "shutdown", [&] { ++calls; });
        auto call = reactor.call_later(0ms, [&] {
            ++calls;
            if (round % 2 == 0) {
                reactor.stop();
            } else {
                reactor.crash();
            }
        });
        reactor.run();
        BOOST_TEST(calls == (round % 2 == 0 ? 2 : 1));
        BOOST_TEST(!reactor.running());
    }
    BOOST_TEST(open_descriptors() == before);
}

BOOST_AUTO_TEST_CASE(crash_fires_nothing_and_leaves_everything_as_it_is) {
    Reactor reactor;
    std::string told;
    const auto before = reactor.add_system_event_trigger(EventPhase::before, "shutdown", [&] { told += 'b'; });
    const auto after = reactor.add_system_event_trigger(EventPhase::after, "shutdown", [&] { told += 'a'; });
    auto later = reactor.call_later(1h, [] {});
    reactor.call_soon([&] { reactor.crash(); });
    reactor.run();
    BOOST_TEST(told == "");
    BOOST_TEST(before.active());
    BOOST_TEST(later.active());
    reactor.call_soon([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(told == "ba");
    BOOST_TEST(!after.active());
    reactor.crash();  // nothing to leave
}

BOOST_AUTO_TEST_CASE(crash_drops_what_shutdown_waits_for) {
    Reactor reactor;
    bool dropped = false;
    std::vector<Promise<>> promises;
    reactor
        .add_system_event_trigger(EventPhase::before, "shutdown",
                                  [&] {
                                      auto pair = make_deferred<>([&] { dropped = true; });
                                      promises.push_back(std::move(pair.promise));
                                      reactor.call_soon([&] { reactor.crash(); });
                                      return std::move(pair.deferred);
                                  })
        .detach();
    reactor.call_soon([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(dropped);
    BOOST_TEST(!reactor.stopping());
}

BOOST_AUTO_TEST_CASE(a_crash_in_a_before_trigger_keeps_those_behind_it) {
    Reactor reactor;
    reactor.add_system_event_trigger(EventPhase::before, "shutdown", [&] { reactor.crash(); }).detach();
    int called = 0;
    const auto next = reactor.add_system_event_trigger(EventPhase::before, "shutdown", [&] { ++called; });
    reactor.call_soon([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(called == 0);
    reactor.call_soon([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(called == 1);
}

BOOST_AUTO_TEST_CASE(a_crash_right_after_what_shutdown_waited_for_ends_that_shutdown) {
    Reactor reactor;
    std::vector<Promise<>> promises;
    reactor
        .add_system_event_trigger(EventPhase::before, "shutdown",
                                  [&] {
                                      auto pair = make_deferred<>();
                                      promises.push_back(std::move(pair.promise));
                                      reactor.call_soon([&] {
                                          promises[0].callback();
                                          reactor.crash();
                                      });
                                      return std::move(pair.deferred);
                                  })
        .detach();
    const auto during = reactor.add_system_event_trigger(EventPhase::during, "shutdown", [] {});
    reactor.call_soon([&] { reactor.stop(); });
    reactor.run();
    reactor.run_until(reactor.sleep(1ms));
    BOOST_TEST(during.active());
}

BOOST_AUTO_TEST_CASE(it_may_be_stopped_or_crashed_by_its_own_startup) {
    for (const EventPhase phase : {EventPhase::before, EventPhase::during, EventPhase::after}) {
        for (const bool crash : {false, true}) {
            Reactor reactor;
            std::string told;
            reactor
                .add_system_event_trigger(phase, "startup",
                                          [&] {
                                              if (crash) {
                                                  reactor.crash();
                                              } else {
                                                  reactor.stop();
                                                  BOOST_TEST(reactor.stopping());
                                              }
                                          })
                .detach();
            reactor.add_system_event_trigger(EventPhase::after, "startup", [&] { told += 'u'; }).detach();
            reactor.add_system_event_trigger(EventPhase::before, "shutdown", [&] { told += 'd'; }).detach();
            reactor.run();
            BOOST_TEST(!reactor.running());
            BOOST_TEST(told == (crash ? "" : "ud"));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_stop_that_a_crash_overtook_does_not_end_the_next_run) {
    Reactor reactor;
    reactor.call_soon([&] {
        reactor.stop();
        reactor.crash();
    });
    reactor.run();
    std::string told;
    reactor.add_system_event_trigger(EventPhase::before, "shutdown", [&] { told += 's'; }).detach();
    auto end = reactor.call_later(2ms, [&] {
        told += 'e';
        reactor.stop();
    });
    reactor.run();
    BOOST_TEST(told == "es");
}

BOOST_AUTO_TEST_CASE(the_end_of_a_run_waits_for_what_threads_are_doing_and_they_work_again_in_the_next) {
    Reactor reactor;
    for (int round = 0; round < 2; ++round) {
        std::promise<void> begun;
        std::promise<void> go_on;
        std::atomic<bool> done{false};
        call_in_thread(reactor, [&] {
            begun.set_value();
            go_on.get_future().wait();
            done = true;
        });
        begun.get_future().wait();
        reactor.add_system_event_trigger(EventPhase::during, "shutdown", [&] { go_on.set_value(); }).detach();
        reactor.add_system_event_trigger(EventPhase::after, "shutdown", [&] { BOOST_TEST(done); }).detach();
        reactor.call_soon([&] { reactor.stop(); });
        reactor.run();
        BOOST_TEST(done);
        BOOST_TEST(reactor.metrics().pool_threads == 0U);
    }
}

BOOST_AUTO_TEST_CASE(a_stop_while_startup_waits_drops_what_it_waits_for) {
    Reactor reactor;
    std::string told;
    std::vector<Promise<>> promises;
    reactor
        .add_system_event_trigger(EventPhase::before, "startup",
                                  [&] {
                                      auto pair = make_deferred<>([&] { told += 'x'; });
                                      promises.push_back(std::move(pair.promise));
                                      return std::move(pair.deferred);
                                  })
        .detach();
    const auto started = reactor.add_system_event_trigger(EventPhase::during, "startup", [&] { told += 'u'; });
    reactor.add_system_event_trigger(EventPhase::during, "shutdown", [&] { told += 'd'; }).detach();
    reactor.call_soon([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(told == "xd");
    BOOST_TEST(started.active());
}

BOOST_AUTO_TEST_CASE(calls_set_before_stop_come_before_shutdown) {
    Reactor reactor;
    std::string order;
    reactor.add_system_event_trigger(EventPhase::before, "shutdown", [&] { order += 's'; }).detach();
    reactor.call_soon([&] {
        reactor.call_soon([&] { order += '1'; });
        reactor.stop();
        reactor.call_soon([&] { order += '2'; });
        order += '0';
    });
    reactor.run();
    BOOST_TEST(order == "01s2");
}

BOOST_AUTO_TEST_CASE(what_was_written_in_shutdown_is_sent_before_connections_are_closed) {
    Reactor reactor;
    auto server = std::make_shared<Recorder>();
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([&](const Address&) { return server; }));
    Reactor other;
    auto client = std::make_shared<Recorder>();
    // Two loops in turns: the client's stays open when the server's shuts down.
    auto connecting = connect_tcp(other, {"127.0.0.1", port->address().port}, client);
    while (!connecting.ready() || !server->connected()) {
        other.iterate(1ms);
        reactor.iterate(1ms);
    }
    reactor.add_system_event_trigger(EventPhase::during, "shutdown", [&] { server->transport().write("bye"); })
        .detach();
    reactor.call_soon([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(!server->connected());
    while (client->connected())
        other.iterate(1s);
    BOOST_TEST(server->story() == "made lost: broken");
    BOOST_TEST(client->story() == "made data end lost: done");
    BOOST_TEST(client->received == "bye");
}

BOOST_AUTO_TEST_CASE(iterate_does_one_turn_and_waits_no_longer_than_asked) {
    Reactor reactor;
    std::string order;
    reactor.call_soon([&] {
        order += 'a';
        reactor.call_soon([&] { order += 'b'; });
        BOOST_TEST(!reactor.running());
        BOOST_CHECK_THROW(reactor.iterate(), ReactorAlreadyRunning);
        BOOST_CHECK_THROW(reactor.stop(), ReactorNotRunning);
    });
    reactor.iterate();
    BOOST_TEST(order == "a");
    reactor.iterate();
    BOOST_TEST(order == "ab");
    reactor.iterate();  // nothing to do

    auto call = reactor.call_later(2ms, [&] { order += 'c'; });
    TimePoint start = reactor.now();
    while (call.active())
        reactor.iterate(1h);
    BOOST_TEST((reactor.now() - start >= 2ms));
    BOOST_TEST((reactor.now() - start < 1min));
    BOOST_TEST(order == "abc");

    start = reactor.now();
    reactor.iterate(3ms);
    BOOST_TEST((reactor.now() - start >= 3ms));

    reactor.call_soon([&] { reactor.stop(); });
    reactor.run();  // a run after that is as any
}

BOOST_AUTO_TEST_CASE(run_until_fires_no_events_and_closes_nothing) {
    Reactor reactor;
    const auto start = reactor.add_system_event_trigger(EventPhase::during, "startup", [] { BOOST_ERROR("called"); });
    const auto end = reactor.add_system_event_trigger(EventPhase::during, "shutdown", [] { BOOST_ERROR("called"); });
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([](const Address&) { return nullptr; }));
    reactor.run_until(reactor.sleep(0ms));
    reactor.call_soon([&] {
        BOOST_TEST(reactor.running());
        reactor.stop();
        BOOST_CHECK_THROW(reactor.stop(), ReactorNotRunning);
    });
    BOOST_CHECK_THROW(reactor.run_until(reactor.sleep(1h)), ReactorStopped);
    reactor.call_soon([&] { reactor.crash(); });
    BOOST_CHECK_THROW(reactor.run_until(reactor.sleep(1h)), ReactorStopped);
    auto client = std::make_shared<Recorder>();
    reactor.run_until(connect_tcp(reactor, {"127.0.0.1", port->address().port}, client));
}

BOOST_AUTO_TEST_CASE(a_loop_that_throws_ends_the_run) {
    ThrowingLoop loop;
    Reactor reactor(loop);
    BOOST_CHECK_THROW(reactor.run(), std::runtime_error);
    BOOST_TEST(!reactor.running());
    BOOST_CHECK_THROW(reactor.run_until(reactor.sleep(1h)), std::runtime_error);
    BOOST_TEST(!reactor.running());
    BOOST_CHECK_THROW(reactor.iterate(), std::runtime_error);
    BOOST_CHECK_THROW(reactor.stop(), ReactorNotRunning);
}

// --- loops that others run

BOOST_AUTO_TEST_CASE(on_a_loop_that_others_run_a_run_lasts_from_run_to_the_end_of_shutdown) {
    HostLoop loop;
    Reactor reactor(loop);
    for (int round = 0; round < 3; ++round) {
        std::string told;
        reactor.add_system_event_trigger(EventPhase::during, "startup", [&] { told += 'u'; }).detach();
        reactor.call_when_running([&] { told += 'w'; });
        reactor
            .add_system_event_trigger(EventPhase::before, "shutdown",
                                      [&] {
                                          told += 'b';
                                          return reactor.sleep(1ms);
                                      })
            .detach();
        reactor.add_system_event_trigger(EventPhase::after, "shutdown", [&] { told += 'a'; }).detach();
        reactor.run();
        BOOST_TEST(told == "uw");
        BOOST_TEST(reactor.running());
        BOOST_CHECK_THROW(reactor.run(), ReactorAlreadyRunning);
        BOOST_CHECK_THROW(reactor.run_until(reactor.sleep(0ms)), ReactorAlreadyRunning);
        reactor.stop();
        BOOST_TEST(told == "uw");
        while (reactor.running())
            loop.step();
        while (reactor.stopping())
            loop.step();
        BOOST_TEST(told == "uwba");
        BOOST_CHECK_THROW(reactor.stop(), ReactorNotRunning);
    }
    BOOST_TEST(loop.stops == 0);  // it is theirs
}

BOOST_AUTO_TEST_CASE(a_reactor_is_not_run_from_inside_its_own_callbacks) {
    HostLoop loop;
    Reactor reactor(loop);
    bool asked = false;
    reactor.call_soon([&] {
        asked = true;
        BOOST_CHECK_THROW(reactor.run(), ReactorAlreadyRunning);
        BOOST_CHECK_THROW(reactor.iterate(), ReactorAlreadyRunning);
        BOOST_CHECK_THROW(reactor.run_until(reactor.sleep(0ms)), ReactorAlreadyRunning);
    });
    loop.step();
    BOOST_TEST(asked);
    BOOST_TEST(!reactor.running());
}

BOOST_AUTO_TEST_CASE(a_reactor_may_be_destroyed_while_others_run_its_loop) {
    HostLoop loop;
    {
        Reactor reactor(loop);
        reactor.add_system_event_trigger(EventPhase::during, "shutdown", [] { BOOST_ERROR("called"); }).detach();
        reactor.run();
        BOOST_TEST(reactor.running());
    }
    BOOST_TEST(loop.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_thread_may_wait_for_a_reactor_on_a_loop_that_others_run) {
    HostLoop loop;
    Reactor reactor(loop);
    reactor.run();
    BOOST_CHECK_THROW(blocking_call_from_thread(reactor, [] { return 1; }), InvalidState);
    bool done = false;
    auto waiting = defer_to_thread(reactor, [&] {
                       return blocking_call_from_thread(reactor, [] { return 5; });
                   }).add_callback([&](int five) {
        BOOST_TEST(five == 5);
        done = true;
    });
    while (!done)
        loop.step();
}

// --- signals that stop

BOOST_AUTO_TEST_CASE(signals_stop_a_run_that_was_asked_to_heed_them) {
    for (const int number : {SIGINT, SIGTERM}) {
        const auto program = number == SIGINT ? +[] {
            Reactor reactor;
            reactor.call_when_running([] { ::raise(SIGINT); });
            reactor.run({.stop_on_signals = true});
            return reactor.stop_signal();
        } : +[] {
            Reactor reactor;
            reactor.call_when_running([] { ::raise(SIGTERM); });
            reactor.run({.stop_on_signals = true});
            return reactor.stop_signal();
        };
        BOOST_TEST(status_of_child(program) == number);
    }
}

BOOST_AUTO_TEST_CASE(a_run_that_was_not_asked_leaves_signals_alone) {
    BOOST_TEST(status_of_child([] {
                   Reactor reactor;
                   reactor.call_when_running([] { ::raise(SIGTERM); });
                   reactor.run();
                   return 0;
               }) == 128 + SIGTERM);
}

BOOST_AUTO_TEST_CASE(a_signal_that_comes_while_stopping_is_noted_and_nothing_else) {
    BOOST_TEST(status_of_child([] {
                   const CaughtReports reports;
                   Reactor reactor;
                   reactor
                       .add_system_event_trigger(EventPhase::before, "shutdown",
                                                 [&] {
                                                     ::raise(SIGTERM);
                                                     return reactor.sleep(5ms);
                                                 })
                       .detach();
                   reactor.call_when_running([&] { reactor.stop(); });
                   reactor.run({.stop_on_signals = true});
                   if (reports.count() != 0 || reactor.stop_signal() != SIGTERM) return 1;
                   reactor.call_when_running([&] { reactor.stop(); });
                   reactor.run();
                   return reactor.stop_signal() == 0 ? 0 : 2;  // not that of the run before
               }) == 0);
}

BOOST_AUTO_TEST_CASE(a_second_signal_ends_a_shutdown_that_hangs) {
    BOOST_TEST(status_of_child([] {
                   Reactor reactor;
                   reactor
                       .add_system_event_trigger(EventPhase::before, "shutdown",
                                                 [&] {
                                                     ::raise(SIGINT);
                                                     return reactor.sleep(1h);
                                                 })
                       .detach();
                   reactor.call_when_running([] { ::raise(SIGINT); });
                   reactor.run({.stop_on_signals = true});
                   return 0;
               }) == 128 + SIGINT);
}

BOOST_AUTO_TEST_CASE(an_ignored_interrupt_stays_ignored_and_signals_are_as_before_after_the_run) {
    BOOST_TEST(status_of_child([] {
                   std::signal(SIGINT, SIG_IGN);
                   Reactor reactor;
                   reactor.call_when_running([&] {
                       ::raise(SIGINT);
                       reactor.call_later(1ms, [&] { reactor.stop(); }).detach();
                   });
                   reactor.run({.stop_on_signals = true});
                   if (reactor.stop_signal() != 0) return 1;
                   ::raise(SIGTERM);
                   return 0;
               }) == 128 + SIGTERM);
}

BOOST_AUTO_TEST_CASE(iterating_a_loop_that_throws_does_no_harm_to_the_next_run) {
    struct OnceThrowing final : PollLoop {
        void start_watching() override {
            if (std::exchange(throws, false)) throw std::runtime_error("no loop today");
            PollLoop::start_watching();
        }
        bool throws = true;
    };
    OnceThrowing loop;
    Reactor reactor(loop);
    BOOST_CHECK_THROW(reactor.iterate(), std::runtime_error);
    bool called = false;
    const DelayedCall later = reactor.call_later(5ms, [&] {
        called = true;
        reactor.stop();
    });
    reactor.run();
    BOOST_TEST(called);
    BOOST_TEST(!reactor.running());
}

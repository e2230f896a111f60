// A thread that waits for a call in a reactor: it gets the result, and never hangs.
#define BOOST_TEST_MODULE reactor_blocking_call
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "plait/deferred/context.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/metrics.hpp"
#include "plait/reactor/threads.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

const ContextKey<std::string> request_id{"request"};

/// Runs `body` in a thread while the reactor runs in this one, and stops the reactor at its end.
template <typename F>
void run_beside(Reactor& reactor, F body) {
    std::thread thread;
    reactor.call_soon([&] {
        thread = std::thread([&] {
            body();
            reactor.call_from_thread([&] { reactor.stop(); });
        });
    });
    reactor.run();
    thread.join();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_thread_gets_what_the_call_returned) {
    Reactor reactor;
    const auto home = std::this_thread::get_id();
    run_beside(reactor, [&] {
        BOOST_TEST(blocking_call_from_thread(reactor, [] { return 7; }) == 7);
        BOOST_TEST(blocking_call_from_thread(reactor, [&] { return std::this_thread::get_id() == home; }));
        BOOST_TEST(*blocking_call_from_thread(reactor, [] { return std::make_unique<int>(8); }) == 8);
        bool called = false;
        blocking_call_from_thread(reactor, [&] { called = true; });
        BOOST_TEST(called);
    });
}

BOOST_AUTO_TEST_CASE(a_thread_gets_what_the_deferred_fired_with) {
    Reactor reactor;
    run_beside(reactor, [&] {
        BOOST_TEST(blocking_call_from_thread(reactor, [&] {
                       return reactor.sleep(1ms).add_callback([] { return std::string("slept"); });
                   }) == "slept");
        blocking_call_from_thread(reactor, [&] { return reactor.sleep(1ms); });
        BOOST_TEST(blocking_call_from_thread(reactor, [] { return succeed(9); }) == 9);
    });
}

BOOST_AUTO_TEST_CASE(a_coroutine_lambda_may_use_its_captures_to_the_end) {
    Reactor reactor;
    run_beside(reactor, [&] {
        int local = 40;
        const auto two = std::make_shared<int>(2);
        const int sum = blocking_call_from_thread(reactor, [&local, &reactor, two]() -> Deferred<int> {
            co_await reactor.sleep(1ms);
            co_return local + *two;
        });
        BOOST_TEST(sum == 42);
        BOOST_TEST(two.use_count() == 1);  // destroyed over there, before this went on
    });
}

BOOST_AUTO_TEST_CASE(a_thread_gets_the_exception) {
    Reactor reactor;
    run_beside(reactor, [&] {
        BOOST_CHECK_THROW(blocking_call_from_thread(reactor, [] { throw std::out_of_range("gone"); }),
                          std::out_of_range);
        BOOST_CHECK_THROW(blocking_call_from_thread(reactor,
                                                    [&]() -> Deferred<int> {
                                                        return reactor.sleep(1ms).add_callback(
                                                            []() -> int { throw std::out_of_range("gone"); });
                                                    }),
                          std::out_of_range);
    });
}

BOOST_AUTO_TEST_CASE(the_call_has_the_threads_context) {
    Reactor reactor;
    std::string fields;
    run_beside(reactor, [&] {
        const ContextScope scope(request_id, "a17");
        fields = blocking_call_from_thread(reactor, [] { return Context::current().fields(); });
    });
    BOOST_TEST(fields == "request=a17");
}

BOOST_AUTO_TEST_CASE(in_the_reactors_own_thread_it_is_refused) {
    Reactor reactor;
    reactor.call_soon([&] {
        BOOST_CHECK_THROW(blocking_call_from_thread(reactor, [] { return 1; }), InvalidState);
        reactor.stop();
    });
    reactor.run();
}

BOOST_AUTO_TEST_CASE(a_reactor_that_does_not_run_is_refused) {
    Reactor reactor;
    BOOST_CHECK_THROW(blocking_call_from_thread(reactor, [] { return 1; }), ReactorNotRunning);
    reactor.run_until(reactor.sleep(0ms));
    std::thread thread(
        [&] { BOOST_CHECK_THROW(blocking_call_from_thread(reactor, [] { return 1; }), ReactorNotRunning); });
    thread.join();
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_wait_and_cancels_what_was_called) {
    Reactor reactor;
    const auto home = std::this_thread::get_id();
    bool cancelled = false;
    std::optional<Promise<int>> promise;
    std::thread thread;
    reactor.call_soon([&] {
        thread = std::thread([&] {
            BOOST_CHECK_THROW(blocking_call_from_thread(reactor,
                                                        [&] {
                                                            auto pair = make_deferred<int>([&] {
                                                                cancelled = std::this_thread::get_id() == home;
                                                            });
                                                            promise = std::move(pair.promise);
                                                            reactor.stop();
                                                            return std::move(pair.deferred);
                                                        }),
                              ReactorStopped);
        });
    });
    reactor.run();
    thread.join();
    BOOST_TEST(cancelled);
}

BOOST_AUTO_TEST_CASE(a_call_that_its_thread_gave_up_is_not_made_in_the_next_run) {
    Reactor reactor;
    std::thread thread;
    reactor.call_soon([&] {
        thread = std::thread([&] {
            BOOST_CHECK_THROW(blocking_call_from_thread(reactor, [] { BOOST_ERROR("called"); }), ReactorStopped);
        });
        while (reactor.metrics().thread_calls_pending == 0)
            std::this_thread::yield();
        reactor.crash();
    });
    reactor.run();
    thread.join();
    reactor.run_until(reactor.sleep(1ms));
}

BOOST_AUTO_TEST_CASE(whenever_the_reactor_stops_no_thread_hangs) {
    constexpr int threads = 4;
    for (int round = 0; round < 50; ++round) {
        std::optional<Reactor> reactor(std::in_place);
        std::promise<void> running;
        const auto start = running.get_future().share();
        std::vector<std::thread> callers;
        std::atomic<int> calls{0};
        std::atomic<int> refused{0};
        for (int i = 0; i < threads; ++i) {
            callers.emplace_back([&, start] {
                start.wait();
                try {
                    for (;;) {
                        blocking_call_from_thread(*reactor, [&] {
                            if (++calls == 20 + round) reactor->stop();
                        });
                    }
                } catch (const ReactorStopped&) {
                    ++refused;
                } catch (const ReactorNotRunning&) {
                    ++refused;
                }
            });
        }
        reactor->call_soon([&] { running.set_value(); });
        reactor->run();
        for (auto& caller : callers)
            caller.join();
        BOOST_TEST(refused == threads);
    }
}

BOOST_AUTO_TEST_CASE(the_end_of_a_run_does_not_wait_for_a_thread_of_its_pool_that_waits_for_it) {
    Reactor reactor;
    std::atomic<bool> refused{false};
    call_in_thread(reactor, [&] {
        try {
            blocking_call_from_thread(reactor, [&] {
                reactor.stop();
                return reactor.sleep(1h);
            });
        } catch (const ReactorStopped&) {
            refused = true;
        } catch (const ReactorNotRunning&) {  // before it ran
            reactor.call_from_thread([&] { reactor.stop(); });
            refused = true;
        }
    });
    reactor.run();
    BOOST_TEST(refused);
}

BOOST_AUTO_TEST_CASE(a_reactor_destroyed_with_work_that_waits_for_it_does_not_hang) {
    std::atomic<bool> refused{false};
    {
        Reactor reactor;
        std::promise<void> begun;
        std::promise<void> go;
        call_in_thread(reactor, [&, start = go.get_future().share()] {
            begun.set_value();
            start.wait();
            try {
                blocking_call_from_thread(reactor, [&] { return reactor.sleep(1h); });
            } catch (const Error&) {
                refused = true;
            } catch (const ReactorNotRunning&) {
                refused = true;
            }
        });
        begun.get_future().wait();
        reactor.run_until(reactor.sleep(0ms).add_callback([&] { go.set_value(); }));
    }
    BOOST_TEST(refused);
}

BOOST_AUTO_TEST_CASE(a_call_that_crashes_the_reactor_may_use_its_captures_to_the_end) {
    Reactor reactor;
    std::thread thread;
    std::size_t seen = 0;
    reactor.call_soon([&] {
        thread = std::thread([&] {
            seen = blocking_call_from_thread(reactor, [&reactor, text = std::string(100, 'x')] {
                reactor.crash();
                return text.size();
            });
        });
    });
    reactor.run();
    thread.join();
    BOOST_TEST(seen == 100U);
}

BOOST_AUTO_TEST_CASE(a_coroutine_that_crashes_the_reactor_may_use_its_captures_to_the_end) {
    Reactor reactor;
    std::thread thread;
    bool threw = false;
    std::size_t seen = 0;
    reactor.call_soon([&] {
        thread = std::thread([&] {
            const std::string text(100, 'x');
            try {
                blocking_call_from_thread(reactor, [&reactor, &seen, text]() -> Deferred<> {
                    co_await reactor.sleep(1ms);
                    reactor.crash();
                    seen = text.size();
                });
            } catch (const ReactorStopped&) {
                threw = true;
            }
        });
    });
    reactor.run();
    thread.join();
    BOOST_TEST(threw);
    BOOST_TEST(seen == 100U);
}

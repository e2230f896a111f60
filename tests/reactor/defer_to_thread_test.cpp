// Work in threads whose result comes home, whatever ends first.
#define BOOST_TEST_MODULE reactor_defer_to_thread
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
#include "plait/deferred/gather.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/threads.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

const ContextKey<std::string> request_id{"request"};

/// Work that begins, and ends when it is told to.
struct Slow {
    auto work() {
        return [this, end = may_end.get_future().share()] {
            begun.set_value();
            end.wait();
            return 5;
        };
    }
    std::promise<void> begun;
    std::promise<void> may_end;
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_result_comes_home_to_the_reactors_thread) {
    Reactor reactor;
    const auto home = std::this_thread::get_id();
    std::thread::id worked_in;
    const int value = reactor.run_until(defer_to_thread(reactor, [&] {
                                            worked_in = std::this_thread::get_id();
                                            return 20;
                                        }).add_callback([&](int n) {
        BOOST_TEST((std::this_thread::get_id() == home));
        BOOST_TEST(reactor.running());
        return n + 1;
    }));
    BOOST_TEST(value == 21);
    BOOST_TEST((worked_in != home));
}

BOOST_AUTO_TEST_CASE(nothing_and_move_only_values_come_home_too) {
    Reactor reactor;
    std::atomic<int> calls{0};
    reactor.run_until(defer_to_thread(reactor, [&] { ++calls; }));
    BOOST_TEST(calls == 1);
    const auto text = reactor.run_until(defer_to_thread(reactor, [] { return std::make_unique<std::string>("text"); }));
    BOOST_TEST(*text == "text");
    const auto owned = reactor.run_until(
        defer_to_thread(reactor, [given = std::make_unique<int>(7)]() mutable { return std::move(given); }));
    BOOST_TEST(*owned == 7);
}

BOOST_AUTO_TEST_CASE(what_the_work_throws_is_the_failure) {
    Reactor reactor;
    BOOST_CHECK_THROW(reactor.run_until(defer_to_thread(reactor, [] { throw std::out_of_range("gone"); })),
                      std::out_of_range);
    BOOST_CHECK_THROW(reactor.run_until(defer_to_thread(reactor, []() -> int { throw 42; })), int);
}

BOOST_AUTO_TEST_CASE(it_never_fires_before_it_was_returned) {
    Reactor reactor;
    for (int i = 0; i < 100; ++i) {
        auto deferred = defer_to_thread(reactor, [i] { return i; });
        BOOST_TEST(!deferred.ready());
        BOOST_TEST(reactor.run_until(std::move(deferred)) == i);
    }
}

BOOST_AUTO_TEST_CASE(work_and_callbacks_have_the_callers_context) {
    Reactor reactor;
    std::string in_thread, at_home;
    Deferred<> deferred;
    {
        const ContextScope scope(request_id, "a17");
        deferred = defer_to_thread(reactor, [&] { in_thread = Context::current().fields(); }).add_callback([&] {
            at_home = Context::current().fields();
        });
    }
    reactor.run_until(std::move(deferred));
    BOOST_TEST(in_thread == "request=a17");
    BOOST_TEST(at_home == "request=a17");
}

BOOST_AUTO_TEST_CASE(cancelling_takes_back_work_that_has_not_begun) {
    Reactor reactor;
    ThreadPool pool({.most_threads = 1});
    Slow slow;
    auto first = defer_to_thread(reactor, pool, slow.work());
    slow.begun.get_future().wait();
    auto witness = std::make_shared<int>();
    auto second = defer_to_thread(reactor, pool, [witness] { BOOST_ERROR("called"); });
    second.cancel();
    BOOST_TEST(witness.use_count() == 1);
    BOOST_CHECK_THROW(reactor.run_until(std::move(second)), Cancelled);
    {
        const auto dropped = defer_to_thread(reactor, pool, [witness] { BOOST_ERROR("called"); });
        BOOST_TEST(witness.use_count() == 2);
    }
    BOOST_TEST(witness.use_count() == 1);
    BOOST_TEST(pool.queued() == 0u);
    slow.may_end.set_value();
    BOOST_TEST(reactor.run_until(std::move(first)) == 5);
}

BOOST_AUTO_TEST_CASE(work_that_has_begun_runs_on_and_its_result_is_dropped) {
    Reactor reactor;
    Slow slow;
    auto deferred = defer_to_thread(reactor, slow.work()).add_callback([](int) { BOOST_ERROR("called"); });
    slow.begun.get_future().wait();
    deferred = Deferred<>();
    slow.may_end.set_value();
    reactor.run_until(reactor.sleep(2ms));
}

BOOST_AUTO_TEST_CASE(a_full_pool_is_a_failure_at_once) {
    Reactor reactor;
    ThreadPool pool({.most_threads = 1, .most_queued = 0});
    Slow slow;
    auto first = defer_to_thread(reactor, pool, slow.work());
    auto second = defer_to_thread(reactor, pool, [] { return 1; });
    BOOST_TEST(second.ready());
    BOOST_CHECK_THROW(reactor.run_until(std::move(second)), ThreadPoolFull);
    slow.may_end.set_value();
    BOOST_TEST(reactor.run_until(std::move(first)) == 5);
}

BOOST_AUTO_TEST_CASE(a_pool_stopped_before_it_began_is_a_failure_at_home) {
    Reactor reactor;
    ThreadPool pool({.most_threads = 1});
    Slow slow;
    auto first = defer_to_thread(reactor, pool, slow.work());
    slow.begun.get_future().wait();
    auto second = defer_to_thread(reactor, pool, [] { return 1; });
    std::thread stopper([&] { pool.stop(); });
    while (pool.queued() != 0)
        std::this_thread::yield();
    slow.may_end.set_value();
    const auto home = std::this_thread::get_id();
    BOOST_CHECK_THROW(reactor.run_until(std::move(second).add_errback([&](const Failure& failure) -> Result<int> {
        BOOST_TEST((std::this_thread::get_id() == home));
        return failure;
    })),
                      ThreadPoolStopped);
    stopper.join();
    BOOST_TEST(reactor.run_until(std::move(first)) == 5);
}

BOOST_AUTO_TEST_CASE(destroying_the_reactor_fails_what_is_not_home_and_waits_for_its_own_threads) {
    std::atomic<bool> ended{false};
    std::string told;
    const auto note = [&](const Failure& failure) {
        if (failure.check<ReactorStopped>() != nullptr) told += 's';
    };
    {
        Reactor reactor;
        std::promise<void> begun;
        defer_to_thread(reactor, [&] {
            begun.set_value();
            ended = true;
        }).detach(note);
        begun.get_future().wait();
        for (int i = 0; i < 20; ++i)
            defer_to_thread(reactor, [] {}).detach(note);
    }
    BOOST_TEST(ended);
    BOOST_TEST(told == std::string(21, 's'));
}

BOOST_AUTO_TEST_CASE(a_pool_of_ones_own_may_outlive_the_reactor_and_end_its_work_for_nobody) {
    ThreadPool pool;
    Slow slow;
    bool told = false;
    {
        Reactor reactor;
        defer_to_thread(reactor, pool, slow.work()).detach([&](const Failure& failure) {
            told = failure.check<ReactorStopped>() != nullptr;
        });
        slow.begun.get_future().wait();
    }
    BOOST_TEST(told);
    slow.may_end.set_value();
}

BOOST_AUTO_TEST_CASE(work_asked_for_while_the_reactor_is_destroyed_fails) {
    ThreadPool own;
    std::optional<Reactor> reactor(std::in_place);
    int failures = 0;
    defer_to_thread(*reactor, [] {}).detach([&](const Failure&) {
        ++failures;
        defer_to_thread(*reactor, [] {}).detach([&](const Failure&) { ++failures; });
        const auto stopped = defer_to_thread(*reactor, own, [] {
                                 BOOST_ERROR("called");
                             }).add_errback<ReactorStopped>([&](const ReactorStopped&) { ++failures; });
        BOOST_TEST(stopped.ready());  // at once
    });
    reactor.reset();
    BOOST_TEST(failures == 3);
}

BOOST_AUTO_TEST_CASE(many_results_come_home_once_each) {
    Reactor reactor;
    long sum = 0;
    std::vector<Deferred<>> all;
    for (int i = 1; i <= 2000; ++i)
        all.push_back(defer_to_thread(reactor, [i] { return i; }).add_callback([&sum](int n) { sum += n; }));
    reactor.run_until(gather(std::move(all)));
    BOOST_TEST(sum == 2000L * 2001 / 2);
    BOOST_TEST(reactor.thread_pool().threads() <= 10u);
}

BOOST_AUTO_TEST_CASE(dropping_races_with_the_result) {
    Reactor reactor;
    for (int round = 0; round < 300; ++round) {
        auto deferred = defer_to_thread(reactor, [] { return std::make_unique<int>(1); });
        if (round % 3 == 0) reactor.run_until(reactor.sleep(0ms));
        if (round % 3 == 1) deferred.cancel();
    }
    reactor.run_until(reactor.sleep(1ms));
}

BOOST_AUTO_TEST_CASE(a_call_in_a_thread_tells_nobody_but_reports_what_it_throws) {
    const Reports reports;
    std::atomic<int> calls{0};
    {
        Reactor reactor;
        std::promise<void> done;
        call_in_thread(reactor, [&] { ++calls; });
        call_in_thread(reactor, [] { throw std::runtime_error("bad"); });
        call_in_thread(reactor, [&] { done.set_value(); });
        done.get_future().wait();
        reactor.thread_pool().stop();
    }
    BOOST_TEST(calls == 1);
    BOOST_TEST(reports.count() == 1u);
}

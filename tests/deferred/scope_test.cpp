// Scope: tasks that none outlives.
#define BOOST_TEST_MODULE deferred_scope
#include "plait/deferred/scope.hpp"

#include <malloc.h>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/testing/manual_clock.hpp"
#include "support.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// A Scope that notes what its sink is given.
struct Noted {
    std::vector<std::string> failures;
    std::optional<Scope> scope{std::in_place,
                               [this](const Failure& failure) { failures.push_back(failure.message()); }};

    Scope* operator->() { return &*scope; }
};

void expect_cancelled(Deferred<>& deferred) {
    BOOST_REQUIRE(deferred.ready());
    BOOST_CHECK_THROW(deferred.take().value(), Cancelled);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_scope_needs_a_sink) {
    BOOST_CHECK_THROW(Scope({}), InvalidState);
}

BOOST_AUTO_TEST_CASE(tasks_run_until_they_end_and_close_fires_after_the_last) {
    Noted noted;
    auto a = make_deferred<int>();
    auto b = make_deferred<std::string>();
    noted->spawn(std::move(a.deferred));
    noted->spawn(std::move(b.deferred));
    BOOST_TEST(noted->size() == 2u);
    Deferred<> closed = noted->close();
    b.promise.callback("done");
    BOOST_TEST(noted->size() == 1u);
    BOOST_TEST(!closed.ready());
    a.promise.callback(1);
    BOOST_TEST(closed.ready());
    BOOST_TEST(noted->size() == 0u);
    BOOST_TEST(noted.failures.empty());
}

BOOST_AUTO_TEST_CASE(tasks_that_are_ready_leave_nothing_behind) {
    Noted noted;
    noted->spawn(succeed(1));
    noted->spawn([] {});
    noted->spawn([] { return 5; });
    noted->spawn([]() -> Deferred<std::unique_ptr<int>> { co_return std::make_unique<int>(1); });
    BOOST_TEST(noted->size() == 0u);
    noted->spawn(fail<int>(std::runtime_error("a")));
    noted->spawn([] { throw std::runtime_error("b"); });
    noted->spawn([]() -> Deferred<> {
        throw std::runtime_error("c");
        co_return;
    });
    BOOST_TEST(noted->size() == 0u);
    BOOST_TEST(noted.failures == (std::vector<std::string>{"std::runtime_error: a", "std::runtime_error: b",
                                                           "std::runtime_error: c"}),
               boost::test_tools::per_element());
    BOOST_TEST(noted->close().ready());
}

BOOST_AUTO_TEST_CASE(failures_go_to_the_sink_when_they_happen_and_end_nothing_else) {
    Noted noted;
    auto a = make_deferred<int>();
    auto b = make_deferred<int>();
    noted->spawn(std::move(a.deferred));
    noted->spawn(std::move(b.deferred));
    a.promise.errback(std::runtime_error("a"));
    BOOST_TEST(noted.failures == (std::vector<std::string>{"std::runtime_error: a"}), boost::test_tools::per_element());
    BOOST_TEST(noted->size() == 1u);
    BOOST_TEST(b.promise.wanted());
}

BOOST_AUTO_TEST_CASE(what_the_sink_throws_is_reported) {
    CaughtReports reports;
    Scope scope([](const Failure&) { throw std::logic_error("sink"); });
    scope.spawn([] { throw std::runtime_error("task"); });
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(reports.last() == "std::logic_error: sink");
}

BOOST_AUTO_TEST_CASE(a_closing_scope_refuses_tasks_and_drops_them) {
    Noted noted;
    auto closed = noted->close();
    BOOST_TEST(noted->closing());
    int asked = 0;
    Token token;
    auto task = make_deferred<int>([&] { ++asked; });
    try {
        noted->spawn(std::move(task.deferred).add_callback([held = token.copy()](int) {}));
        BOOST_ERROR("spawned");
    } catch (const ScopeClosed&) {
        BOOST_TEST(asked == 1);
        BOOST_TEST(token.gone());
    }
    BOOST_CHECK_THROW(noted->spawn([] { BOOST_ERROR("called"); }), ScopeClosed);
    BOOST_CHECK_THROW(noted->spawn(succeed(1)), ScopeClosed);
    BOOST_TEST(noted->size() == 0u);
}

BOOST_AUTO_TEST_CASE(an_empty_deferred_can_not_be_spawned) {
    Noted noted;
    BOOST_CHECK_THROW(noted->spawn(Deferred<int>()), InvalidState);
    BOOST_TEST(noted->size() == 0u);
    noted->spawn([] { return Deferred<int>(); });
    BOOST_TEST(noted.failures.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_task_that_spawns_while_closing_fails_with_scope_closed) {
    Noted noted;
    auto gate = make_deferred();
    noted->spawn(std::move(gate.deferred).add_callback([&] { noted->spawn([] { BOOST_ERROR("called"); }); }));
    Deferred<> closed = noted->close();
    gate.promise.callback();
    BOOST_REQUIRE(noted.failures.size() == 1u);
    BOOST_TEST(noted.failures[0].find("ScopeClosed") != std::string::npos);
    BOOST_TEST(closed.ready());
}

BOOST_AUTO_TEST_CASE(closing_twice_gives_two_deferreds_and_dropping_one_ends_only_that_wait) {
    Noted noted;
    auto task = make_deferred<int>();
    noted->spawn(std::move(task.deferred));
    Deferred<> first = noted->close();
    {
        const Deferred<> dropped = noted->close();
    }
    Deferred<> cancelled = noted->close();
    cancelled.cancel();
    expect_cancelled(cancelled);
    BOOST_TEST(noted->closing());
    BOOST_TEST(task.promise.wanted());
    Deferred<> last = noted->close();
    task.promise.callback(1);
    BOOST_TEST(first.ready());
    BOOST_TEST(last.ready());
}

BOOST_AUTO_TEST_CASE(waits_that_were_dropped_are_forgotten) {
    Noted noted;
    auto task = make_deferred<int>();
    noted->spawn(std::move(task.deferred));
    int fired = 0;
    Deferred<> early = noted->when_empty().add_callback([&] { ++fired; });
    const std::size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 100'000; ++i) {
        const Deferred<> dropped = noted->when_empty().add_callback([&] { ++fired; });
    }
    BOOST_TEST(mallinfo2().uordblks < before + 1'000'000);
    Deferred<> late = noted->when_empty().add_callback([&] { ++fired; });
    task.promise.callback(1);
    BOOST_TEST(fired == 2);
}

BOOST_AUTO_TEST_CASE(when_empty_fires_and_the_scope_goes_on) {
    Noted noted;
    BOOST_TEST(noted->when_empty().ready());
    for (int round = 0; round < 2; ++round) {
        auto task = make_deferred<int>();
        noted->spawn(std::move(task.deferred));
        Deferred<> empty = noted->when_empty();
        BOOST_TEST(!empty.ready());
        task.promise.callback(1);
        BOOST_TEST(empty.ready());
    }
}

BOOST_AUTO_TEST_CASE(the_sink_hears_of_the_last_failure_before_close_fires) {
    std::string order;
    Scope scope([&](const Failure&) { order += "sink "; });
    auto task = make_deferred<int>();
    scope.spawn(std::move(task.deferred));
    Deferred<> closed = scope.close().add_callback([&] { order += "closed"; });
    task.promise.errback(std::runtime_error("a"));
    BOOST_TEST(order == "sink closed");
}

BOOST_AUTO_TEST_CASE(a_sink_that_spawns_again_keeps_the_scope_busy) {
    std::optional<Scope> scope;
    auto second = make_deferred<int>();
    scope.emplace([&](const Failure&) { scope->spawn(std::move(second.deferred)); });
    auto first = make_deferred<int>();
    scope->spawn(std::move(first.deferred));
    Deferred<> empty = scope->when_empty();
    first.promise.errback(std::runtime_error("again"));
    BOOST_TEST(!empty.ready());
    BOOST_TEST(scope->size() == 1u);
    second.promise.callback(2);
    BOOST_TEST(empty.ready());
}

// cancel -------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(cancel_cancels_every_task_and_the_sink_does_not_hear_of_it) {
    Noted noted;
    int asked = 0;
    auto a = make_deferred<int>([&] { ++asked; });
    auto b = make_deferred<int>([&] { ++asked; });
    noted->spawn(std::move(a.deferred));
    noted->spawn(std::move(b.deferred));
    noted->cancel();
    BOOST_TEST(asked == 2);
    BOOST_TEST(noted->size() == 0u);
    BOOST_TEST(noted.failures.empty());
    noted->spawn(succeed(1));
    noted->cancel();
}

BOOST_AUTO_TEST_CASE(other_answers_to_a_cancel_reach_the_sink_and_so_does_a_cancel_by_somebody_else) {
    Noted noted;
    auto broken = make_deferred<int>([](Promise<int>& answer) { answer.errback(std::runtime_error("half written")); });
    noted->spawn(std::move(broken.deferred));
    noted->cancel();
    BOOST_TEST(noted.failures.size() == 1u);
    auto other = make_deferred<int>();
    noted->spawn(std::move(other.deferred));
    other.promise.errback(Cancelled());
    BOOST_TEST(noted.failures.size() == 2u);
}

BOOST_AUTO_TEST_CASE(cancel_and_close_wait_for_tasks_that_take_their_time) {
    ManualClock clock;
    Noted noted;
    bool cleaned = false;
    noted->spawn([&]() -> Deferred<> {
        try {
            co_await clock.sleep(1h);
        } catch (const Cancelled&) {
        }
        co_await clock.sleep(1s);
        cleaned = true;
    });
    noted->cancel();
    Deferred<> closed = noted->close();
    BOOST_TEST(!closed.ready());
    clock.advance(1s);
    BOOST_TEST(cleaned);
    BOOST_TEST(closed.ready());
    BOOST_TEST(noted.failures.empty());
}

BOOST_AUTO_TEST_CASE(tasks_spawned_by_a_cancelled_one_are_left_alone) {
    Noted noted;
    auto next = make_deferred<int>();
    auto task = make_deferred<int>([&] { noted->spawn(std::move(next.deferred)); });
    noted->spawn(std::move(task.deferred));
    noted->cancel();
    BOOST_TEST(noted->size() == 1u);
    BOOST_TEST(next.promise.wanted());
}

BOOST_AUTO_TEST_CASE(a_cancel_from_inside_a_cancel_reaches_everybody_once_and_ends) {
    Noted noted;
    std::vector<Promise<int>> promises;
    int asked = 0;
    for (int i = 0; i < 10; ++i) {
        auto task = make_deferred<int>([&] {
            ++asked;
            noted->cancel();
        });
        noted->spawn(std::move(task.deferred));
        promises.push_back(std::move(task.promise));
    }
    noted->cancel();
    BOOST_TEST(asked == 10);
    BOOST_TEST(noted->size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_task_that_cancels_its_scope_is_cancelled_at_its_next_wait) {
    ManualClock clock;
    Noted noted;
    bool passed = false;
    noted->spawn([&]() -> Deferred<> {
        co_await clock.sleep(1s);
        noted->cancel();
        co_await clock.sleep(1s);
        passed = true;
    });
    noted->spawn([&]() -> Deferred<> {
        noted->cancel();  // before the Scope has it
        co_await clock.sleep(1s);
        passed = true;
    });
    BOOST_TEST(noted->size() == 0u);
    clock.advance(5s);
    BOOST_TEST(!passed);
    BOOST_TEST(noted.failures.empty());
    BOOST_TEST(clock.pending_calls() == 0u);
}

// lifetime -----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_function_lives_as_long_as_the_coroutine_it_is) {
    ManualClock clock;
    Noted noted;
    Token token;
    std::string seen;
    noted->spawn([&clock, &seen, held = token.copy(), text = std::string(100, 'x')]() -> Deferred<> {
        co_await clock.sleep(1s);
        seen = text;
        co_await clock.sleep(1s);
        seen += text;
    });
    clock.advance(1s);
    BOOST_TEST(!token.gone());
    clock.advance(1s);
    BOOST_TEST(seen.size() == 200u);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(captures_outlive_the_locals_of_a_coroutine_that_is_dropped) {
    struct Local {
        const std::string& text;
        std::string& seen;
        ~Local() { seen = text; }
    };
    ManualClock clock;
    Noted noted;
    std::string seen;
    noted->spawn([&clock, &seen, text = std::string(100, 'x')]() -> Deferred<> {
        const Local local{text, seen};
        co_await clock.sleep(1s);
    });
    noted.scope.reset();
    BOOST_TEST(seen == std::string(100, 'x'));
}

BOOST_AUTO_TEST_CASE(a_function_that_is_no_coroutine_lives_as_long_as_its_deferred) {
    Noted noted;
    Token token;
    auto task = make_deferred<int>();
    noted->spawn([held = token.copy(), wait = std::move(task.deferred)]() mutable { return std::move(wait); });
    BOOST_TEST(!token.gone());
    task.promise.callback(1);
    BOOST_TEST(token.gone());
    noted->spawn([held = token.copy()] {});
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(destroying_a_scope_drops_its_tasks_newest_first_and_calls_nobody) {
    Noted noted;
    std::string order;
    bool ran = false;
    std::vector<Promise<int>> promises;
    for (const char name : {'a', 'b', 'c'}) {
        auto task = make_deferred<int>([&order, name] { order += name; });
        noted->spawn(std::move(task.deferred).add_both([&](const Result<int>&) { ran = true; }));
        promises.push_back(std::move(task.promise));
    }
    noted.scope.reset();
    BOOST_TEST(order == "cba");
    for (auto& promise : promises) {
        BOOST_TEST(!promise.wanted());
        promise.errback(std::runtime_error("late"));
    }
    BOOST_TEST(!ran);
    BOOST_TEST(noted.failures.empty());
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_destroyed_scope_hears_cancelled) {
    Noted noted;
    auto task = make_deferred<int>();
    noted->spawn(std::move(task.deferred));
    Deferred<> empty = noted->when_empty();
    Deferred<> closed = noted->close();
    noted.scope.reset();
    expect_cancelled(empty);
    expect_cancelled(closed);
}

BOOST_AUTO_TEST_CASE(a_task_that_ends_while_its_scope_is_destroyed_is_not_told_to_the_sink) {
    Noted noted;
    auto older = make_deferred<int>();
    auto newer = make_deferred<int>([&] { older.promise.errback(std::runtime_error("older")); });
    noted->spawn(std::move(older.deferred));
    noted->spawn(std::move(newer.deferred));
    noted.scope.reset();
    BOOST_TEST(noted.failures.empty());
}

BOOST_AUTO_TEST_CASE(a_scope_may_be_destroyed_from_inside_a_task) {
    Noted noted;
    Token token;
    std::string seen;
    auto gate = make_deferred();
    auto other = make_deferred<int>();
    noted->spawn(std::move(other.deferred).add_callback([held = token.copy()](int) {}));
    noted->spawn([&, held = token.copy(), text = std::string(100, 'x'),
                  wait = std::move(gate.deferred)]() mutable -> Deferred<> {
        struct Local {
            const std::string& text;
            std::string& seen;
            ~Local() { seen += text; }
        };
        const Local local{text, seen};
        co_await std::move(wait);
        noted.scope.reset();
        seen += text;  // the frame and the captures are still here
        auto never = make_deferred();
        co_await std::move(never.deferred);
        BOOST_ERROR("went on");
    });
    Deferred<> closed = noted->close();
    gate.promise.callback();
    BOOST_TEST(!noted.scope.has_value());
    BOOST_TEST(seen.size() == 200u);
    BOOST_TEST(token.gone());
    expect_cancelled(closed);
}

BOOST_AUTO_TEST_CASE(a_scope_may_be_destroyed_by_the_function_it_is_given) {
    CaughtReports reports;
    Noted noted;
    Token token;
    noted->spawn([&, held = token.copy()]() -> Deferred<> {
        noted.scope.reset();
        auto never = make_deferred();
        co_await std::move(never.deferred);
        BOOST_ERROR("went on");
    });
    BOOST_TEST(token.gone());
    noted.scope.emplace([](const Failure&) { BOOST_ERROR("told"); });
    noted->spawn([&] {
        noted.scope.reset();
        throw std::runtime_error("nobody left");
    });
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_scope_may_be_destroyed_from_inside_the_sink) {
    std::optional<Scope> scope;
    Token token;
    int told = 0;
    scope.emplace([&, held = token.copy()](const Failure&) {
        scope.reset();
        told += static_cast<int>(held.use_count()) - 1;  // the sink itself is still here
    });
    auto task = make_deferred<int>();
    scope->spawn(std::move(task.deferred));
    auto other = make_deferred<int>();
    scope->spawn(std::move(other.deferred));
    task.promise.errback(std::runtime_error("a"));
    BOOST_TEST(told == 1);
    BOOST_TEST(!other.promise.wanted());
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_scope_may_be_destroyed_while_it_cancels) {
    Noted noted;
    int asked = 0;
    std::vector<Promise<int>> promises;
    for (int i = 0; i < 5; ++i) {
        auto task = make_deferred<int>([&] {
            if (++asked != 2) return;
            noted.scope.reset();
            BOOST_TEST(asked == 5);  // not later
        });
        noted->spawn(std::move(task.deferred));
        promises.push_back(std::move(task.promise));
    }
    noted->cancel();
    BOOST_TEST(!noted.scope.has_value());
    BOOST_TEST(asked == 5);
}

BOOST_AUTO_TEST_CASE(a_waiter_may_destroy_the_scope) {
    Noted noted;
    auto task = make_deferred<int>();
    noted->spawn(std::move(task.deferred));
    Deferred<> closed = noted->close().add_callback([&] { noted.scope.reset(); });
    Deferred<> also = noted->close();
    task.promise.callback(1);
    BOOST_TEST(!noted.scope.has_value());
    BOOST_TEST(closed.ready());
    BOOST_TEST(also.take().has_value());
}

BOOST_AUTO_TEST_CASE(a_closing_function_waits_for_itself) {
    Noted noted;
    Deferred<> closed;
    auto gate = make_deferred();
    noted->spawn([&] {
        closed = noted->close();
        return std::move(gate.deferred);
    });
    BOOST_TEST(!closed.ready());
    gate.promise.callback();
    BOOST_TEST(closed.ready());
}

BOOST_AUTO_TEST_CASE(a_million_tasks_at_once_and_one_after_the_other) {
    Noted noted;
    Token token;
    for (int i = 0; i < 1'000'000; ++i) {
        auto task = make_deferred<std::shared_ptr<int>>();
        noted->spawn(std::move(task.deferred));
        task.promise.callback(token.copy());
        if (!token.gone()) BOOST_FAIL("task " << i << " is still held");
    }
    std::vector<Promise<>> promises;
    for (int i = 0; i < 100'000; ++i) {
        auto task = make_deferred();
        noted->spawn(std::move(task.deferred));
        promises.push_back(std::move(task.promise));
    }
    BOOST_TEST(noted->size() == 100'000u);
    for (auto& promise : promises)
        promise.callback();
    BOOST_TEST(noted->size() == 0u);
}

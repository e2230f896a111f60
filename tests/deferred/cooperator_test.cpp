// Cooperator and CooperativeTask: turns, pauses, how a task ends.
#define BOOST_TEST_MODULE deferred_cooperator
#include "plait/deferred/cooperator.hpp"

#include <boost/test/unit_test.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "late_clock.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "steps_and_ends.hpp"
#include "support.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(tasks_take_turns_and_fire_when_done) {
    ManualClock clock;
    Cooperator cooperator(clock);
    std::string order;
    CooperativeTask a = cooperator.cooperate(writes(order, 'a', 3));
    Deferred<> b = cooperator.coiterate(writes(order, 'b', 2));
    Deferred<> a_done = a.when_done();
    BOOST_TEST(order == "");
    clock.advance(0s);
    BOOST_TEST(order == "ababa");
    BOOST_TEST(fired(std::move(a_done)));
    BOOST_TEST(fired(std::move(b)));
    BOOST_TEST(fired(a.when_done()));
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_slice_ends_by_time_and_the_next_goes_on_where_it_ended) {
    LateClock clock;
    Cooperator cooperator(clock, 10ms);
    std::string order;
    const auto slow = [&](char name) {
        return [&clock, &order, name] {
            order += name;
            clock.pass(4ms);
            return TaskStep::more;
        };
    };
    Deferred<> a = cooperator.coiterate(slow('a'));
    Deferred<> b = cooperator.coiterate(slow('b'));
    clock.jump(0s);
    BOOST_TEST(order == "aba");
    BOOST_TEST(clock.pending_calls() == 1u);
    clock.jump(0s);
    BOOST_TEST(order == "ababab");
}

BOOST_AUTO_TEST_CASE(a_slice_ends_when_the_function_says_so) {
    CaughtReports reports;
    LateClock clock;
    Cooperator cooperator(clock, [](std::size_t steps) { return steps == 2; });
    std::string order;
    Deferred<> a = cooperator.coiterate(writes(order, 'a', 5));
    clock.jump(0s);
    BOOST_TEST(order == "aa");
    clock.jump(0s);
    BOOST_TEST(order == "aaaa");
    Cooperator throws(clock, [](std::size_t) -> bool { throw std::runtime_error("undecided"); });
    order.clear();
    Deferred<> b = throws.coiterate(writes(order, 'b', 5));
    clock.jump(0s);
    BOOST_TEST(order == "ab");
    BOOST_TEST(reports.count() == 1u);
    BOOST_CHECK_THROW(Cooperator(clock, UniqueFunction<bool(std::size_t)>()), UsageError);
}

BOOST_AUTO_TEST_CASE(a_step_that_fails_ends_its_task_alone) {
    ManualClock clock;
    Cooperator cooperator(clock);
    std::string order;
    CooperativeTask bad = cooperator.cooperate([]() -> TaskStep { throw std::runtime_error("bad"); });
    CooperativeTask worse = cooperator.cooperate([] { return fail<TaskStep>(std::out_of_range("worse")); });
    Deferred<> good = cooperator.coiterate(writes(order, 'g', 2));
    Deferred<> first = bad.when_done();
    Deferred<> second = bad.when_done();
    clock.advance(0s);
    expect_failure<std::runtime_error>(std::move(first));
    expect_failure<std::runtime_error>(std::move(second));
    expect_failure<std::runtime_error>(bad.when_done());
    expect_failure<std::out_of_range>(worse.when_done());
    BOOST_TEST(fired(std::move(good)));
}

BOOST_AUTO_TEST_CASE(a_failure_nobody_asked_for_is_reported_with_its_task) {
    CaughtReports reports;
    ManualClock clock;
    Cooperator cooperator(clock);
    {
        const CooperativeTask unread = cooperator.cooperate([]() -> TaskStep { throw std::runtime_error("bad"); });
        clock.advance(0s);
        BOOST_TEST(reports.count() == 0u);
    }
    BOOST_TEST(reports.count() == 1u);
    {
        CooperativeTask read = cooperator.cooperate([]() -> TaskStep { throw std::runtime_error("bad"); });
        Deferred<> done = read.when_done();
        clock.advance(0s);
        expect_failure<std::runtime_error>(std::move(done));
    }
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_step_that_returns_a_deferred_pauses_its_task_alone) {
    ManualClock clock;
    Cooperator cooperator(clock);
    std::string order;
    auto gate = make_deferred();
    auto last = make_deferred<TaskStep>();
    CooperativeTask waits = cooperator.cooperate([&, steps = 0]() mutable -> Deferred<TaskStep> {
        order += 'w';
        if (++steps == 1) return std::move(gate.deferred).add_callback([] { return TaskStep::more; });
        return std::move(last.deferred);
    });
    Deferred<> goes_on = cooperator.coiterate(writes(order, 'g', 3));
    clock.advance(0s);
    BOOST_TEST(order == "wggg");
    BOOST_TEST(clock.pending_calls() == 0u);
    gate.promise.callback();
    BOOST_TEST(order == "wggg");
    clock.advance(0s);
    BOOST_TEST(order == "wgggw");
    last.promise.callback(TaskStep::done);
    BOOST_TEST(fired(waits.when_done()));
}

BOOST_AUTO_TEST_CASE(a_step_may_return_a_deferred_without_value_which_means_more) {
    ManualClock clock;
    Cooperator cooperator(clock);
    int steps = 0;
    Deferred<> task = cooperator.coiterate([&] {
        if (++steps == 3) throw std::runtime_error("enough");
        return succeed();
    });
    clock.advance(0s);
    BOOST_TEST(steps == 3);
    expect_failure<std::runtime_error>(std::move(task));
}

// pause, resume, stop ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(pauses_are_counted) {
    ManualClock clock;
    Cooperator cooperator(clock);
    std::string order;
    CooperativeTask task = cooperator.cooperate(writes(order, 'a', 1));
    BOOST_CHECK_THROW(task.resume(), NotPaused);
    task.pause();
    task.pause();
    BOOST_TEST(clock.pending_calls() == 0u);
    task.resume();
    clock.advance(0s);
    BOOST_TEST(order == "");
    task.resume();
    BOOST_CHECK_THROW(task.resume(), NotPaused);
    clock.advance(0s);
    BOOST_TEST(order == "a");
}

BOOST_AUTO_TEST_CASE(pause_while_deferred) {
    for (const bool resume_first : {false, true}) {
        ManualClock clock;
        Cooperator cooperator(clock);
        int steps = 0;
        auto gate = make_deferred();
        CooperativeTask task =
            cooperator.cooperate([&] { return ++steps == 1 ? std::move(gate.deferred) : make_deferred().deferred; });
        clock.advance(0s);
        task.pause();
        if (resume_first) {
            task.resume();
        } else {
            gate.promise.callback();
        }
        clock.advance(0s);
        BOOST_TEST(steps == 1);
        BOOST_CHECK_THROW(resume_first ? task.resume() : throw NotPaused(), NotPaused);
        if (resume_first) {
            gate.promise.callback();
        } else {
            task.resume();
        }
        task.when_done().detach([](const Failure&) {});
        clock.advance(0s);
        BOOST_TEST(steps == 2);
    }
}

BOOST_AUTO_TEST_CASE(a_task_may_pause_and_stop_itself) {
    CaughtReports reports;
    ManualClock clock;
    Cooperator cooperator(clock);
    int steps = 0;
    std::optional<CooperativeTask> task;
    task = cooperator.cooperate([&] {
        if (++steps == 1) {
            task->pause();
        } else {
            task->stop();
        }
        return TaskStep::more;
    });
    clock.advance(0s);
    BOOST_TEST(steps == 1);
    task->resume();
    Deferred<> done = task->when_done();
    clock.advance(0s);
    BOOST_TEST(steps == 2);
    expect_failure<TaskStopped>(std::move(done));
    BOOST_TEST(clock.pending_calls() == 0u);

    auto never = make_deferred();
    task = cooperator.cooperate([&] {
        task->stop();
        return std::move(never.deferred);
    });
    clock.advance(0s);
    BOOST_TEST(!never.promise.wanted());
    task = cooperator.cooperate([&]() -> TaskStep {
        task->stop();
        throw std::runtime_error("nobody left");
    });
    clock.advance(0s);
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(stop_deferred) {
    ManualClock clock;
    Cooperator cooperator(clock);
    int steps = 0;
    int asked = 0;
    auto gate = make_deferred([&] { ++asked; });
    CooperativeTask task = cooperator.cooperate([&] {
        ++steps;
        return std::move(gate.deferred);
    });
    clock.advance(0s);
    task.stop();
    BOOST_TEST(asked == 1);
    gate.promise.callback();
    clock.advance(0s);
    BOOST_TEST(steps == 1);
    BOOST_TEST(clock.pending_calls() == 0u);
    expect_failure<TaskStopped>(task.when_done());
}

BOOST_AUTO_TEST_CASE(removing_last_task_stops_scheduled_call) {
    ManualClock clock;
    Cooperator cooperator(clock);
    std::string order;
    CooperativeTask a = cooperator.cooperate(writes(order, 'a', 3));
    CooperativeTask b = cooperator.cooperate(writes(order, 'b', 3));
    BOOST_TEST(clock.pending_calls() == 1u);
    a.stop();
    BOOST_TEST(clock.pending_calls() == 1u);
    b.stop();
    BOOST_TEST(clock.pending_calls() == 0u);
    Deferred<> c = cooperator.coiterate(writes(order, 'c', 1));
    clock.advance(0s);
    BOOST_TEST(order == "c");
}

BOOST_AUTO_TEST_CASE(a_finished_task_says_how_it_ended) {
    ManualClock clock;
    Cooperator cooperator(clock);
    std::string order;
    const auto refuses = [](CooperativeTask& task, auto error) {
        using E = decltype(error);
        BOOST_CHECK_THROW(task.pause(), E);
        BOOST_CHECK_THROW(task.resume(), E);
        BOOST_CHECK_THROW(task.stop(), E);
    };
    CooperativeTask done = cooperator.cooperate(writes(order, 'a', 1));
    CooperativeTask failed = cooperator.cooperate([]() -> TaskStep { throw std::runtime_error("bad"); });
    CooperativeTask stopped = cooperator.cooperate(writes(order, 's', 1));
    stopped.stop();
    clock.advance(0s);
    CooperativeTask ended = cooperator.cooperate(writes(order, 'e', 1));
    cooperator.stop();
    refuses(done, TaskDone());
    refuses(failed, TaskFailed());
    refuses(stopped, TaskStopped());
    refuses(ended, SchedulerStopped());
    expect_failure<std::runtime_error>(failed.when_done());
    CooperativeTask moved = std::move(done);
    BOOST_CHECK_THROW(done.pause(), InvalidState);  // NOLINT(bugprone-use-after-move)
    BOOST_TEST(fired(moved.when_done()));
}

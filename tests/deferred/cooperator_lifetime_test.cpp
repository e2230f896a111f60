// Cooperator: stopping it, and who may go when.
#define BOOST_TEST_MODULE deferred_cooperator_lifetime
#include "plait/deferred/cooperator.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "late_clock.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "steps_and_ends.hpp"
#include "support.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

// Stopping -----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(stopping_ends_all_tasks_paused_ones_too) {
    ManualClock clock;
    Cooperator cooperator(clock);
    BOOST_TEST(cooperator.running());
    std::string order;
    CooperativeTask ready = cooperator.cooperate(writes(order, 'a', 3));
    CooperativeTask paused = cooperator.cooperate(writes(order, 'b', 3));
    paused.pause();
    cooperator.stop();
    BOOST_TEST(!cooperator.running());
    BOOST_TEST(clock.pending_calls() == 0u);
    expect_failure<SchedulerStopped>(ready.when_done());
    expect_failure<SchedulerStopped>(paused.when_done());
    expect_failure<SchedulerStopped>(cooperator.coiterate(writes(order, 'c', 3)));
    expect_failure<SchedulerStopped>(cooperator.yield());
    cooperator.stop();
    cooperator.start();
    BOOST_TEST(cooperator.running());
    Deferred<> again = cooperator.coiterate(writes(order, 'd', 1));
    clock.advance(0s);
    BOOST_TEST(order == "d");
    BOOST_TEST(fired(std::move(again)));
}

BOOST_AUTO_TEST_CASE(stop_cooperator_reentrancy) {
    ManualClock clock;
    Cooperator cooperator(clock);
    std::string order;
    CooperativeTask a = cooperator.cooperate(writes(order, 'a', 1));
    CooperativeTask b = cooperator.cooperate(writes(order, 'b', 9));
    Deferred<> done = a.when_done().add_callback([&] {
        cooperator.stop();
        BOOST_CHECK_THROW(a.stop(), TaskDone);
        BOOST_CHECK_THROW(b.stop(), SchedulerStopped);
    });
    clock.advance(0s);
    BOOST_TEST(fired(std::move(done)));
    BOOST_TEST(order == "a");

    cooperator.start();
    a = cooperator.cooperate(writes(order, 'c', 9));
    done = a.when_done().add_errback<TaskStopped>([&](const TaskStopped&) {
        cooperator.stop();
        BOOST_CHECK_THROW(a.stop(), TaskStopped);
    });
    a.stop();
    BOOST_TEST(fired(std::move(done)));
}

BOOST_AUTO_TEST_CASE(who_hears_of_a_stop_may_touch_tasks_that_are_yet_to_be_stopped_and_start_again) {
    ManualClock clock;
    Cooperator cooperator(clock);
    std::string order;
    std::vector<CooperativeTask> tasks;
    for (int i = 0; i < 3; ++i)
        tasks.push_back(cooperator.cooperate(writes(order, 'x', 9)));
    Deferred<> first = tasks[0].when_done().add_both([&](const Result<>&) {
        tasks[1].pause();
        tasks[1].resume();
        tasks.pop_back();
        cooperator.stop();
        cooperator.start();
    });
    cooperator.stop();
    BOOST_TEST(cooperator.running());
    expect_failure<SchedulerStopped>(tasks[1].when_done());
    clock.advance(0s);
    BOOST_TEST(order == "");
}

BOOST_AUTO_TEST_CASE(a_task_that_is_yet_to_be_stopped_can_not_slip_away) {
    ManualClock clock;
    Cooperator cooperator(clock);
    std::string order;
    CooperativeTask a = cooperator.cooperate(writes(order, 'a', 9));
    CooperativeTask b = cooperator.cooperate(writes(order, 'b', 9));
    CooperativeTask c = cooperator.cooperate(writes(order, 'c', 9));
    Deferred<> told = a.when_done().add_both([&](const Result<>&) {
        b.pause();
        b.resume();
        cooperator.start();
        c.pause();
        c.resume();
    });
    cooperator.stop();
    expect_failure<SchedulerStopped>(b.when_done());
    expect_failure<SchedulerStopped>(c.when_done());
    clock.advance(0s);
    BOOST_TEST(order == "");
}

BOOST_AUTO_TEST_CASE(a_new_task_takes_its_turn_behind_the_others) {
    ManualClock clock;
    Cooperator cooperator(clock);
    std::string order;
    Deferred<> added;
    Deferred<> a = cooperator.coiterate([&, inner = writes(order, 'a', 3)]() mutable {
        if (!added.valid()) added = cooperator.coiterate(writes(order, 'n', 2));
        return inner();
    });
    Deferred<> b = cooperator.coiterate(writes(order, 'b', 3));
    clock.advance(0s);
    BOOST_TEST(order == "abanbanb");
}

BOOST_AUTO_TEST_CASE(a_coroutine_takes_turns_by_yielding) {
    LateClock clock;
    Cooperator cooperator(clock, [](std::size_t steps) { return steps == 4; });
    std::string order;
    const auto work = [](Cooperator& turns, std::string& to, char name) -> Deferred<> {
        for (int i = 0; i < 3; ++i) {
            co_await turns.yield();
            to += name;
        }
    };
    Deferred<> a = work(cooperator, order, 'a');
    Deferred<> b = work(cooperator, order, 'b');
    Deferred<> c = cooperator.coiterate(writes(order, 'c', 3));
    clock.jump(0s);
    BOOST_TEST(order == "abca");
    clock.jump(0s);
    BOOST_TEST(order == "abcabcab");
    clock.jump(0s);
    BOOST_TEST(order == "abcabcabc");
    BOOST_TEST(fired(std::move(a)));
    BOOST_TEST(clock.pending_calls() == 0u);
}

// cancel and lifetime ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(cancelling_or_dropping_coiterate_ends_the_task) {
    ManualClock clock;
    Cooperator cooperator(clock);
    Token token;
    int asked = 0;
    for (const bool dropping : {false, true}) {
        auto gate = make_deferred([&] { ++asked; });
        Deferred<> waits = cooperator.coiterate([&, held = token.copy()] { return std::move(gate.deferred); });
        Deferred<> ready = cooperator.coiterate([held = token.copy()] { return make_deferred().deferred; });
        Deferred<> yields = cooperator.yield();
        if (dropping) {
            ready = Deferred<>();
            yields = Deferred<>();
        } else {
            ready.cancel();
            yields.cancel();
            expect_failure<Cancelled>(std::move(ready));
            expect_failure<Cancelled>(std::move(yields));
        }
        clock.advance(0s);
        BOOST_TEST(asked == (dropping ? 1 : 0));
        if (dropping) {
            waits = Deferred<>();
        } else {
            waits.cancel();
            expect_failure<Cancelled>(std::move(waits));
        }
        BOOST_TEST(asked == (dropping ? 2 : 1));
        BOOST_TEST(token.gone());
        BOOST_TEST(clock.pending_calls() == 0u);
    }
}

BOOST_AUTO_TEST_CASE(destroying_a_task_stops_it_and_frees_its_step) {
    ManualClock clock;
    Cooperator cooperator(clock);
    Token token;
    Deferred<> done;
    {
        CooperativeTask task = cooperator.cooperate([held = token.copy()] { return TaskStep::more; });
        done = task.when_done();
        const Deferred<> dropped = task.when_done();
        BOOST_TEST(!token.gone());
    }
    BOOST_TEST(token.gone());
    expect_failure<TaskStopped>(std::move(done));
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_task_assigned_to_itself_stays) {
    ManualClock clock;
    Cooperator cooperator(clock);
    std::string order;
    CooperativeTask task = cooperator.cooperate(writes(order, 'a', 2));
    CooperativeTask& same = task;
    task = std::move(same);
    clock.advance(0s);
    BOOST_TEST(order == "aa");
}

BOOST_AUTO_TEST_CASE(a_step_goes_with_its_task_not_with_its_handle) {
    ManualClock clock;
    Cooperator cooperator(clock);
    Token token;
    CooperativeTask task = cooperator.cooperate([held = token.copy()] { return TaskStep::done; });
    clock.advance(0s);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_task_outlives_its_cooperator_as_stopped) {
    ManualClock clock;
    std::optional<Cooperator> cooperator(std::in_place, clock);
    Token token;
    auto gate = make_deferred();
    CooperativeTask ready = cooperator->cooperate([held = token.copy()] { return TaskStep::more; });
    ready.pause();
    CooperativeTask waits = cooperator->cooperate([&, held = token.copy()] { return std::move(gate.deferred); });
    clock.advance(0s);
    cooperator.reset();
    BOOST_TEST(token.gone());
    BOOST_TEST(!gate.promise.wanted());
    BOOST_CHECK_THROW(ready.resume(), SchedulerStopped);
    expect_failure<SchedulerStopped>(waits.when_done());
}

BOOST_AUTO_TEST_CASE(a_step_may_destroy_its_task_or_its_cooperator) {
    ManualClock clock;
    std::optional<Cooperator> cooperator(std::in_place, clock);
    std::optional<CooperativeTask> task;
    Token token;
    task = cooperator->cooperate([&, held = token.copy(), text = std::string(100, 'x')] {
        task.reset();
        BOOST_TEST(text.size() == 100u);
        return TaskStep::more;
    });
    clock.advance(0s);
    BOOST_TEST(token.gone());

    std::string seen;
    task = cooperator->cooperate([&, held = token.copy(), text = std::string(100, 'x')]() -> Deferred<> {
        struct Local {
            const std::string& text;
            std::string& seen;
            ~Local() { seen += text; }
        };
        const Local local{text, seen};
        co_await clock.sleep(1s);
        task.reset();
        BOOST_TEST(!token.gone());  // the captures are still here
        seen += text;
        co_await clock.sleep(1s);
        BOOST_ERROR("went on");
    });
    clock.advance(5s);
    BOOST_TEST(seen.size() == 200u);
    BOOST_TEST(token.gone());

    std::string order;
    Deferred<> other = cooperator->coiterate(writes(order, 'o', 9));
    Deferred<> last = cooperator->coiterate([&, held = token.copy()] {
        cooperator.reset();
        return TaskStep::more;
    });
    clock.advance(0s);
    BOOST_TEST(order == "o");
    expect_failure<SchedulerStopped>(std::move(other));
    expect_failure<SchedulerStopped>(std::move(last));
    BOOST_TEST(token.gone());
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_step_may_own_its_task) {
    ManualClock clock;
    Cooperator cooperator(clock);
    Token token;
    auto owner = std::make_shared<std::optional<CooperativeTask>>();
    *owner = cooperator.cooperate(
        [owner, held = token.copy(), steps = 0]() mutable { return ++steps < 3 ? TaskStep::more : TaskStep::done; });
    owner.reset();
    clock.advance(0s);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_waiter_may_destroy_the_task_and_the_cooperator) {
    ManualClock clock;
    std::optional<Cooperator> cooperator(std::in_place, clock);
    std::string order;
    std::optional<CooperativeTask> task = cooperator->cooperate(writes(order, 'a', 1));
    Deferred<> done = task->when_done().add_callback([&] {
        task.reset();
        cooperator.reset();
    });
    Deferred<> also = task->when_done();
    clock.advance(0s);
    BOOST_TEST(!cooperator.has_value());
    BOOST_TEST(fired(std::move(done)));
    BOOST_TEST(fired(std::move(also)));
}

BOOST_AUTO_TEST_CASE(tasks_end_when_their_clock_goes) {
    std::optional<ManualClock> clock(std::in_place);
    Cooperator cooperator(*clock);
    std::string order;
    Deferred<> task = cooperator.coiterate(writes(order, 'a', 1));
    clock.reset();
    BOOST_TEST(!cooperator.running());
    expect_failure<SchedulerStopped>(std::move(task));
}

#define BOOST_TEST_MODULE deferred_pause
#include <boost/test/unit_test.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "support.hpp"

using namespace plait;

namespace {

bool is_cancelled(const Failure& failure) {
    return failure.check<Cancelled>() != nullptr;
}

Deferred<int> plus_one(Deferred<int> deferred) {
    const int n = co_await std::move(deferred);
    co_return n + 1;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_result_that_comes_while_paused_is_held_and_unpausing_runs_the_callbacks) {
    std::vector<int> seen;
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).add_callback([&](int n) { seen.push_back(n); });
    Pause pause = last.pause();
    BOOST_TEST(pause.holds());
    promise.callback(3);
    BOOST_TEST(seen.empty());
    BOOST_TEST(!last.ready());
    BOOST_CHECK_THROW(std::ignore = last.take(), InvalidState);
    pause.unpause();
    BOOST_TEST(!pause.holds());
    BOOST_TEST(seen == std::vector<int>{3}, boost::test_tools::per_element());
    BOOST_TEST(last.ready());
}

BOOST_AUTO_TEST_CASE(unpausing_before_the_result_leaves_the_chain_as_it_was) {
    auto [deferred, promise] = make_deferred<int>();
    Pause pause = deferred.pause();
    pause.unpause();
    pause.unpause();  // the second time is nothing
    auto last = std::move(deferred).add_callback([](int n) { return n + 1; });
    promise.callback(1);
    BOOST_TEST(last.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(a_ready_deferred_is_paused_like_a_pending_one) {
    bool ran = false;
    auto deferred = succeed(1);
    Pause pause = deferred.pause();
    BOOST_TEST(!deferred.ready());
    auto last = std::move(deferred).add_callback([&](int n) {
        ran = true;
        return n + 1;
    });
    BOOST_TEST(!ran);
    pause.unpause();
    BOOST_TEST(ran);
    BOOST_TEST(last.take().value() == 2);

    auto failed = fail<int>(std::runtime_error("ready"));
    Pause second = failed.pause();
    auto handled = std::move(failed).add_errback([](const Failure&) { return 7; });
    BOOST_TEST(!handled.ready());
    second.unpause();
    BOOST_TEST(handled.take().value() == 7);
}

BOOST_AUTO_TEST_CASE(a_fired_deferred_is_paused_like_a_pending_one) {
    auto [deferred, promise] = make_deferred<int>();
    promise.callback(1);
    Pause pause = deferred.pause();
    BOOST_TEST(!deferred.ready());
    auto last = std::move(deferred).add_callback([](int n) { return n + 1; });
    BOOST_TEST(!last.ready());
    pause.unpause();
    BOOST_TEST(last.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(it_takes_as_many_unpauses_as_pauses_in_any_order) {
    auto [deferred, promise] = make_deferred<int>();
    Pause a = deferred.pause();
    Pause b = deferred.pause();
    Pause c = deferred.pause();
    promise.callback(1);
    b.unpause();
    BOOST_TEST(!deferred.ready());
    a.unpause();
    BOOST_TEST(!deferred.ready());
    c.unpause();
    BOOST_TEST(deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(a_pause_is_moved_and_its_end_unpauses) {
    auto [deferred, promise] = make_deferred<int>();
    Pause other = deferred.pause();
    {
        Pause first = deferred.pause();
        Pause moved = std::move(first);
        BOOST_TEST(!first.holds());
        first.unpause();
        promise.callback(1);
        Pause assigned;
        assigned = std::move(moved);
        auto& same = assigned;
        assigned = std::move(same);
        BOOST_TEST(assigned.holds());
        other = Pause();
        BOOST_TEST(!deferred.ready());
    }
    BOOST_TEST(deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(a_pause_inside_a_callback_holds_what_comes_after_it) {
    std::vector<int> order;
    Pause pause;
    auto [made, promise] = make_deferred();
    Deferred<> deferred;
    deferred = std::move(made)
                   .add_callback([&] {
                       pause = deferred.pause();
                       order.push_back(1);
                   })
                   .add_callback([&] { order.push_back(2); });
    promise.callback();
    BOOST_TEST(order == std::vector<int>{1}, boost::test_tools::per_element());
    pause.unpause();
    BOOST_TEST(order == (std::vector<int>{1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_pause_that_begins_and_ends_inside_a_callback_changes_nothing) {
    std::vector<int> order;
    auto [made, promise] = make_deferred();
    Deferred<> deferred;
    deferred = std::move(made)
                   .add_callback([&] {
                       Pause pause = deferred.pause();
                       pause.unpause();
                       order.push_back(1);
                   })
                   .add_callback([&] { order.push_back(2); });
    promise.callback();
    BOOST_TEST(order == (std::vector<int>{1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(callbacks_may_pause_again_while_unpausing) {
    int ran = 0;
    Pause pause;
    auto [made, promise] = make_deferred();
    Deferred<> deferred = std::move(made);
    for (int i = 0; i < 3; ++i) {
        deferred = std::move(deferred).add_callback([&] {
            ++ran;
            pause = deferred.pause();
        });
    }
    promise.callback();
    for (int expected = 1; expected <= 3; ++expected) {
        BOOST_TEST(ran == expected);
        BOOST_TEST(!deferred.ready());
        pause.unpause();
    }
    BOOST_TEST(deferred.ready());
}

// Chains -------------------------------------------------------------------------------------------------------------

// twisted: test_chainedPausedDeferredWithResult
BOOST_AUTO_TEST_CASE(chained_paused_deferred_with_result) {
    auto [inner, inner_promise] = make_deferred<int>();
    Pause pause = inner.pause();
    inner_promise.callback(5);
    auto outer = succeed().add_callback([&] { return std::move(inner); });
    BOOST_TEST(!outer.ready());
    pause.unpause();
    BOOST_TEST(outer.take().value() == 5);
}

BOOST_AUTO_TEST_CASE(a_paused_ready_deferred_that_is_returned_holds_the_outer_too) {
    auto inner = succeed(5);
    Pause pause = inner.pause();
    auto outer = succeed().add_callback([&] { return std::move(inner); });
    BOOST_TEST(!outer.ready());
    pause.unpause();
    BOOST_TEST(outer.take().value() == 5);
}

// twisted: test_pausedDeferredChained
BOOST_AUTO_TEST_CASE(paused_deferred_chained) {
    std::vector<std::string> order;
    auto [second, second_promise] = make_deferred();
    auto second_last = std::move(second).add_callback([&] { order.push_back("second"); });
    auto [made, promise] = make_deferred();
    auto first = std::move(made).add_callback([&] { return std::move(second_last); }).add_callback([&] {
        order.push_back("first");
    });
    promise.callback();
    Pause pause = first.pause();
    second_promise.callback();  // a paused one does not block what it waits for
    BOOST_TEST(order == std::vector<std::string>{"second"}, boost::test_tools::per_element());
    pause.unpause();
    BOOST_TEST(order == (std::vector<std::string>{"second", "first"}), boost::test_tools::per_element());
    BOOST_TEST(first.ready());
}

BOOST_AUTO_TEST_CASE(a_pause_survives_waiting_for_another_and_being_waited_for) {
    auto [innermost, promise] = make_deferred<int>();
    auto middle = succeed().add_callback([&] { return std::move(innermost); });
    Pause pause = middle.pause();
    // Nothing else hangs on the middle one: unpaused it would be passed over.
    auto outer = succeed().add_callback([&] { return std::move(middle); });
    promise.callback(4);
    BOOST_TEST(!outer.ready());
    pause.unpause();
    BOOST_TEST(outer.take().value() == 4);
}

BOOST_AUTO_TEST_CASE(one_that_is_waited_for_may_be_paused_and_wait_itself) {
    auto [innermost, innermost_promise] = make_deferred<int>();
    auto [middle, middle_promise] = make_deferred();
    Pause pause;
    auto middle_last = std::move(middle).add_callback([&] { return std::move(innermost); });
    pause = middle_last.pause();
    auto outer = succeed().add_callback([&] { return std::move(middle_last); });
    middle_promise.callback();
    pause.unpause();
    innermost_promise.callback(6);
    BOOST_TEST(outer.take().value() == 6);
}

BOOST_AUTO_TEST_CASE(chain_deferred_waits_for_a_paused_source) {
    auto source = succeed(1);
    Pause pause = source.pause();
    auto sink = make_deferred<int>();
    chain_deferred(std::move(source), std::move(sink.promise));
    BOOST_TEST(!sink.deferred.ready());
    pause.unpause();
    BOOST_TEST(sink.deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(awaiting_a_paused_deferred_waits_until_it_is_unpaused) {
    auto ready = succeed(1);
    Pause pause = ready.pause();
    auto last = plus_one(std::move(ready));
    BOOST_TEST(!last.ready());
    pause.unpause();
    BOOST_TEST(last.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(pausing_the_deferred_of_a_coroutine_holds_its_result_and_not_its_body) {
    bool went_on = false;
    auto body = [](Deferred<int> wait, bool& resumed) -> Deferred<int> {
        const int n = co_await std::move(wait);
        resumed = true;
        co_return n;
    };
    auto [deferred, promise] = make_deferred<int>();
    auto last = body(std::move(deferred), went_on).add_callback([](int n) { return n + 1; });
    Pause pause = last.pause();
    promise.callback(1);
    BOOST_TEST(went_on);
    BOOST_TEST(!last.ready());
    pause.unpause();
    BOOST_TEST(last.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(a_detached_chain_stays_paused_and_ends_when_unpaused) {
    Token token;
    int seen = 0;
    auto [deferred, promise] = make_deferred<int>();
    Pause pause = deferred.pause();
    std::move(deferred).add_callback([&, held = token.copy()](int n) { seen = n; }).detach([](const Failure&) {});
    promise.callback(2);
    BOOST_TEST(seen == 0);
    pause.unpause();
    BOOST_TEST(seen == 2);
    BOOST_TEST(token.gone());
}

// Ends ---------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(dropping_a_paused_deferred_destroys_its_callbacks_unrun_and_leaves_the_pause_empty) {
    Token token;
    bool ran = false;
    Pause pause;
    Pause second;
    for (const bool fired : {false, true}) {
        auto [deferred, promise] = make_deferred<int>();
        pause = deferred.pause();
        second = deferred.pause();
        {
            auto last = std::move(deferred).add_callback([&ran, held = token.copy()](int) { ran = true; });
            if (fired) promise.callback(1);
        }
        BOOST_TEST(token.gone());
        BOOST_TEST(!promise.wanted());
        BOOST_TEST(!pause.holds());
        BOOST_TEST(!second.holds());
        pause.unpause();
        BOOST_TEST(!ran);
    }
}

BOOST_AUTO_TEST_CASE(a_paused_deferred_dropped_by_its_own_callback_leaves_the_pause_empty) {
    Pause pause;
    auto [made, promise] = make_deferred();
    Deferred<> deferred;
    bool ran = false;
    deferred = std::move(made)
                   .add_callback([&] {
                       pause = deferred.pause();
                       deferred = Deferred<>();
                   })
                   .add_callback([&] { ran = true; });
    promise.callback();
    BOOST_TEST(!pause.holds());
    BOOST_TEST(!ran);
}

BOOST_AUTO_TEST_CASE(dropping_a_paused_coroutine_destroys_its_frame_at_once) {
    Token token;
    auto body = [](Deferred<> wait, std::shared_ptr<int>) -> Deferred<> { co_await std::move(wait); };
    auto [gate, promise] = make_deferred();
    Pause pause;
    {
        auto last = body(std::move(gate), token.copy());
        pause = last.pause();
    }
    BOOST_TEST(token.gone());
    BOOST_TEST(!pause.holds());
}

BOOST_AUTO_TEST_CASE(a_failure_held_by_a_pause_is_reported_when_it_is_dropped) {
    CaughtReports reports;
    Pause pause;
    {
        auto failed = fail<int>(std::runtime_error("held"));
        pause = failed.pause();
        BOOST_TEST(reports.count() == 0u);
    }
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(reports.last() == "std::runtime_error: held");
}

BOOST_AUTO_TEST_CASE(cancelling_a_paused_deferred_asks_the_canceller_now_and_holds_the_answer) {
    int asked = 0;
    auto [deferred, promise] = make_deferred<int>([&] { ++asked; });
    Pause pause = deferred.pause();
    deferred.cancel();
    BOOST_TEST(asked == 1);
    BOOST_TEST(!promise.wanted());
    BOOST_TEST(!deferred.ready());
    pause.unpause();
    BOOST_TEST(is_cancelled(deferred.take().failure()));
}

BOOST_AUTO_TEST_CASE(cancelling_a_paused_deferred_that_has_its_result_changes_nothing) {
    auto [deferred, promise] = make_deferred<int>();
    Pause pause = deferred.pause();
    promise.callback(1);
    deferred.cancel();
    pause.unpause();
    BOOST_TEST(deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(cancelling_a_paused_deferred_that_waits_cancels_what_it_waits_for) {
    auto [inner, inner_promise] = make_deferred<int>();
    auto outer = succeed().add_callback([&] { return std::move(inner); });
    Pause pause = outer.pause();
    outer.cancel();
    BOOST_TEST(!inner_promise.wanted());
    pause.unpause();
    BOOST_TEST(is_cancelled(outer.take().failure()));
}

BOOST_AUTO_TEST_CASE(unpausing_may_drop_the_deferred_and_the_pause) {
    std::optional<Pause> pause;
    Deferred<> deferred;
    bool ran = false;
    auto [made, promise] = make_deferred();
    pause = made.pause();
    deferred = std::move(made)
                   .add_callback([&] {
                       deferred = Deferred<>();
                       pause.reset();
                   })
                   .add_callback([&] { ran = true; });
    promise.callback();
    pause->unpause();
    BOOST_TEST(!pause.has_value());
    BOOST_TEST(!ran);
}

BOOST_AUTO_TEST_CASE(pausing_an_empty_deferred_says_so) {
    Deferred<int> empty;
    BOOST_CHECK_THROW(std::ignore = empty.pause(), InvalidState);
}

BOOST_AUTO_TEST_CASE(a_promise_that_dies_while_its_deferred_is_paused_is_broken_when_unpaused) {
    auto [deferred, promise] = make_deferred<int>();
    Pause pause = deferred.pause();
    promise = Promise<int>();
    pause.unpause();
    BOOST_TEST(deferred.take().failure().check<BrokenPromise>() != nullptr);
}

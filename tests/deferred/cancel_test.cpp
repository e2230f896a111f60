#define BOOST_TEST_MODULE deferred_cancel
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "support.hpp"

using namespace plait;

namespace {

bool is_cancelled(const Failure& failure) {
    return failure.check<Cancelled>() != nullptr;
}

}  // namespace

BOOST_AUTO_TEST_CASE(without_a_canceller_the_chain_sees_cancelled_and_one_late_result_is_swallowed) {
    auto [deferred, promise] = make_deferred<int>();
    deferred.cancel();
    BOOST_TEST(!promise.wanted());
    BOOST_TEST(is_cancelled(deferred.take().failure()));
    promise.callback(7);
    BOOST_CHECK_THROW(promise.callback(8), AlreadyFired);
}

BOOST_AUTO_TEST_CASE(a_canceller_that_does_not_answer_leads_to_cancelled) {
    int asked = 0;
    auto [deferred, promise] = make_deferred<int>([&] { ++asked; });
    deferred.cancel();
    BOOST_TEST(asked == 1);
    BOOST_TEST(is_cancelled(deferred.take().failure()));
    promise.errback(std::runtime_error("late, and ignored"));
}

BOOST_AUTO_TEST_CASE(a_canceller_may_answer_with_a_value) {
    auto [deferred, promise] = make_deferred<int>([](Promise<int>& answer) { answer.callback(3); });
    auto last = std::move(deferred).add_callback([](int n) { return n * 2; });
    last.cancel();
    BOOST_TEST(last.take().value() == 6);
    BOOST_CHECK_THROW(promise.callback(4), AlreadyFired);
}

BOOST_AUTO_TEST_CASE(a_canceller_may_answer_with_a_failure_of_its_own) {
    auto [deferred, promise] =
        make_deferred<int>([](Promise<int>& answer) { answer.errback(std::runtime_error("gave up")); });
    deferred.cancel();
    BOOST_TEST(deferred.take().failure().message() == "std::runtime_error: gave up");
}

BOOST_AUTO_TEST_CASE(a_canceller_is_asked_once_however_often_cancel_is_called) {
    int asked = 0;
    Deferred<int>* itself = nullptr;
    auto [deferred, promise] = make_deferred<int>([&] {
        ++asked;
        itself->cancel();  // from inside, too
    });
    itself = &deferred;
    deferred.cancel();
    deferred.cancel();
    BOOST_TEST(asked == 1);
    BOOST_TEST(is_cancelled(deferred.take().failure()));
}

BOOST_AUTO_TEST_CASE(a_canceller_that_cancels_again_may_still_answer) {
    Deferred<int>* itself = nullptr;
    auto [deferred, promise] = make_deferred<int>([&](Promise<int>& answer) {
        itself->cancel();
        answer.callback(6);
    });
    itself = &deferred;
    deferred.cancel();
    BOOST_TEST(deferred.take().value() == 6);
}

BOOST_AUTO_TEST_CASE(a_cancel_from_inside_a_callback_cancels_one_wait_and_not_those_after_it) {
    auto [first, first_promise] = make_deferred<int>();
    auto [second, second_promise] = make_deferred<int>();
    auto [made, promise] = make_deferred<int>();
    Deferred<int> deferred;
    deferred = std::move(made)
                   .add_callback([&](int) {
                       deferred.cancel();
                       return std::move(first);
                   })
                   .add_errback<Cancelled>([&](const Cancelled&) { return std::move(second); });
    promise.callback(1);
    BOOST_TEST(!first_promise.wanted());
    BOOST_TEST(second_promise.wanted());
    second_promise.callback(3);
    BOOST_TEST(deferred.take().value() == 3);
}

BOOST_AUTO_TEST_CASE(cancelling_after_the_result_changes_nothing) {
    int asked = 0;
    auto [deferred, promise] = make_deferred<int>([&] { ++asked; });
    promise.callback(5);
    deferred.cancel();
    BOOST_TEST(asked == 0);
    BOOST_TEST(deferred.take().value() == 5);
}

BOOST_AUTO_TEST_CASE(cancel_goes_to_the_deferred_that_is_waited_on_and_to_it_alone) {
    int outer_asked = 0;
    int inner_asked = 0;
    auto [inner, inner_promise] = make_deferred<int>([&] { ++inner_asked; });
    auto [outer, outer_promise] = make_deferred<int>([&] { ++outer_asked; });
    auto last = std::move(outer).add_callback([&](int) { return std::move(inner); });
    outer_promise.callback(1);
    last.cancel();
    BOOST_TEST(outer_asked == 0);
    BOOST_TEST(inner_asked == 1);
    BOOST_TEST(is_cancelled(last.take().failure()));
}

BOOST_AUTO_TEST_CASE(a_chain_may_turn_its_cancellation_into_a_value) {
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).add_errback<Cancelled>([](const Cancelled&) { return 0; });
    last.cancel();
    BOOST_TEST(last.take().value() == 0);
}

BOOST_AUTO_TEST_CASE(a_cancelled_chain_may_wait_again_and_be_cancelled_again) {
    auto [first, first_promise] = make_deferred<int>();
    auto [second, second_promise] = make_deferred<int>();
    auto last = std::move(first).add_errback([&](const Failure&) { return std::move(second); });
    last.cancel();
    BOOST_TEST(!last.ready());
    BOOST_TEST(second_promise.wanted());
    last.cancel();
    BOOST_TEST(!second_promise.wanted());
    BOOST_TEST(is_cancelled(last.take().failure()));
}

BOOST_AUTO_TEST_CASE(a_canceller_that_destroys_the_promise_has_not_answered) {
    std::optional<Promise<int>> kept;
    auto [deferred, promise] = make_deferred<int>([&] { kept.reset(); });
    kept = std::move(promise);
    deferred.cancel();
    BOOST_TEST(is_cancelled(deferred.take().failure()));  // not BrokenPromise
}

BOOST_AUTO_TEST_CASE(what_a_canceller_throws_is_reported_and_the_chain_still_sees_cancelled) {
    CaughtReports reports;
    auto [deferred, promise] = make_deferred<int>([] { throw std::runtime_error("canceller"); });
    deferred.cancel();
    BOOST_TEST(is_cancelled(deferred.take().failure()));
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(reports.last() == "std::runtime_error: canceller");
}

BOOST_AUTO_TEST_CASE(the_canceller_is_destroyed_when_the_promise_is_fired) {
    Token token;
    auto [deferred, promise] = make_deferred<int>([held = token.copy()] {});
    BOOST_TEST(!token.gone());
    promise.callback(1);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_canceller_that_owns_the_other_end_is_not_a_leak) {
    Token token;
    {
        auto [deferred, made] = make_deferred<int>();
        auto kept = std::make_shared<std::pair<std::optional<Promise<int>>, std::shared_ptr<int>>>();
        kept->second = token.copy();
        made.on_cancel([kept] { kept->first.reset(); });
        kept->first = std::move(made);
        kept.reset();
        BOOST_TEST(!token.gone());
    }
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_canceller_may_be_set_on_the_promise_later_and_replaced) {
    int first = 0;
    int second = 0;
    auto [deferred, promise] = make_deferred<int>([&] { ++first; });
    promise.on_cancel([&](Promise<int>& answer) {
        ++second;
        answer.callback(2);
    });
    deferred.cancel();
    BOOST_TEST(first == 0);
    BOOST_TEST(second == 1);
    BOOST_TEST(deferred.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(a_canceller_may_drop_the_deferred_that_is_being_cancelled) {
    std::optional<Deferred<int>> kept;
    auto [deferred, promise] = make_deferred<int>([&] { kept.reset(); });
    bool ran = false;
    kept = std::move(deferred).add_both([&](Result<int>) {
        ran = true;
        return 0;
    });
    kept->cancel();
    BOOST_TEST(!kept.has_value());
    BOOST_TEST(!ran);
}

BOOST_AUTO_TEST_CASE(cancelling_from_inside_its_own_callback_cancels_what_the_chain_waits_for_next) {
    int asked = 0;
    auto [inner, inner_promise] = make_deferred<int>([&] { ++asked; });
    auto [made, promise] = make_deferred<int>();
    Deferred<int> deferred = std::move(made);
    deferred = std::move(deferred).add_callback([&](int) {
        deferred.cancel();
        BOOST_TEST(asked == 0);
        return std::move(inner);
    });
    promise.callback(1);
    BOOST_TEST(asked == 1);
    BOOST_TEST(is_cancelled(deferred.take().failure()));
}

BOOST_AUTO_TEST_CASE(cancelling_the_outer_from_a_callback_of_the_inner_reaches_the_next_wait_of_the_outer) {
    auto [inner, inner_promise] = make_deferred();
    auto [next, next_promise] = make_deferred();
    auto [made, promise] = make_deferred();
    Deferred<> outer;
    auto inner_last = std::move(inner).add_callback([&] { outer.cancel(); });
    outer = std::move(made).add_callback([&] { return std::move(inner_last); }).add_callback([&] {
        return std::move(next);
    });
    promise.callback();
    inner_promise.callback();
    BOOST_TEST(!next_promise.wanted());
    BOOST_TEST(is_cancelled(outer.take().failure()));
}

BOOST_AUTO_TEST_CASE(the_canceller_is_destroyed_once_when_it_has_been_asked) {
    Token token;
    auto [deferred, promise] = make_deferred<int>([held = token.copy()] {});
    deferred.cancel();
    BOOST_TEST(token.gone());
    BOOST_TEST(is_cancelled(deferred.take().failure()));
}

BOOST_AUTO_TEST_CASE(cancel_through_chain_deferred_reaches_the_source) {
    int asked = 0;
    auto [source, source_promise] = make_deferred<int>([&] { ++asked; });
    auto [sink, sink_promise] = make_deferred<int>([] { BOOST_ERROR("the sink was already promised to the source"); });
    chain_deferred(std::move(source), std::move(sink_promise));
    sink.cancel();
    BOOST_TEST(asked == 1);
    BOOST_TEST(is_cancelled(sink.take().failure()));
}

#define BOOST_TEST_MODULE deferred_race
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <list>
#include <memory>
#include <stdexcept>
#include <string>

#include "plait/deferred/race.hpp"
#include "several.hpp"
#include "support.hpp"

using namespace plait;

namespace {

std::string said(const Failure& failure) {
    return failure.message();
}

}  // namespace

// The cases of Twisted's RaceTests ------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(race_success) {
    Parts parts(3);
    auto first = race(std::move(parts.deferreds));
    BOOST_TEST(!first.ready());
    parts[1].callback(7);
    auto [index, value] = first.take().value();
    BOOST_TEST(index == 1u);
    BOOST_TEST(value == 7);
    BOOST_TEST(parts.cancelled == 2);
}

BOOST_AUTO_TEST_CASE(race_failure) {
    CaughtReports reports;
    Parts parts(3);
    auto first = race(std::move(parts.deferreds));
    parts[2].errback(std::runtime_error("c"));
    parts[0].errback(std::runtime_error("a"));
    BOOST_TEST(!first.ready());
    parts[1].errback(std::runtime_error("b"));
    const Failure failure = first.take().failure();
    const auto* group = failure.check<FailureGroup>();
    BOOST_REQUIRE(group != nullptr);
    BOOST_REQUIRE(group->failures().size() == 3u);
    BOOST_TEST(said(group->failures()[0]) == "std::runtime_error: a");
    BOOST_TEST(said(group->failures()[2]) == "std::runtime_error: c");
    BOOST_TEST(said(failure) ==
               "plait::FailureGroup: None of 3 succeeded: [0] std::runtime_error: a; [1] std::runtime_error: b; "
               "[2] std::runtime_error: c");
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(race_result_after_cancel) {
    CaughtReports reports;
    Parts parts(3);
    auto first = race(std::move(parts.deferreds));
    parts[0].callback(1);
    parts[1].callback(2);
    parts[2].errback(std::runtime_error("late"));
    BOOST_TEST(first.take().value().index == 0u);
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(race_cancel) {
    Parts parts(3);
    auto first = race(std::move(parts.deferreds));
    parts[1].errback(std::runtime_error("earlier"));
    first.cancel();
    BOOST_TEST(parts.cancelled == 2);
    BOOST_TEST(first.take().failure().check<Cancelled>() != nullptr);
}

// What Plait adds -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_race_of_nothing_fails_instead_of_waiting_for_ever) {
    auto first = race(std::vector<Deferred<int>>());
    const auto failure = first.take().failure();
    BOOST_TEST(failure.check<NothingToWaitFor>() != nullptr);
    BOOST_TEST(std::string(failure.origin().file_name()).find("race_test") != std::string::npos);
    BOOST_TEST(first_completed(std::vector<Deferred<int>>()).take().failure().check<NothingToWaitFor>() != nullptr);
}

BOOST_AUTO_TEST_CASE(the_failures_of_many_are_named_by_the_first_few) {
    std::vector<Deferred<int>> parts;
    for (int i = 0; i < 20; ++i)
        parts.push_back(fail<int>(std::runtime_error(std::to_string(i))));
    const auto text = race(std::move(parts)).take().failure().message();
    BOOST_TEST(text.find("[7] std::runtime_error: 7; and 12 more") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_losers_are_told_before_they_are_dropped_and_before_the_winner_is_known) {
    std::string order;
    Parts parts(2);
    parts.deferreds[0] = std::move(parts.deferreds[0]).add_errback<Cancelled>([&](const Cancelled&) {
        order += "told ";
        return 0;
    });
    auto first = race(std::move(parts.deferreds)).add_callback([&](const Winner<int>&) { order += "won"; });
    parts[1].callback(1);
    BOOST_TEST(order == "told won");
}

BOOST_AUTO_TEST_CASE(ready_ones_count_and_the_first_given_wins) {
    auto [late, promise] = make_deferred<int>();
    auto [index, value] = race(std::move(late), succeed(1), succeed(2)).take().value();
    BOOST_TEST(index == 1u);
    BOOST_TEST(value == 1);
    BOOST_TEST(!promise.wanted());
}

BOOST_AUTO_TEST_CASE(failures_before_the_winner_are_consumed) {
    CaughtReports reports;
    auto won = race(fail<int>(std::runtime_error("x")), succeed(2));
    BOOST_TEST(won.take().value().index == 1u);
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(different_types_race_for_a_variant) {
    auto [number, number_promise] = make_deferred<int>();
    auto [text, text_promise] = make_deferred<std::string>();
    auto [owned, owned_promise] = make_deferred<std::unique_ptr<int>>();
    auto first = race(std::move(number), std::move(text), std::move(owned));
    owned_promise.callback(std::make_unique<int>(5));
    auto winner = first.take().value();
    BOOST_TEST(winner.index() == 2u);
    BOOST_TEST(*std::get<2>(winner) == 5);
    BOOST_TEST(!number_promise.wanted());
}

BOOST_AUTO_TEST_CASE(a_type_may_appear_twice_among_different_ones) {
    auto [a, a_promise] = make_deferred<int>();
    auto [b, b_promise] = make_deferred<std::string>();
    auto [c, c_promise] = make_deferred<int>();
    auto first = race(std::move(a), std::move(b), std::move(c));
    c_promise.callback(3);
    BOOST_TEST(first.take().value().index() == 2u);
}

BOOST_AUTO_TEST_CASE(first_completed_takes_the_first_outcome_well_or_not) {
    Parts parts(3);
    auto first = first_completed(std::move(parts.deferreds));
    parts[2].errback(std::runtime_error("x"));
    BOOST_TEST(said(first.take().failure()) == "std::runtime_error: x");
    BOOST_TEST(parts.cancelled == 2);

    Parts others(2);
    auto good = first_completed(std::move(others.deferreds[0]), std::move(others.deferreds[1]));
    others[1].callback(4);
    BOOST_TEST(good.take().value().value == 4);

    auto mixed = first_completed(succeed(std::string("a")), fail<int>(std::runtime_error("b")));
    BOOST_TEST(mixed.take().value().index() == 0u);
}

BOOST_AUTO_TEST_CASE(cancelling_first_completed_cancels_each_and_the_first_answer_decides) {
    Parts parts(2);
    auto [last, promise] = make_deferred<int>([](Promise<int>& answer) { answer.callback(9); });
    parts.deferreds.push_back(std::move(last));
    auto first = first_completed(std::move(parts.deferreds));
    first.cancel();
    BOOST_TEST(parts.cancelled == 2);
    BOOST_TEST(first.take().failure().check<Cancelled>() != nullptr);
}

BOOST_AUTO_TEST_CASE(any_range_is_taken_whether_it_holds_the_deferreds_or_makes_them) {
    std::list<Deferred<int>> list;
    list.push_back(succeed(3));
    BOOST_TEST(race(std::move(list)).take().value().value == 3);

    std::array<Deferred<int>, 2> array{succeed(1), succeed(2)};
    BOOST_TEST(race(std::move(array)).take().value().value == 1);
}

BOOST_AUTO_TEST_CASE(a_loser_that_goes_on_waiting_is_dropped_before_the_winner_is_known) {
    auto [again, again_promise] = make_deferred<int>();
    auto [slow, slow_promise] = make_deferred<int>();
    auto [fast, fast_promise] = make_deferred<int>();
    auto stubborn = std::move(slow).add_errback<Cancelled>([&](const Cancelled&) { return std::move(again); });
    bool dropped = false;
    auto first = race(std::move(stubborn), std::move(fast)).add_callback([&](Winner<int> winner) {
        dropped = !again_promise.wanted();
        return winner.value;
    });
    fast_promise.callback(1);
    BOOST_TEST(first.take().value() == 1);
    BOOST_TEST(dropped);
}

BOOST_AUTO_TEST_CASE(a_loser_that_answers_cancel_changes_nothing) {
    auto [loser, loser_promise] = make_deferred<int>([](Promise<int>& answer) { answer.callback(9); });
    auto [other, other_promise] =
        make_deferred<int>([](Promise<int>& answer) { answer.errback(std::runtime_error("gave up")); });
    auto [winner, winner_promise] = make_deferred<int>();
    auto first = race(std::move(loser), std::move(other), std::move(winner));
    winner_promise.callback(1);
    BOOST_TEST(first.take().value().value == 1);
}

BOOST_AUTO_TEST_CASE(an_answer_to_cancelling_the_race_wins) {
    auto [a, a_promise] = make_deferred<int>();
    auto [b, b_promise] = make_deferred<int>([](Promise<int>& answer) { answer.callback(9); });
    auto first = race(std::move(a), std::move(b));
    first.cancel();
    BOOST_TEST(first.take().value().index == 1u);
}

BOOST_AUTO_TEST_CASE(a_canceller_that_throws_is_reported_and_the_others_are_still_cancelled) {
    CaughtReports reports;
    auto [a, a_promise] = make_deferred<int>([] { throw std::runtime_error("canceller"); });
    Parts parts(2);
    auto first = race(std::move(a), std::move(parts.deferreds[0]), std::move(parts.deferreds[1]));
    parts[1].callback(1);
    BOOST_TEST(first.take().value().index == 2u);
    BOOST_TEST(parts.cancelled == 1);
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(dropping_the_race_drops_each_and_calls_nobody) {
    Token token;
    Parts parts(2);
    bool called = false;
    for (auto& deferred : parts.deferreds)
        deferred = std::move(deferred).add_both([&called, held = token.copy()](Result<int>) {
            called = true;
            return 0;
        });
    static_cast<void>(race(std::move(parts.deferreds)));
    BOOST_TEST(parts.cancelled == 2);
    BOOST_TEST(!called);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_canceller_may_fire_another_part_while_the_race_is_dropped) {
    drop_where_one_canceller_fires_another([](auto parts) { return race(std::move(parts)); });
}

BOOST_AUTO_TEST_CASE(the_race_may_be_dropped_from_a_parts_callback_from_a_loser_and_from_its_own) {
    Deferred<> first;
    Parts parts(2);
    parts.deferreds[0] = std::move(parts.deferreds[0]).add_callback([&](int n) {
        first = Deferred<>();
        return n;
    });
    first = race(std::move(parts.deferreds)).add_callback([](const Winner<int>&) {});
    parts[0].callback(1);
    BOOST_TEST(!parts[1].wanted());

    Parts told(3);
    told.deferreds[0] = std::move(told.deferreds[0]).add_errback([&](const Failure&) {
        first = Deferred<>();
        return 0;
    });
    first = race(std::move(told.deferreds)).add_callback([](const Winner<int>&) { BOOST_ERROR("dropped before"); });
    told[2].callback(1);
    BOOST_TEST(!told[1].wanted());

    Parts own(2);
    first = race(std::move(own.deferreds)).add_callback([&](const Winner<int>&) { first = Deferred<>(); });
    own[1].callback(1);
    BOOST_TEST(!first.valid());
}

BOOST_AUTO_TEST_CASE(an_empty_deferred_among_them_throws_and_the_rest_are_dropped) {
    Parts parts(2);
    parts.deferreds.insert(parts.deferreds.begin() + 1, Deferred<int>());
    BOOST_CHECK_THROW(static_cast<void>(race(std::move(parts.deferreds))), InvalidState);
    BOOST_TEST(parts.cancelled == 2);
}

BOOST_AUTO_TEST_CASE(a_value_that_cannot_be_moved_is_a_failure_not_a_hang) {
    end_whichever_move_throws([](auto parts) { return race(std::move(parts)); });
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_race_in_linear_time) {
    Parts parts(100000);
    auto first = race(std::move(parts.deferreds));
    for (std::size_t i = 0; i < 50000; ++i)
        parts[i].errback(std::runtime_error("x"));
    parts[60000].callback(1);
    BOOST_TEST(first.take().value().index == 60000u);
    BOOST_TEST(parts.cancelled == 49999);
}

#define BOOST_TEST_MODULE deferred_gather
#include <boost/test/unit_test.hpp>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/gather.hpp"
#include "several.hpp"
#include "support.hpp"

using namespace plait;

BOOST_AUTO_TEST_CASE(gathering_nothing_is_ready_at_once) {
    BOOST_TEST(gather(std::vector<Deferred<int>>()).take().value().empty());
}

BOOST_AUTO_TEST_CASE(values_come_in_the_order_given_whatever_order_they_arrive_in) {
    Parts parts(3);
    auto all = gather(std::move(parts.deferreds));
    parts.promises[2].callback(2);
    parts.promises[0].callback(0);
    BOOST_TEST(!all.ready());
    parts.promises[1].callback(1);
    BOOST_TEST(all.take().value() == (std::vector<int>{0, 1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(ready_ones_count) {
    std::vector<Deferred<int>> ready;
    ready.push_back(succeed(1));
    ready.push_back(succeed(2));
    BOOST_TEST(gather(std::move(ready)).take().value().size() == 2u);
}

BOOST_AUTO_TEST_CASE(the_first_failure_fails_the_whole_and_cancels_the_others) {
    CaughtReports reports;
    Parts parts(4);
    auto all = gather(std::move(parts.deferreds));
    parts.promises[0].callback(0);
    parts.promises[2].errback(std::runtime_error("third"));
    BOOST_TEST(all.take().failure().message() == "std::runtime_error: third");
    BOOST_TEST(parts.cancelled == 2);
    BOOST_TEST(!parts.promises[1].wanted());
    parts.promises[1].errback(std::runtime_error("late"));
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(the_chains_of_the_others_see_cancelled_before_they_are_dropped) {
    bool told = false;
    Parts parts(2);
    parts.deferreds[0] = std::move(parts.deferreds[0]).add_errback<Cancelled>([&](const Cancelled&) {
        told = true;
        return 0;
    });
    auto all = gather(std::move(parts.deferreds));
    parts.promises[1].errback(std::runtime_error("x"));
    BOOST_TEST(told);
    BOOST_TEST(!all.take().has_value());
}

BOOST_AUTO_TEST_CASE(a_failure_that_is_there_already_cancels_the_others_too) {
    Parts parts(2);
    parts.deferreds.push_back(fail<int>(std::runtime_error("ready")));
    auto all = gather(std::move(parts.deferreds));
    BOOST_TEST(all.take().failure().message() == "std::runtime_error: ready");
    BOOST_TEST(parts.cancelled == 2);
}

BOOST_AUTO_TEST_CASE(cancelling_the_whole_cancels_each) {
    Parts parts(3);
    auto all = gather(std::move(parts.deferreds));
    parts.promises[0].callback(1);
    all.cancel();
    BOOST_TEST(parts.cancelled == 2);
    BOOST_TEST(all.take().failure().check<Cancelled>() != nullptr);
}

BOOST_AUTO_TEST_CASE(a_cancelled_whole_whose_parts_all_answer_succeeds) {
    std::vector<Deferred<int>> deferreds;
    std::vector<Promise<int>> promises;
    for (int i = 0; i < 2; ++i) {
        auto [deferred, promise] = make_deferred<int>([i](Promise<int>& answer) { answer.callback(i); });
        deferreds.push_back(std::move(deferred));
        promises.push_back(std::move(promise));
    }
    auto all = gather(std::move(deferreds));
    all.cancel();
    BOOST_TEST(all.take().value() == (std::vector<int>{0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(dropping_the_whole_drops_each) {
    Token token;
    Parts parts(2);
    for (auto& deferred : parts.deferreds) {
        deferred = std::move(deferred).add_callback([held = token.copy()](int n) { return n; });
    }
    {
        auto all = gather(std::move(parts.deferreds));
    }
    BOOST_TEST(parts.cancelled == 2);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(dropping_the_whole_calls_nobody) {
    Parts parts(2);
    int called = 0;
    for (auto& deferred : parts.deferreds)
        deferred = std::move(deferred).add_both([&](Result<int>) { return ++called; });
    static_cast<void>(gather(std::move(parts.deferreds)));
    BOOST_TEST(parts.cancelled == 2);
    BOOST_TEST(called == 0);

    auto [number, number_promise] = make_deferred<int>();
    static_cast<void>(gather(std::move(number).add_both([&](Result<int>) { return ++called; }), succeed()));
    BOOST_TEST(called == 0);
}

BOOST_AUTO_TEST_CASE(once_an_answer_has_dropped_the_whole_nobody_else_is_called) {
    Deferred<> all;
    bool called = false;
    std::vector<Deferred<int>> deferreds;
    auto [first, first_promise] = make_deferred<int>([&] { all = Deferred<>(); });
    auto [second, second_promise] = make_deferred<int>();
    deferreds.push_back(std::move(first));
    deferreds.push_back(std::move(second).add_both([&](Result<int>) {
        called = true;
        return 0;
    }));
    all = gather(std::move(deferreds)).add_callback([](auto) {});
    all.cancel();
    BOOST_TEST(!called);
    BOOST_TEST(!second_promise.wanted());
}

BOOST_AUTO_TEST_CASE(different_types_gather_into_a_tuple) {
    auto [number, number_promise] = make_deferred<int>();
    auto [text, text_promise] = make_deferred<std::string>();
    auto sum = gather(std::move(number), std::move(text), succeed(std::make_unique<int>(3))).add_callback([](auto all) {
        auto& [n, s, p] = all;
        return s + std::to_string(n + *p);
    });
    text_promise.callback("five: ");
    number_promise.callback(2);
    BOOST_TEST(sum.take().value() == "five: 5");
}

BOOST_AUTO_TEST_CASE(a_tuple_fails_with_its_first_failure) {
    auto [number, number_promise] = make_deferred<int>();
    auto [text, text_promise] = make_deferred<std::string>();
    auto both = gather(std::move(number), std::move(text));
    text_promise.errback(std::runtime_error("no text"));
    BOOST_TEST(both.take().failure().message() == "std::runtime_error: no text");
    BOOST_TEST(!number_promise.wanted());
}

BOOST_AUTO_TEST_CASE(the_whole_may_be_dropped_from_the_callback_of_one_part_or_of_the_whole) {
    Parts parts(2);
    Deferred<> all;
    parts.deferreds[0] = std::move(parts.deferreds[0]).add_callback([&](int n) {
        all = Deferred<>();
        return n;
    });
    all = gather(std::move(parts.deferreds)).add_callback([](auto) {});
    parts.promises[0].callback(1);
    BOOST_TEST(!parts.promises[1].wanted());

    Parts others(1);
    all = gather(std::move(others.deferreds)).add_callback([&](auto) { all = Deferred<>(); });
    others.promises[0].callback(1);
    BOOST_TEST(!all.valid());
}

BOOST_AUTO_TEST_CASE(an_answer_to_cancel_may_drop_the_whole) {
    Deferred<> all;
    Promise<int> kept;
    std::vector<Deferred<int>> deferreds;
    auto [first, first_promise] = make_deferred<int>([&] { all = Deferred<>(); });
    auto [second, second_promise] = make_deferred<int>();
    deferreds.push_back(std::move(first));
    deferreds.push_back(std::move(second));
    all = gather(std::move(deferreds)).add_callback([](auto) {});
    all.cancel();
    BOOST_TEST(!all.valid());
    BOOST_TEST(!second_promise.wanted());
}

BOOST_AUTO_TEST_CASE(many_are_gathered_in_linear_time) {
    constexpr int count = 100000;
    Parts parts(count);
    auto all = gather(std::move(parts.deferreds));
    for (int i = count - 1; i >= 0; --i)
        parts[static_cast<std::size_t>(i)].callback(i);
    auto values = all.take().value();
    BOOST_TEST(values.size() == static_cast<std::size_t>(count));
    BOOST_TEST(values.back() == count - 1);
}

// Twisted's cases of gatherResults -----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(gather_results_with_consume_errors) {
    CaughtReports reports;
    Parts parts(3);
    auto all = gather(std::move(parts.deferreds), Others::run_on);
    parts[1].errback(std::runtime_error("first"));
    BOOST_TEST(all.take().failure().message() == "std::runtime_error: first");
    parts[0].errback(std::runtime_error("second"));
    parts[2].callback(2);
    BOOST_TEST(parts.cancelled == 0);
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(cancel_gather_results) {
    Parts parts(2);
    auto all = gather(std::move(parts.deferreds));
    all.cancel();
    BOOST_TEST(parts.cancelled == 2);
    BOOST_TEST(all.take().failure().check<Cancelled>() != nullptr);
}

BOOST_AUTO_TEST_CASE(cancel_gather_results_with_all_deferreds_callback) {
    auto [a, a_promise] = make_deferred<int>([](Promise<int>& answer) { answer.callback(1); });
    auto all = gather(std::move(a), succeed(2));
    all.cancel();
    BOOST_TEST((all.take().value() == std::tuple(1, 2)));
}

BOOST_AUTO_TEST_CASE(a_canceller_that_throws_is_reported_and_the_others_are_still_cancelled) {
    CaughtReports reports;
    auto [a, a_promise] = make_deferred<int>([] { throw std::runtime_error("canceller"); });
    Parts parts(2);
    parts.deferreds.insert(parts.deferreds.begin(), std::move(a));
    auto all = gather(std::move(parts.deferreds));
    all.cancel();
    BOOST_TEST(parts.cancelled == 2);
    BOOST_TEST(all.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(cancelling_the_whole_cancels_what_goes_on_waiting_only_once) {
    int times = 0;
    Parts more(4);
    const auto stubborn = [&](Deferred<int> awaited) -> Deferred<int> {
        for (;;) {
            try {
                co_return co_await std::move(awaited);
            } catch (const Cancelled&) {
                ++times;
            }
            awaited = std::move(more.deferreds.at(static_cast<std::size_t>(times)));
        }
    };
    auto [other, other_promise] = make_deferred<int>();
    auto whole = gather(stubborn(std::move(more.deferreds.at(0))), std::move(other));
    whole.cancel();
    BOOST_TEST(whole.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(times == 1);
}

// The others ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(with_finish_first_the_failure_waits_for_the_others_to_end) {
    CaughtReports reports;
    Parts parts(3);
    auto all = gather(std::move(parts.deferreds), Others::finish_first);
    parts[1].errback(std::runtime_error("first"));
    BOOST_TEST(!all.ready());
    parts[0].errback(std::runtime_error("second"));
    BOOST_TEST(!all.ready());
    parts[2].callback(2);
    BOOST_TEST(all.take().failure().message() == "std::runtime_error: first");
    BOOST_TEST(parts.cancelled == 0);
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(a_tuple_may_let_the_others_finish_too) {
    auto [number, number_promise] = make_deferred<int>();
    auto both = gather(Others::finish_first, std::move(number), fail<std::string>(std::runtime_error("x")));
    BOOST_TEST(!both.ready());
    number_promise.callback(1);
    BOOST_TEST(!both.take().has_value());
}

BOOST_AUTO_TEST_CASE(cancelling_while_the_others_finish_keeps_the_failure) {
    Parts parts(2);
    auto all = gather(std::move(parts.deferreds), Others::finish_first);
    parts[0].errback(std::runtime_error("first"));
    all.cancel();
    BOOST_TEST(parts.cancelled == 1);
    BOOST_TEST(all.take().failure().message() == "std::runtime_error: first");
}

BOOST_AUTO_TEST_CASE(with_run_on_the_whole_may_go_and_the_others_keep_what_they_need) {
    Token token;
    Parts parts(3);
    parts.deferreds[1] =
        std::move(parts.deferreds[1]).add_callback([held = token.copy()](int n) { return ++*held, n; });
    {
        auto all = gather(std::move(parts.deferreds), Others::run_on);
        parts[0].errback(std::runtime_error("x"));
        BOOST_TEST(!all.take().has_value());
    }
    BOOST_TEST(parts[1].wanted());
    parts[1].callback(1);
    BOOST_TEST(*token.copy() == 1);
    BOOST_TEST(token.gone());
    parts[2].errback(std::runtime_error("late"));
}

BOOST_AUTO_TEST_CASE(with_run_on_a_whole_dropped_before_any_failure_drops_each) {
    Parts parts(2);
    static_cast<void>(gather(std::move(parts.deferreds), Others::run_on));
    BOOST_TEST(parts.cancelled == 2);
}

// Ranges -------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_view_may_start_the_deferreds_as_it_goes) {
    std::vector<Promise<int>> promises;
    auto start = [&promises](int) {
        auto [deferred, promise] = make_deferred<int>();
        promises.push_back(std::move(promise));
        return std::move(deferred);
    };
    auto all = gather(std::views::iota(0, 3) | std::views::transform(start));
    BOOST_TEST(promises.size() == 3u);
    for (int i = 0; i < 3; ++i)
        promises[static_cast<std::size_t>(i)].callback(i);
    BOOST_TEST(all.take().value() == (std::vector<int>{0, 1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(gathering_no_arguments_is_ready_at_once) {
    BOOST_TEST((gather().take().value() == std::tuple<>()));
}

template <typename R>
concept Gatherable = requires(R range) { gather(static_cast<R>(range)); };

BOOST_AUTO_TEST_CASE(a_range_that_is_not_given_away_does_not_compile) {
    static_assert(Gatherable<std::vector<Deferred<int>>&&>);
    static_assert(!Gatherable<std::vector<Deferred<int>>&>);
    static_assert(!Gatherable<std::vector<int>&&>);
}

// Lifetimes ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_canceller_may_fire_another_part_while_the_whole_is_dropped) {
    drop_where_one_canceller_fires_another([](auto parts) { return gather(std::move(parts)); });
    drop_where_one_canceller_fires_another(
        [](auto parts) { return gather(std::move(parts[0]), std::move(parts[1]), std::move(parts[2])); });
}

BOOST_AUTO_TEST_CASE(an_empty_deferred_among_them_throws_and_the_rest_are_dropped) {
    Parts parts(2);
    parts.deferreds.insert(parts.deferreds.begin() + 1, Deferred<int>());
    BOOST_CHECK_THROW(static_cast<void>(gather(std::move(parts.deferreds))), InvalidState);
    BOOST_TEST(parts.cancelled == 2);
}

BOOST_AUTO_TEST_CASE(a_value_that_cannot_be_moved_is_a_failure_not_a_hang) {
    end_whichever_move_throws([](auto parts) { return gather(std::move(parts)); });
    end_whichever_move_throws([](auto parts) { return gather(std::move(parts[0]), std::move(parts[1])); });
}

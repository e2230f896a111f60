#define BOOST_TEST_MODULE deferred_list
#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "plait/deferred/deferred_list.hpp"
#include "several.hpp"
#include "support.hpp"

using namespace plait;

namespace {

bool is_cancelled(const Result<int>& result) {
    return !result.has_value() && result.failure().check<Cancelled>() != nullptr;
}

std::vector<Deferred<int>> one(Deferred<int> part) {
    std::vector<Deferred<int>> parts;
    parts.push_back(std::move(part));
    return parts;
}

}  // namespace

// Twisted's cases ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(deferred_list_gives_each_outcome_in_the_order_given) {
    CaughtReports reports;
    Parts parts(3);
    auto list = deferred_list(std::move(parts.deferreds));
    parts[2].callback(2);
    parts[1].errback(std::runtime_error("one"));
    BOOST_TEST(!list.ready());
    parts[0].callback(0);
    auto results = list.take().value();
    BOOST_REQUIRE(results.size() == 3u);
    BOOST_TEST(results[0].value() == 0);
    BOOST_TEST(results[1].failure().message() == "std::runtime_error: one");
    BOOST_TEST(results[2].value() == 2);
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(empty_deferred_list) {
    BOOST_TEST(deferred_list(std::vector<Deferred<int>>()).take().value().empty());
    BOOST_TEST(deferred_list(std::vector<Deferred<int>>(), {.fire_on_one_errback = true}).take().value().empty());
}

BOOST_AUTO_TEST_CASE(list_empty_with_fire_on_one_callback_fails_instead_of_waiting_for_ever) {
    auto list = deferred_list(std::vector<Deferred<int>>(), fire_on_one_callback);
    BOOST_TEST(list.take().failure().check<NothingToWaitFor>() != nullptr);
}

BOOST_AUTO_TEST_CASE(deferred_list_fire_on_one_callback_gives_the_value_and_its_index) {
    Parts parts(3);
    auto list = deferred_list(std::move(parts.deferreds), fire_on_one_callback, {.consume_errors = true});
    parts[0].errback(std::runtime_error("x"));
    BOOST_TEST(!list.ready());
    parts[2].callback(5);
    const auto [index, value] = list.take().value();
    BOOST_TEST(index == 2u);
    BOOST_TEST(value == 5);
}

BOOST_AUTO_TEST_CASE(deferred_list_fire_on_one_error) {
    Parts parts(3);
    auto list = deferred_list(std::move(parts.deferreds), {.fire_on_one_errback = true});
    parts[0].callback(0);
    BOOST_TEST(!list.ready());
    parts[1].errback(std::runtime_error("from one"));
    const Failure failure = list.take().failure();
    const auto* first = failure.check<FirstError>();
    BOOST_REQUIRE(first != nullptr);
    BOOST_TEST(first->index() == 1u);
    BOOST_TEST(first->failure().message() == "std::runtime_error: from one");
    BOOST_TEST(failure.message() ==
               "plait::FirstError: The first of several to fail: [1] std::runtime_error: from one");
}

BOOST_AUTO_TEST_CASE(first_error_keeps_the_place_where_its_failure_was_made) {
    auto list = deferred_list(one(fail<int>(std::runtime_error("x"))), {.fire_on_one_errback = true});
    const Failure failure = list.take().failure();
    BOOST_TEST(failure.origin().line() == failure.check<FirstError>()->failure().origin().line());
    BOOST_TEST(std::string(failure.origin().file_name()).find("deferred_list_test") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(deferred_list_does_not_consume_errors_it_does_not_hand_on) {
    CaughtReports reports;
    Parts parts(3);
    auto list = deferred_list(std::move(parts.deferreds), {.fire_on_one_errback = true, .others = Others::run_on});
    parts[0].errback(std::runtime_error("first"));
    BOOST_TEST(!list.take().has_value());
    parts[1].errback(std::runtime_error("second"));
    parts[2].callback(2);
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(reports.last() == "std::runtime_error: second");
}

BOOST_AUTO_TEST_CASE(deferred_list_with_consume_errors_forgets_them) {
    CaughtReports reports;
    Parts parts(2);
    auto list = deferred_list(std::move(parts.deferreds),
                              {.fire_on_one_errback = true, .consume_errors = true, .others = Others::run_on});
    parts[0].errback(std::runtime_error("first"));
    parts[1].errback(std::runtime_error("second"));
    BOOST_TEST(!list.take().has_value());
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(failures_before_the_one_success_are_reported_unless_consumed) {
    for (const bool consumed : {false, true}) {
        CaughtReports reports;
        Parts parts(2);
        auto list = deferred_list(std::move(parts.deferreds), fire_on_one_callback, {.consume_errors = consumed});
        parts[0].errback(std::runtime_error("x"));
        parts[1].callback(1);
        BOOST_TEST(list.take().has_value());
        BOOST_TEST(reports.count() == (consumed ? 0u : 1u));
    }
}

BOOST_AUTO_TEST_CASE(deferred_list_fire_on_one_error_with_already_fired_deferreds) {
    Parts parts(1);
    parts.deferreds.push_back(fail<int>(std::runtime_error("ready")));
    auto list = deferred_list(std::move(parts.deferreds), {.fire_on_one_errback = true});
    BOOST_TEST(list.take().failure().check<FirstError>()->index() == 1u);
    BOOST_TEST(parts.cancelled == 1);
}

BOOST_AUTO_TEST_CASE(deferred_list_with_already_fired_deferreds) {
    std::vector<Deferred<int>> parts;
    parts.push_back(fail<int>(std::runtime_error("x")));
    parts.push_back(succeed(1));
    auto results = deferred_list(std::move(parts)).take().value();
    BOOST_TEST(!results[0].has_value());
    BOOST_TEST(results[1].value() == 1);
}

BOOST_AUTO_TEST_CASE(cancel_deferred_list) {
    Parts parts(2);
    auto list = deferred_list(std::move(parts.deferreds));
    parts[0].callback(1);
    list.cancel();
    BOOST_TEST(parts.cancelled == 1);
    auto results = list.take().value();
    BOOST_TEST(results[0].value() == 1);
    BOOST_TEST(is_cancelled(results[1]));
}

BOOST_AUTO_TEST_CASE(cancel_deferred_list_callback) {
    auto [part, promise] = make_deferred<int>([](Promise<int>& answer) { answer.callback(4); });
    auto list = deferred_list(one(std::move(part)));
    list.cancel();
    BOOST_TEST(list.take().value()[0].value() == 4);
}

BOOST_AUTO_TEST_CASE(cancel_deferred_list_with_fire_on_one_callback) {
    Parts parts(2);
    auto list = deferred_list(std::move(parts.deferreds), fire_on_one_callback);
    list.cancel();
    BOOST_TEST(parts.cancelled == 2);
    BOOST_TEST(list.take().failure().check<Cancelled>() != nullptr);
}

BOOST_AUTO_TEST_CASE(cancel_deferred_list_with_fire_on_one_callback_and_deferred_callback) {
    Parts parts(1);
    auto [part, promise] = make_deferred<int>([](Promise<int>& answer) { answer.callback(4); });
    parts.deferreds.push_back(std::move(part));
    auto list = deferred_list(std::move(parts.deferreds), fire_on_one_callback);
    list.cancel();
    BOOST_TEST(list.take().value().index == 1u);
}

BOOST_AUTO_TEST_CASE(cancel_deferred_list_with_fire_on_one_errback) {
    Parts parts(2);
    auto list = deferred_list(std::move(parts.deferreds), {.fire_on_one_errback = true});
    list.cancel();
    BOOST_TEST(parts.cancelled == 2);
    const Failure failure = list.take().failure();
    BOOST_TEST(failure.check<FirstError>()->failure().check<Cancelled>() != nullptr);
}

BOOST_AUTO_TEST_CASE(cancel_deferred_list_with_exception) {
    CaughtReports reports;
    auto [part, promise] = make_deferred<int>([] { throw std::runtime_error("canceller"); });
    Parts parts(1);
    parts.deferreds.insert(parts.deferreds.begin(), std::move(part));
    auto list = deferred_list(std::move(parts.deferreds));
    list.cancel();
    BOOST_TEST(parts.cancelled == 1);
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(is_cancelled(list.take().value()[0]));
}

BOOST_AUTO_TEST_CASE(cancel_fired_on_one_callback_deferred_list) {
    Parts parts(2);
    auto list = deferred_list(std::move(parts.deferreds), fire_on_one_callback, {.others = Others::run_on});
    parts[0].callback(1);
    list.cancel();
    BOOST_TEST(parts.cancelled == 0);
    BOOST_TEST(parts[1].wanted());
    parts[1].callback(2);
}

BOOST_AUTO_TEST_CASE(cancel_fired_on_one_errback_deferred_list) {
    Parts parts(2);
    auto list = deferred_list(std::move(parts.deferreds), {.fire_on_one_errback = true, .others = Others::run_on});
    parts[0].errback(std::runtime_error("x"));
    list.cancel();
    BOOST_TEST(parts.cancelled == 0);
    BOOST_TEST(!list.take().has_value());
    parts[1].callback(2);
}

// The others ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_others_are_cancelled_when_one_decides) {
    Parts parts(3);
    auto list = deferred_list(std::move(parts.deferreds), {.fire_on_one_errback = true});
    parts[1].errback(std::runtime_error("x"));
    BOOST_TEST(parts.cancelled == 2);
    BOOST_TEST(!list.take().has_value());
}

BOOST_AUTO_TEST_CASE(with_finish_first_the_list_fires_after_the_last) {
    CaughtReports reports;
    Parts parts(3);
    auto list =
        deferred_list(std::move(parts.deferreds), {.fire_on_one_errback = true, .others = Others::finish_first});
    parts[1].errback(std::runtime_error("first"));
    parts[0].errback(std::runtime_error("second"));
    BOOST_TEST(!list.ready());
    BOOST_TEST(reports.count() == 1u);
    parts[2].callback(0);
    BOOST_TEST(list.take().failure().check<FirstError>()->index() == 1u);
    BOOST_TEST(parts.cancelled == 0);
}

BOOST_AUTO_TEST_CASE(cancelling_while_the_others_finish_cancels_them) {
    Parts parts(2);
    auto list =
        deferred_list(std::move(parts.deferreds), {.fire_on_one_errback = true, .others = Others::finish_first});
    parts[0].errback(std::runtime_error("x"));
    list.cancel();
    BOOST_TEST(parts.cancelled == 1);
    BOOST_TEST(list.take().failure().check<FirstError>()->index() == 0u);
}

BOOST_AUTO_TEST_CASE(dropping_while_the_others_finish_drops_them_and_reports_what_was_not_handed_on) {
    CaughtReports reports;
    Parts parts(2);
    {
        auto list =
            deferred_list(std::move(parts.deferreds), {.fire_on_one_errback = true, .others = Others::finish_first});
        parts[0].errback(std::runtime_error("x"));
    }
    BOOST_TEST(parts.cancelled == 1);
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(with_run_on_the_others_end_without_an_owner_and_nothing_is_left) {
    Token token;
    bool ran = false;
    Parts parts(3);
    parts.deferreds[2] = std::move(parts.deferreds[2]).add_callback([&ran, held = token.copy()](int n) {
        ran = true;
        return n;
    });
    {
        auto list = deferred_list(std::move(parts.deferreds), fire_on_one_callback, {.others = Others::run_on});
        parts[0].callback(0);
        BOOST_TEST(list.take().has_value());
    }
    BOOST_TEST(parts[1].wanted());
    parts[2].callback(2);
    BOOST_TEST(ran);
    BOOST_TEST(token.gone());
    parts[1].callback(1);  // the last: all memory goes; seen by the leak sanitizer
}

// Lifetimes ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(dropping_the_list_drops_each_and_calls_nobody) {
    Token token;
    bool called = false;
    Parts parts(2);
    for (auto& deferred : parts.deferreds)
        deferred = std::move(deferred).add_both([&called, held = token.copy()](Result<int>) {
            called = true;
            return 0;
        });
    static_cast<void>(deferred_list(std::move(parts.deferreds)));
    BOOST_TEST(parts.cancelled == 2);
    BOOST_TEST(!called);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_failure_collected_by_a_list_that_was_dropped_is_reported_unless_consumed) {
    for (const bool consumed : {false, true}) {
        CaughtReports reports;
        Parts parts(2);
        {
            auto list = deferred_list(std::move(parts.deferreds), {.consume_errors = consumed});
            parts[0].errback(std::runtime_error("x"));
        }
        BOOST_TEST(reports.count() == (consumed ? 0u : 1u));
    }
}

BOOST_AUTO_TEST_CASE(a_canceller_may_fire_another_part_while_the_list_is_dropped) {
    drop_where_one_canceller_fires_another([](auto parts) { return deferred_list(std::move(parts)); });
}

BOOST_AUTO_TEST_CASE(the_list_may_be_dropped_from_a_parts_callback_and_from_its_own) {
    Deferred<> list;
    Parts parts(2);
    parts.deferreds[0] = std::move(parts.deferreds[0]).add_callback([&](int n) {
        list = Deferred<>();
        return n;
    });
    list = deferred_list(std::move(parts.deferreds)).add_callback([](auto) {});
    parts[0].callback(1);
    BOOST_TEST(!parts[1].wanted());

    Parts own(1);
    list = deferred_list(std::move(own.deferreds)).add_callback([&](auto) { list = Deferred<>(); });
    own[0].callback(1);
    BOOST_TEST(!list.valid());
}

BOOST_AUTO_TEST_CASE(an_answer_to_cancel_may_drop_the_list) {
    Deferred<> list;
    auto [a, a_promise] = make_deferred<int>([&] { list = Deferred<>(); });
    auto [b, b_promise] = make_deferred<int>();
    std::vector<Deferred<int>> parts;
    parts.push_back(std::move(a));
    parts.push_back(std::move(b));
    list = deferred_list(std::move(parts)).add_callback([](auto) {});
    list.cancel();
    BOOST_TEST(!list.valid());
    BOOST_TEST(!b_promise.wanted());
}

BOOST_AUTO_TEST_CASE(a_deciding_failure_is_reported_where_an_answer_to_its_cancelling_drops_the_list) {
    CaughtReports reports;
    Deferred<std::vector<Result<int>>> list;
    auto [first, first_promise] = make_deferred<int>();
    auto [second, second_promise] = make_deferred<int>([&] { list = {}; });
    std::vector<Deferred<int>> parts;
    parts.push_back(std::move(first));
    parts.push_back(std::move(second));
    list = deferred_list(std::move(parts), {.fire_on_one_errback = true});
    first_promise.errback(std::runtime_error("lost"));
    BOOST_TEST(!list.valid());
    reports.expect(1);
}

BOOST_AUTO_TEST_CASE(a_part_that_goes_on_waiting_after_cancel_is_dropped) {
    auto [again, again_promise] = make_deferred<int>();
    auto [part, promise] = make_deferred<int>();
    auto stubborn = std::move(part).add_errback<Cancelled>([&](const Cancelled&) { return std::move(again); });
    auto list = deferred_list(one(std::move(stubborn)));
    list.cancel();
    BOOST_TEST(list.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(!again_promise.wanted());
}

BOOST_AUTO_TEST_CASE(an_empty_deferred_among_them_throws_and_the_rest_are_dropped) {
    Parts parts(2);
    parts.deferreds.insert(parts.deferreds.begin() + 1, Deferred<int>());
    BOOST_CHECK_THROW(static_cast<void>(deferred_list(std::move(parts.deferreds))), InvalidState);
    BOOST_TEST(parts.cancelled == 2);
}

BOOST_AUTO_TEST_CASE(a_range_that_throws_half_way_drops_what_was_taken) {
    Parts parts(3);
    struct Source {
        std::vector<Deferred<int>>* from;
        struct Iterator {
            std::vector<Deferred<int>>* from;
            std::size_t at;
            Deferred<int> operator*() {
                if (at == 2) throw std::runtime_error("half way");
                return std::move((*from)[at]);
            }
            Iterator& operator++() {
                ++at;
                return *this;
            }
            bool operator!=(const Iterator& other) const { return at != other.at; }
        };
        Iterator begin() { return {from, 0}; }
        Iterator end() { return {from, 3}; }
    };
    BOOST_CHECK_THROW(static_cast<void>(deferred_list(Source{&parts.deferreds})), std::runtime_error);
    BOOST_TEST(parts.cancelled == 2);
}

BOOST_AUTO_TEST_CASE(move_only_results_and_none_at_all) {
    std::vector<Deferred<std::unique_ptr<int>>> owned;
    owned.push_back(succeed(std::make_unique<int>(3)));
    BOOST_TEST(*deferred_list(std::move(owned)).take().value()[0].value() == 3);
    std::vector<Deferred<>> none;
    none.push_back(succeed());
    BOOST_TEST(deferred_list(std::move(none)).take().value()[0].has_value());
}

BOOST_AUTO_TEST_CASE(a_value_that_cannot_be_moved_is_a_failure_not_a_hang) {
    end_whichever_move_throws([](auto parts) { return deferred_list(std::move(parts)); });
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_are_listed_in_linear_time) {
    constexpr std::size_t count = 100000;
    Parts parts(count);
    auto list = deferred_list(std::move(parts.deferreds));
    for (std::size_t i = count; i-- > 1;)
        parts[i].callback(1);
    list.cancel();
    BOOST_TEST(is_cancelled(list.take().value()[0]));
}

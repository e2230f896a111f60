#define BOOST_TEST_MODULE deferred_returned
#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "support.hpp"

using namespace plait;

BOOST_AUTO_TEST_CASE(a_callback_that_returns_an_unfired_deferred_makes_the_chain_wait_for_it) {
    std::vector<int> seen;
    auto [inner, inner_promise] = make_deferred<int>();
    auto [outer, outer_promise] = make_deferred();
    auto last =
        std::move(outer).add_callback([&] { return std::move(inner); }).add_callback([&](int n) { seen.push_back(n); });
    outer_promise.callback();
    BOOST_TEST(!last.ready());
    BOOST_TEST(seen.empty());
    inner_promise.callback(5);
    BOOST_TEST(seen == std::vector<int>{5}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_fired_deferred_that_is_returned_gives_its_value_at_once) {
    auto [inner, inner_promise] = make_deferred<int>();
    inner_promise.callback(5);
    auto [outer, outer_promise] = make_deferred();
    auto last = std::move(outer).add_callback([&] { return std::move(inner); });
    outer_promise.callback();
    BOOST_TEST(last.take().value() == 5);
}

BOOST_AUTO_TEST_CASE(a_failed_deferred_that_is_returned_gives_its_failure_and_is_not_reported) {
    CaughtReports reports;
    auto last = succeed()
                    .add_callback([] { return fail<int>(std::runtime_error("inner")); })
                    .add_errback([](const Failure& failure) { return static_cast<int>(failure.message().size()); });
    BOOST_TEST(last.take().has_value());
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(callbacks_already_on_the_inner_run_before_the_outer_goes_on) {
    std::vector<std::string> order;
    auto [third, third_promise] = make_deferred();
    auto middle = std::move(third).add_callback([&] { order.push_back("third"); }).add_callback([&] {
        order.push_back("middle");
    });
    auto [outer, outer_promise] = make_deferred();
    auto last = std::move(outer).add_callback([&] { return std::move(middle); }).add_callback([&] {
        order.push_back("outer");
    });
    outer_promise.callback();
    third_promise.callback();
    BOOST_TEST(order == (std::vector<std::string>{"third", "middle", "outer"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(three_nested_levels_fired_in_any_order_run_each_callback_once) {
    std::vector<int> orders[] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (const auto& firing : orders) {
        int extra = 0;
        auto a = make_deferred<int>();
        auto b = make_deferred<int>();
        auto c = make_deferred<int>();
        auto count = [&](int n) {
            ++extra;
            return n;
        };
        auto c_last = std::move(c.deferred).add_callback(count);
        auto b_last = std::move(b.deferred).add_callback([&](int) { return std::move(c_last); }).add_callback(count);
        auto last = std::move(a.deferred).add_callback([&](int) { return std::move(b_last); }).add_callback(count);
        Promise<int>* promises[] = {&a.promise, &b.promise, &c.promise};
        for (int which : firing) {
            BOOST_TEST(!last.ready());
            promises[which]->callback(which);
        }
        BOOST_TEST(last.take().value() == 2);
        BOOST_TEST(extra == 3);
    }
}

BOOST_AUTO_TEST_CASE(an_errback_may_return_a_deferred_to_recover_later) {
    auto [retry, retry_promise] = make_deferred<int>();
    auto last =
        fail<int>(std::runtime_error("first try")).add_errback([&](const Failure&) { return std::move(retry); });
    BOOST_TEST(!last.ready());
    retry_promise.callback(2);
    BOOST_TEST(last.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(add_both_and_add_callbacks_may_return_deferreds) {
    auto [later, later_promise] = make_deferred<int>();
    auto last = succeed(1)
                    .add_both([&](Result<int>) { return std::move(later); })
                    .add_callbacks([](int n) { return succeed(n + 1); }, [](const Failure&) { return succeed(0); });
    later_promise.callback(1);
    BOOST_TEST(last.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(a_callback_that_returns_its_own_deferred_fails_with_a_sentence_instead_of_waiting_for_ever) {
    CaughtReports reports;
    Token token;
    auto [made, promise] = make_deferred<int>();
    Deferred<int> deferred;
    deferred = std::move(made).add_callback([&, held = token.copy()](int) { return std::move(deferred); });
    promise.callback(1);
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(reports.last().find("wait for itself") != std::string::npos);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_circle_of_two_is_found_too) {
    CaughtReports reports;
    auto [made, promise] = make_deferred<int>();
    Deferred<int> outer;
    auto inner = std::move(made).add_callback([&](int) { return std::move(outer); });
    outer = succeed().add_callback([&] { return std::move(inner); });
    promise.callback(1);
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_circle_that_an_answer_to_cancel_closes_is_found_too) {
    CaughtReports reports;
    auto [made, promise] = make_deferred<int>();
    Deferred<int> outer;
    auto [source, source_promise] = make_deferred<int>([](Promise<int>& answer) { answer.callback(1); });
    auto inner = std::move(source).add_callback([&](int) { return std::move(outer); });
    outer = std::move(made).add_callback([&](int) {
        outer.cancel();
        return std::move(inner);
    });
    promise.callback(1);
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_promise_chained_to_what_waits_for_it_fails) {
    auto [deferred, promise] = make_deferred<int>();
    CaughtReports reports;
    auto waits = succeed().add_callback([&] { return std::move(deferred); });
    chain_deferred(std::move(waits), std::move(promise));
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(returning_the_deferred_whose_own_callback_is_running_waits_for_it_to_finish) {
    Deferred<int> inner_last;
    auto [inner, inner_promise] = make_deferred<int>();
    auto [outer, outer_made] = make_deferred();
    auto last = std::move(outer).add_callback([&] { return std::move(inner_last); });
    inner_last = std::move(inner).add_callback([p = std::move(outer_made)](int n) mutable {
        p.callback();  // the outer now waits for the chain this is part of
        return n + 1;
    });
    inner_promise.callback(1);
    BOOST_TEST(last.take().value() == 2);
}

// chain_deferred -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(chain_deferred_hands_on_values_and_failures_ready_or_not) {
    auto a = make_deferred<int>();
    auto b = make_deferred<int>();
    chain_deferred(std::move(a.deferred), std::move(b.promise));
    BOOST_TEST(!b.deferred.ready());
    a.promise.callback(1);
    BOOST_TEST(b.deferred.take().value() == 1);

    auto c = make_deferred<int>();
    chain_deferred(fail<int>(std::runtime_error("x")), std::move(c.promise));
    BOOST_TEST(c.deferred.take().failure().message() == "std::runtime_error: x");
}

BOOST_AUTO_TEST_CASE(chain_deferred_to_a_dropped_or_fired_promise) {
    auto source = make_deferred<int>();
    auto sink = make_deferred<int>();
    {
        auto dropped = std::move(sink.deferred);
    }
    chain_deferred(std::move(source.deferred), std::move(sink.promise));
    BOOST_TEST(!source.promise.wanted());

    auto fired = make_deferred<int>();
    fired.promise.callback(1);
    BOOST_CHECK_THROW(chain_deferred(succeed(2), std::move(fired.promise)), AlreadyFired);
    BOOST_TEST(fired.deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(dropping_the_end_of_a_chain_deferred_drops_its_source) {
    auto source = make_deferred<int>();
    auto sink = make_deferred<int>();
    chain_deferred(std::move(source.deferred), std::move(sink.promise));
    {
        auto dropped = std::move(sink.deferred);
    }
    BOOST_TEST(!source.promise.wanted());
}

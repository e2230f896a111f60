#define BOOST_TEST_MODULE deferred_gather
#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/gather.hpp"
#include "support.hpp"

using namespace plait;

namespace {

struct Parts {
    std::vector<Deferred<int>> deferreds;
    std::vector<Promise<int>> promises;
    int cancelled = 0;

    explicit Parts(int count) {
        for (int i = 0; i < count; ++i) {
            auto [deferred, promise] = make_deferred<int>([this] { ++cancelled; });
            deferreds.push_back(std::move(deferred));
            promises.push_back(std::move(promise));
        }
    }
};

}  // namespace

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
        parts.promises[static_cast<std::size_t>(i)].callback(i);
    auto values = all.take().value();
    BOOST_TEST(values.size() == static_cast<std::size_t>(count));
    BOOST_TEST(values.back() == count - 1);
}

// Twisted's acceptance cases of chains, each under its own name. Where two ends and one owner make a case read
// differently here, the line above it says how.
#define BOOST_TEST_MODULE deferred_acceptance_chain
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/trace.hpp"
#include "support.hpp"

using namespace plait;

namespace {

using Order = std::vector<int>;
const auto each = boost::test_tools::per_element();

/// A pending Deferred whose callbacks note their numbers.
Deferred<int> noting(Deferred<int> deferred, Order& order, std::initializer_list<int> numbers) {
    for (int number : numbers) {
        deferred = std::move(deferred).add_callback([&order, number](int n) {
            order.push_back(number);
            return n;
        });
    }
    return deferred;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(callback_returns_deferred) {
    Order seen;
    auto inner = make_deferred<int>();
    auto outer = make_deferred();
    auto last =
        std::move(outer.deferred).add_callback([&] { return std::move(inner.deferred); }).add_callback([&](int n) {
            seen.push_back(n);
        });
    outer.promise.callback();
    BOOST_TEST(seen.empty());
    inner.promise.callback(7);
    BOOST_TEST(seen == Order{7}, each);
    BOOST_TEST(last.ready());
}

BOOST_AUTO_TEST_CASE(inner_callbacks_preserved) {
    Order order;
    auto third = make_deferred<int>();
    auto middle_start = make_deferred<int>();
    auto outer_start = make_deferred<int>();
    auto middle = noting(std::move(middle_start.deferred).add_callback([&](int) { return std::move(third.deferred); }),
                         order, {1, 2});
    auto outer =
        noting(std::move(outer_start.deferred).add_callback([&](int) { return std::move(middle); }), order, {3});
    middle_start.promise.callback(0);
    outer_start.promise.callback(0);
    third.promise.callback(9);
    BOOST_TEST(order == (Order{1, 2, 3}), each);
    BOOST_TEST(outer.take().value() == 9);
}

BOOST_AUTO_TEST_CASE(continue_callback_not_first) {
    Order order;
    auto waited_on = make_deferred<int>();
    auto with_callbacks = noting(std::move(waited_on.deferred), order, {1, 2});
    auto start = make_deferred();
    auto outer = std::move(start.deferred).add_callback([&] { return std::move(with_callbacks); });
    start.promise.callback();
    waited_on.promise.callback(5);
    BOOST_TEST(order == (Order{1, 2}), each);
    BOOST_TEST(outer.take().value() == 5);
}

BOOST_AUTO_TEST_CASE(callback_order_preserved) {
    Order order;
    auto inner = make_deferred<int>();
    auto inner_last = noting(std::move(inner.deferred), order, {1, 2});
    auto start = make_deferred<int>();
    auto outer =
        noting(std::move(start.deferred).add_callback([&](int) { return std::move(inner_last); }), order, {3, 4});
    start.promise.callback(0);
    BOOST_TEST(order.empty());
    inner.promise.callback(0);
    BOOST_TEST(order == (Order{1, 2, 3, 4}), each);
    BOOST_TEST(outer.ready());
}

BOOST_AUTO_TEST_CASE(reentrant_run_callbacks) {
    Order order;
    auto start = make_deferred<int>();
    Deferred<int> deferred = std::move(start.deferred);
    deferred = std::move(deferred).add_callback([&](int n) {
        deferred = noting(std::move(deferred), order, {2, 3});
        order.push_back(1);
        return n;
    });
    start.promise.callback(0);
    BOOST_TEST(order == (Order{1, 2, 3}), each);
    BOOST_TEST(deferred.ready());
}

BOOST_AUTO_TEST_CASE(non_reentrant_callbacks) {
    Order order;
    auto start = make_deferred<int>();
    Deferred<int> deferred = std::move(start.deferred);
    deferred = std::move(deferred).add_callback([&](int n) {
        deferred = noting(std::move(deferred), order, {2});
        BOOST_TEST(order.empty());
        return n;
    });
    start.promise.callback(0);
    BOOST_TEST(order == Order{2}, each);
}

BOOST_AUTO_TEST_CASE(reentrant_run_callbacks_with_failure) {
    std::string seen;
    auto start = make_deferred();
    Deferred<> deferred = std::move(start.deferred);
    deferred = std::move(deferred).add_callback([&] {
        deferred = std::move(deferred).add_errback([&](const Failure& failure) { seen = failure.message(); });
        throw std::runtime_error("from the first");
    });
    start.promise.callback();
    BOOST_TEST(seen == "std::runtime_error: from the first");
}

// The inner one is given away when it is returned, so that "its result is None afterwards" is: it is empty.
BOOST_AUTO_TEST_CASE(synchronous_implicit_chain) {
    auto inner = succeed(3);
    auto outer = succeed().add_callback([&] { return std::move(inner); });
    BOOST_TEST(!inner.valid());
    BOOST_TEST(outer.take().value() == 3);
}

BOOST_AUTO_TEST_CASE(synchronous_implicit_error_chain) {
    CaughtReports reports;
    auto inner = fail<int>(std::runtime_error("inner"));
    auto outer = succeed().add_callback([&] { return std::move(inner); });
    BOOST_TEST(!inner.valid());
    BOOST_TEST(outer.take().failure().message() == "std::runtime_error: inner");
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(asynchronous_implicit_chain_and_error_chain) {
    for (const bool good : {true, false}) {
        CaughtReports reports;
        auto inner = make_deferred<int>();
        auto start = make_deferred();
        auto outer = std::move(start.deferred).add_callback([&] { return std::move(inner.deferred); });
        start.promise.callback();
        BOOST_TEST(!outer.ready());
        if (good) {
            inner.promise.callback(1);
        } else {
            inner.promise.errback(std::runtime_error("inner"));
        }
        BOOST_TEST(outer.take().has_value() == good);
        BOOST_TEST(reports.count() == 0u);
    }
}

BOOST_AUTO_TEST_CASE(double_asynchronous_implicit_chaining) {
    auto a = make_deferred();
    auto b = make_deferred();
    auto c = make_deferred<std::unique_ptr<int>>();
    auto b_last = std::move(b.deferred).add_callback([&] { return std::move(c.deferred); });
    auto a_last = std::move(a.deferred).add_callback([&] { return std::move(b_last); });
    a.promise.callback();
    b.promise.callback();
    c.promise.callback(std::make_unique<int>(4));
    BOOST_TEST(!b_last.valid());
    BOOST_TEST(*a_last.take().value() == 4);  // it can only be moved: no other one has kept it
}

BOOST_AUTO_TEST_CASE(nested_asynchronous_chained_deferreds) {
    Order order;
    auto a = make_deferred<int>();
    auto b = make_deferred<int>();
    auto c = make_deferred<int>();
    auto a_last = noting(std::move(a.deferred).add_callback([&](int) {
        order.push_back(1);
        return std::move(b.deferred).add_callback([&](int) {
            order.push_back(2);
            return std::move(c.deferred).add_callback([&](int n) {
                order.push_back(3);
                return n;
            });
        });
    }),
                         order, {4});
    c.promise.callback(30);
    b.promise.callback(20);
    BOOST_TEST(order.empty());
    a.promise.callback(10);
    BOOST_TEST(order == (Order{1, 2, 3, 4}), each);
    BOOST_TEST(a_last.take().value() == 30);
}

BOOST_AUTO_TEST_CASE(nested_asynchronous_chained_deferreds_with_extra_callbacks) {
    Order order;
    auto a = make_deferred<int>();
    auto b = make_deferred<int>();
    auto c = make_deferred<int>();
    auto c_last = noting(std::move(c.deferred), order, {1, 2});
    auto b_last = noting(std::move(b.deferred).add_callback([&](int) { return std::move(c_last); }), order, {3, 4});
    auto a_last = noting(std::move(a.deferred).add_callback([&](int) { return std::move(b_last); }), order, {5, 6});
    b.promise.callback(0);
    a.promise.callback(0);
    BOOST_TEST(order.empty());
    c.promise.callback(8);
    BOOST_TEST(order == (Order{1, 2, 3, 4, 5, 6}), each);
    BOOST_TEST(a_last.take().value() == 8);
}

BOOST_AUTO_TEST_CASE(bounded_stack_depth) {
    const auto depth_of_last_callback = [](int links) {
        std::uintptr_t deepest = 0;
        auto first = make_deferred();
        Deferred<> last = std::move(first.deferred);
        for (int i = 0; i < links; ++i) {
            auto next = make_deferred();
            auto waiting =
                std::move(next.deferred).add_callback([inner = std::move(last)]() mutable { return std::move(inner); });
            next.promise.callback();
            last = std::move(waiting).add_callback([&deepest] {
                const char here = 0;
                deepest = reinterpret_cast<std::uintptr_t>(&here);
            });
        }
        first.promise.callback();
        return deepest;
    };
    BOOST_TEST(depth_of_last_callback(1) == depth_of_last_callback(2));
    BOOST_TEST(depth_of_last_callback(1) == depth_of_last_callback(1000));
}

// Explicit chaining gives the source away: there is nobody left to be shown what it waits for.
BOOST_AUTO_TEST_CASE(explicit_chain_cleared_when_resolved) {
    auto source = make_deferred<int>();
    auto sink = make_deferred<int>();
    chain_deferred(std::move(source.deferred), std::move(sink.promise));
    BOOST_TEST(!source.deferred.valid());
    BOOST_TEST(has(describe(sink.deferred), "waits for"));
    source.promise.callback(1);
    BOOST_TEST(sink.deferred.ready());
    BOOST_TEST(!has(describe(sink.deferred), "waits for"));
    BOOST_TEST(sink.deferred.take().value() == 1);
}

// A warning there; here it always is the Deferred's failure.
BOOST_AUTO_TEST_CASE(circular_chain_warning) {
    CaughtReports reports;
    auto start = make_deferred<int>();
    Deferred<int> deferred;
    deferred = std::move(start.deferred).add_callback([&](int) { return std::move(deferred); });
    start.promise.callback(1);
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(has(reports.last(), "A Deferred was made to wait for itself"));
}

// Whoever returns it gives it away, and with it the errbacks on it: the failure has no other way than the report.
BOOST_AUTO_TEST_CASE(circular_chain_exception) {
    CaughtReports reports;
    auto start = make_deferred<int>();
    Deferred<int> deferred;
    auto looped = std::move(start.deferred).add_callback([&](int) { return std::move(deferred); });
    deferred = std::move(looped).add_errback<InvalidState>([&](const InvalidState&) {
        BOOST_ERROR("a callback ran after its Deferred was given away");
        return 0;
    });
    start.promise.callback(1);
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(has(reports.last(), "plait::InvalidState"));
}

// There the second one is left with None; here it was given away, and what is added to it goes on the way to the first.
BOOST_AUTO_TEST_CASE(result_of_deferred_result_of_deferred_of_fired_deferred_called) {
    Order order;
    auto first = make_deferred<int>();
    auto second = make_deferred<int>();
    auto third = make_deferred<int>();
    auto second_last =
        noting(std::move(second.deferred).add_callback([&](int) { return std::move(third.deferred); }), order, {1});
    auto first_last = std::move(first.deferred).add_callback([&](int) { return std::move(second_last); });
    first.promise.callback(0);
    second.promise.callback(0);
    third.promise.callback(6);
    BOOST_TEST(order == Order{1}, each);
    first_last = noting(std::move(first_last), order, {2});
    BOOST_TEST(order == (Order{1, 2}), each);
    BOOST_TEST(first_last.take().value() == 6);
}

// str() there is describe() here, of trace.hpp.
BOOST_AUTO_TEST_CASE(repr) {
    auto pair = make_deferred<int>();
    BOOST_TEST(has(describe(pair.deferred), "acceptance_chain_test.cpp"));
}

BOOST_AUTO_TEST_CASE(repr_with_result) {
    CaughtReports reports;
    BOOST_TEST(!describe(succeed(1)).empty());
    const auto failed = fail<int>(std::runtime_error("said so"));
    BOOST_TEST(has(describe(failed), "said so"));
}

BOOST_AUTO_TEST_CASE(repr_with_chaining) {
    auto inner = make_deferred<int>();
    auto start = make_deferred();
    auto outer = std::move(start.deferred).add_callback([&] { return std::move(inner.deferred); });
    BOOST_TEST(!has(describe(outer), "waits for"));
    start.promise.callback();
    BOOST_TEST(has(describe(outer), "waits for"));
}

// Firing twice: callback then callback, callback then errback, errback then callback, errback then errback.
BOOST_AUTO_TEST_CASE(already_called_error_cc) {
    auto pair = make_deferred<int>();
    pair.promise.callback(1);
    BOOST_CHECK_THROW(pair.promise.callback(2), AlreadyFired);
    BOOST_TEST(pair.deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(already_called_error_ce) {
    auto pair = make_deferred<int>();
    pair.promise.callback(1);
    BOOST_CHECK_THROW(pair.promise.errback(std::runtime_error("second")), AlreadyFired);
    BOOST_TEST(pair.deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(already_called_error_ec) {
    auto pair = make_deferred<int>();
    pair.promise.errback(std::runtime_error("first"));
    BOOST_CHECK_THROW(pair.promise.callback(2), AlreadyFired);
    BOOST_TEST(!pair.deferred.take().has_value());
}

BOOST_AUTO_TEST_CASE(already_called_error_ee) {
    auto pair = make_deferred<int>();
    pair.promise.errback(std::runtime_error("first"));
    BOOST_CHECK_THROW(pair.promise.errback(std::runtime_error("second")), AlreadyFired);
    BOOST_TEST(pair.deferred.take().failure().message() == "std::runtime_error: first");
}

// setDebugging() there is Tracing here.
BOOST_AUTO_TEST_CASE(already_called_error_debug) {
    const Tracing on;
    auto pair = make_deferred<int>();
    const auto made = "acceptance_chain_test.cpp:" + std::to_string(__LINE__ - 1);
    pair.promise.callback(1);
    for (const bool good : {true, false}) {
        std::string text;
        try {
            if (good) {
                pair.promise.callback(2);
            } else {
                pair.promise.errback(std::runtime_error("second"));
            }
        } catch (const AlreadyFired& error) {
            text = error.what();
        }
        BOOST_TEST(has(text, made));
    }
    BOOST_TEST(pair.deferred.take().value() == 1);
}

// Logged when the collector comes by, there; here at the end of its life.
BOOST_AUTO_TEST_CASE(error_log) {
    CaughtReports reports;
    {
        auto pair = make_deferred<int>();
        pair.promise.errback(std::runtime_error("unread"));
        BOOST_TEST(reports.count() == 0u);
    }
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(reports.last() == "std::runtime_error: unread");
}

BOOST_AUTO_TEST_CASE(error_log_debug_info) {
    CaughtReports reports;
    unsigned made = 0;
    {
        auto pair = make_deferred<int>();
        made = static_cast<unsigned>(__LINE__ - 1);
        pair.promise.errback(std::runtime_error("unread"));
    }
    BOOST_REQUIRE(reports.count() == 1u);
    BOOST_TEST(reports.last_made().line() == made);
}

BOOST_AUTO_TEST_CASE(chained_error_cleanup) {
    CaughtReports reports;
    {
        auto inner = make_deferred<int>();
        auto start = make_deferred();
        auto outer = std::move(start.deferred)
                         .add_callback([&] { return std::move(inner.deferred); })
                         .add_errback([](const Failure&) { return 0; });
        start.promise.callback();
        inner.promise.errback(std::runtime_error("handled by the outer"));
        BOOST_TEST(outer.take().value() == 0);
    }
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(error_cleared_by_chaining) {
    CaughtReports reports;
    {
        auto bad = fail<int>(std::runtime_error("handled by the outer"));
        auto outer = fail<int>(std::runtime_error("first")).add_errback([&](const Failure&) { return std::move(bad); });
        auto handled = std::move(outer).add_errback([](const Failure&) { return 1; });
        BOOST_TEST(handled.take().value() == 1);
    }
    BOOST_TEST(reports.count() == 0u);
}

// Twisted's acceptance cases of inlineCallbacks, each under its own name.
#define BOOST_TEST_MODULE deferred_acceptance_coroutine
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/maybe.hpp"
#include "support.hpp"

using namespace plait;

namespace {

/// Passes through, and notes what it was cancelled with.
Deferred<int> through(Deferred<int> deferred, std::vector<std::string>& seen, std::string name) {
    try {
        const int n = co_await std::move(deferred);
        co_return n;
    } catch (const Cancelled&) {
        seen.push_back(std::move(name));
        throw;
    }
}

template <typename T>
bool is_cancelled(Deferred<T>& deferred) {
    const auto result = deferred.take();
    return !result.has_value() && result.failure().template check<Cancelled>() != nullptr;
}

}  // namespace

// Stack ---------------------------------------------------------------------------------------------------------------

// twisted: testStackUsage, thousands of ready Deferreds.
BOOST_AUTO_TEST_CASE(stack_usage_of_ready_deferreds) {
    auto body = [](std::uintptr_t& first, std::uintptr_t& last) -> Deferred<int> {
        int sum = 0;
        for (int i = 0; i < 5000; ++i) {
            sum += co_await succeed(1).add_callback([&](int n) {
                const char here = 0;
                last = reinterpret_cast<std::uintptr_t>(&here);
                if (first == 0) first = last;
                return n;
            });
        }
        co_return sum;
    };
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    BOOST_TEST(body(first, last).take().value() == 5000);
    BOOST_TEST(first == last);
}

// twisted: testStackUsage2, thousands of plain values: those come in through maybe_deferred().
BOOST_AUTO_TEST_CASE(stack_usage_of_plain_values) {
    auto body = []() -> Deferred<int> {
        int sum = 0;
        for (int i = 0; i < 5000; ++i)
            sum += co_await maybe_deferred([] { return 1; });
        co_return sum;
    };
    BOOST_TEST(body().take().value() == 5000);
}

// Cascading cancellation: cancel the outermost, the innermost awaited one is asked, Cancelled goes up the line --------

BOOST_AUTO_TEST_CASE(cascade_cancelling_on_cancel) {
    int asked = 0;
    std::vector<std::string> seen;
    auto pair = make_deferred<int>([&] { ++asked; });
    auto last = through(std::move(pair.deferred), seen, "only");
    last.cancel();
    BOOST_TEST(asked == 1);
    BOOST_TEST(seen.size() == 1u);
    BOOST_TEST(is_cancelled(last));
}

BOOST_AUTO_TEST_CASE(cascade_cancelling_stacked_coroutines) {
    int asked = 0;
    std::vector<std::string> seen;
    auto pair = make_deferred<int>([&] { ++asked; });
    auto last = through(through(through(std::move(pair.deferred), seen, "inner"), seen, "middle"), seen, "outer");
    last.cancel();
    BOOST_TEST(asked == 1);
    BOOST_TEST(seen == (std::vector<std::string>{"inner", "middle", "outer"}), boost::test_tools::per_element());
    BOOST_TEST(is_cancelled(last));
}

BOOST_AUTO_TEST_CASE(cascade_cancelling_stacked_with_callbacks_between) {
    int asked = 0;
    std::vector<std::string> seen;
    auto pair = make_deferred<int>([&] { ++asked; });
    auto middle = through(std::move(pair.deferred), seen, "inner").add_callback([](int n) { return n; });
    auto last = through(std::move(middle), seen, "outer").add_errback([](const Failure& failure) { return failure; });
    last.cancel();
    BOOST_TEST(asked == 1);
    BOOST_TEST(seen == (std::vector<std::string>{"inner", "outer"}), boost::test_tools::per_element());
    BOOST_TEST(is_cancelled(last));
}

BOOST_AUTO_TEST_CASE(cascade_cancelling_stacked_in_a_returned_coroutine) {
    int asked = 0;
    std::vector<std::string> seen;
    auto pair = make_deferred<int>([&] { ++asked; });
    auto start = make_deferred();
    auto last = std::move(start.deferred).add_callback([&] {
        return through(through(std::move(pair.deferred), seen, "inner"), seen, "outer");
    });
    start.promise.callback();
    last.cancel();
    BOOST_TEST(asked == 1);
    BOOST_TEST(seen == (std::vector<std::string>{"inner", "outer"}), boost::test_tools::per_element());
    BOOST_TEST(is_cancelled(last));
}

BOOST_AUTO_TEST_CASE(inline_callbacks_cancel_captured) {
    auto body = [](Deferred<int> first, Deferred<int> second, int& caught) -> Deferred<int> {
        try {
            co_await std::move(first);
        } catch (const Cancelled&) {
            ++caught;
        }
        co_return co_await std::move(second);
    };
    int caught = 0;
    auto a = make_deferred<int>();
    auto b = make_deferred<int>();
    auto last = body(std::move(a.deferred), std::move(b.deferred), caught);
    last.cancel();
    BOOST_TEST(caught == 1);
    BOOST_TEST(!last.ready());
    BOOST_TEST(b.promise.wanted());
    last.cancel();
    BOOST_TEST(!b.promise.wanted());
    BOOST_TEST(is_cancelled(last));
}

BOOST_AUTO_TEST_CASE(asynchronous_cancellation) {
    auto awaited = make_deferred<int>();
    auto second = make_deferred<int>();
    auto body = [](Deferred<int> deferred) -> Deferred<std::string> {
        const int n = co_await std::move(deferred);
        co_return std::to_string(n);
    };
    auto last = body(std::move(awaited.deferred).add_errback<Cancelled>([&](const Cancelled&) {
        return std::move(second.deferred);
    }));
    last.cancel();
    BOOST_TEST(!last.ready());
    second.promise.callback(5);
    BOOST_TEST(last.take().value() == "5");
}

BOOST_AUTO_TEST_CASE(asynchronous_cancellation_that_is_cancelled_again) {
    auto awaited = make_deferred<int>();
    auto second = make_deferred<int>();
    std::vector<std::string> seen;
    auto last = through(std::move(awaited.deferred).add_errback<Cancelled>([&](const Cancelled&) {
        return std::move(second.deferred);
    }),
                        seen, "body");
    last.cancel();
    BOOST_TEST(seen.empty());
    last.cancel();
    BOOST_TEST(!second.promise.wanted());
    BOOST_TEST(seen.size() == 1u);
    BOOST_TEST(is_cancelled(last));
}

BOOST_AUTO_TEST_CASE(error_to_success_translation) {
    auto pair = make_deferred<int>([](Promise<int>& answer) { answer.errback(std::runtime_error("stopped")); });
    auto body = [](Deferred<int> deferred) -> Deferred<std::string> {
        std::string result = "no error";
        try {
            co_await std::move(deferred);
        } catch (const std::runtime_error& error) {
            result = error.what();
        }
        co_return result;
    };
    auto last = body(std::move(pair.deferred));
    last.cancel();
    BOOST_TEST(last.take().value() == "stopped");
}

BOOST_AUTO_TEST_CASE(error_to_another_error_translation) {
    auto pair = make_deferred<int>();
    auto body = [](Deferred<int> deferred) -> Deferred<int> {
        try {
            co_await std::move(deferred);
        } catch (const Cancelled&) {
        }
        throw std::logic_error("translated");
    };
    auto last = body(std::move(pair.deferred));
    last.cancel();
    BOOST_TEST(last.take().failure().message() == "std::logic_error: translated");
}

BOOST_AUTO_TEST_CASE(cancelling_a_finished_coroutine_changes_nothing) {
    std::vector<std::string> seen;
    auto last = through(succeed(1), seen, "body");
    last.cancel();
    BOOST_TEST(last.take().value() == 1);
    BOOST_TEST(seen.empty());
}

// Drive ---------------------------------------------------------------------------------------------------------------

// twisted: ensureDeferred / fromCoroutine: a ready result is taken without a suspension.
BOOST_AUTO_TEST_CASE(a_fired_deferred_is_taken_without_suspension) {
    auto fired = make_deferred<int>();
    fired.promise.callback(3);
    std::vector<std::string> seen;
    auto last = through(std::move(fired.deferred), seen, "body");
    BOOST_TEST(last.ready());
    BOOST_TEST(last.take().value() == 3);
}

// twisted: test_nonGeneratorReturn and its kin: what is not a coroutine may return the Deferred itself.
BOOST_AUTO_TEST_CASE(a_plain_function_and_a_coroutine_are_called_alike) {
    auto plain = [](int n) { return succeed(n); };
    auto coroutine = [](int n) -> Deferred<int> { co_return n; };
    BOOST_TEST(maybe_deferred(plain, 1).take().value() == 1);
    BOOST_TEST(maybe_deferred(coroutine, 2).take().value() == 2);
}

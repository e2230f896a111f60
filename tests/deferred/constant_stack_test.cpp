// A million of everything, in a thread whose stack could not hold a thousand frames of recursion... of any real size.
#define BOOST_TEST_MODULE deferred_constant_stack
#include <boost/test/unit_test.hpp>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "small_stack.hpp"

using namespace plait;

namespace {

struct Line {
    Deferred<int> last;
    Promise<int> innermost;
};

/// Each callback returns the Deferred before it, and has another callback after it, so no wait can be shortened.
Line returned_deferreds() {
    auto [deferred, promise] = make_deferred<int>();
    Deferred<int> last = std::move(deferred);
    for (int i = 0; i < many; ++i) {
        auto [outer, outer_promise] = make_deferred<int>();
        auto next = std::move(outer)
                        .add_callback([inner = std::move(last)](int) mutable { return std::move(inner); })
                        .add_callback([](int n) { return n + 1; });
        outer_promise.callback(0);
        last = std::move(next);
    }
    return {std::move(last), std::move(promise)};
}

Line chained_promises() {
    auto [deferred, promise] = make_deferred<int>();
    Deferred<int> last = std::move(deferred);
    for (int i = 0; i < many; ++i) {
        auto [next, next_promise] = make_deferred<int>();
        chain_deferred(std::move(last), std::move(next_promise));
        last = std::move(next).add_callback([](int n) { return n + 1; });
    }
    return {std::move(last), std::move(promise)};
}

Deferred<int> plus_one(Deferred<int> deferred) {
    const int n = co_await std::move(deferred);
    co_return n + 1;
}

Line nested_awaits() {
    auto [deferred, promise] = make_deferred<int>();
    Deferred<int> last = std::move(deferred);
    for (int i = 0; i < many; ++i)
        last = plus_one(std::move(last));
    return {std::move(last), std::move(promise)};
}

template <typename Make>
void fires_cancels_and_drops(Make make) {
    on_a_small_stack([make] {
        Line line = make();
        line.innermost.callback(0);
        BOOST_TEST(line.last.take().value() == many);
    });
    on_a_small_stack([make] {
        Line line = make();
        line.innermost.errback(BrokenPromise());
        BOOST_TEST(!line.last.take().has_value());
    });
    on_a_small_stack([make] {
        Line line = make();
        line.last.cancel();
        BOOST_TEST(line.last.take().failure().check<Cancelled>() != nullptr);
    });
    on_a_small_stack([make] {
        Line line = make();
        line.last = Deferred<int>();
        BOOST_TEST(!line.innermost.wanted());
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_million_returned_deferreds) {
    fires_cancels_and_drops(returned_deferreds);
}

BOOST_AUTO_TEST_CASE(a_million_chained_promises) {
    fires_cancels_and_drops(chained_promises);
}

BOOST_AUTO_TEST_CASE(a_million_nested_awaits) {
    fires_cancels_and_drops(nested_awaits);
}

BOOST_AUTO_TEST_CASE(a_million_callbacks_on_one_promise) {
    on_a_small_stack([] {
        auto [deferred, promise] = make_deferred<int>();
        for (int i = 0; i < many; ++i)
            deferred = std::move(deferred).add_callback([](int n) { return n + 1; });
        promise.callback(0);
        BOOST_TEST(deferred.take().value() == many);
    });
}

BOOST_AUTO_TEST_CASE(returned_from_the_outside_in) {
    // Each inner fires only after the outer waits for it, and returns a new one: the line grows while it is waited for.
    on_a_small_stack([] {
        auto [outer, first] = make_deferred<int>();
        Promise<int> promise = std::move(first);
        Deferred<int> last = std::move(outer);
        int rounds = 0;
        struct Round {
            Promise<int>& promise;
            int& rounds;
            Deferred<int> operator()(int n) {
                if (++rounds == many) return succeed(n);
                auto [next, next_promise] = make_deferred<int>();
                promise = std::move(next_promise);
                return std::move(next).add_callback(Round{promise, rounds}).add_callback([](int m) { return m; });
            }
        };
        last = std::move(last).add_callback(Round{promise, rounds});
        while (!last.ready()) {
            auto now = std::move(promise);
            now.callback(3);
        }
        BOOST_TEST(last.take().value() == 3);
        BOOST_TEST(rounds == many);
    });
}

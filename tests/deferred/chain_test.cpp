#define BOOST_TEST_MODULE deferred_chain
#include <boost/test/unit_test.hpp>
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

struct NotThere : std::runtime_error {
    NotThere() : std::runtime_error("not there") {}
};
struct NotThereAtAll : NotThere {};

int throw_not_there(int) {
    throw NotThere();
}

// Every idea here must hold for a chain that waits and for one that is ready: `run` feeds `chain` both ways.
template <typename T, typename Chain>
auto pending_then_fired(T value, Chain chain) {
    auto [deferred, promise] = make_deferred<T>();
    auto last = chain(std::move(deferred));
    BOOST_TEST(!last.ready());
    promise.callback(std::move(value));
    return last.take();
}

template <typename T, typename Chain>
auto ready_from_the_start(T value, Chain chain) {
    return chain(Deferred<T>::succeed(std::move(value))).take();
}

}  // namespace

BOOST_AUTO_TEST_CASE(callbacks_run_in_order_each_on_the_result_of_the_one_before) {
    auto chain = [](Deferred<int> d) {
        return std::move(d)
            .add_callback([](int n) { return n + 1; })
            .add_callback([](int n) { return std::to_string(n); })
            .add_callback([](const std::string& s) { return s + "!"; });
    };
    BOOST_TEST(pending_then_fired(41, chain).value() == "42!");
    BOOST_TEST(ready_from_the_start(41, chain).value() == "42!");
}

BOOST_AUTO_TEST_CASE(an_exception_skips_callbacks_up_to_the_next_errback) {
    auto chain = [](Deferred<int> d) {
        return std::move(d)
            .add_callback(throw_not_there)
            .add_callback([](int) -> int {
                BOOST_ERROR("a callback ran on a failure");
                return 0;
            })
            .add_errback([](const Failure& failure) { return failure.check<NotThere>() != nullptr ? 7 : 8; })
            .add_callback([](int n) { return n * 10; });
    };
    BOOST_TEST(pending_then_fired(1, chain).value() == 70);
    BOOST_TEST(ready_from_the_start(1, chain).value() == 70);
}

BOOST_AUTO_TEST_CASE(errbacks_are_skipped_on_success) {
    auto chain = [](Deferred<int> d) {
        return std::move(d).add_errback([](const Failure&) {
            BOOST_ERROR("an errback ran on a value");
            return 0;
        });
    };
    BOOST_TEST(pending_then_fired(3, chain).value() == 3);
    BOOST_TEST(ready_from_the_start(3, chain).value() == 3);
}

BOOST_AUTO_TEST_CASE(an_errback_that_throws_fails_with_the_new_exception) {
    auto chain = [](Deferred<int> d) {
        return std::move(d).add_callback(throw_not_there).add_errback([](const Failure&) -> int {
            throw std::logic_error("worse");
        });
    };
    BOOST_TEST(pending_then_fired(1, chain).failure().message() == "std::logic_error: worse");
    BOOST_TEST(ready_from_the_start(1, chain).failure().message() == "std::logic_error: worse");
}

BOOST_AUTO_TEST_CASE(a_typed_errback_handles_its_type_and_those_derived_from_it_and_lets_the_rest_pass) {
    auto failing = [](auto error) {
        return fail<int>(error)
            .template add_errback<std::logic_error>([](const std::logic_error&) { return 1; })
            .template add_errback<NotThere>([](const NotThere&) { return 2; });
    };
    BOOST_TEST(failing(NotThere()).take().value() == 2);
    BOOST_TEST(failing(NotThereAtAll()).take().value() == 2);
    BOOST_TEST(failing(std::logic_error("x")).take().value() == 1);
    BOOST_TEST(failing(std::bad_alloc()).take().failure().check<std::bad_alloc>() != nullptr);
}

BOOST_AUTO_TEST_CASE(an_errback_may_pass_the_failure_on_by_returning_it) {
    int seen = 0;
    auto last = fail<int>(NotThere()).add_errback([&](Failure failure) {
        ++seen;
        return failure;
    });
    BOOST_TEST(seen == 1);
    BOOST_TEST(last.take().failure().check<NotThere>() != nullptr);
}

BOOST_AUTO_TEST_CASE(a_callback_may_return_either_outcome_as_a_result) {
    auto halve = [](int n) -> Result<int> {
        if (n % 2 != 0) return make_failure(std::invalid_argument("odd"));
        return n / 2;
    };
    BOOST_TEST(succeed(8).add_callback(halve).take().value() == 4);
    BOOST_TEST(succeed(7).add_callback(halve).take().failure().message() == "std::invalid_argument: odd");
}

BOOST_AUTO_TEST_CASE(add_both_sees_the_value_or_the_failure) {
    auto describe = [](Result<int> r) { return r.has_value() ? std::to_string(r.value()) : r.failure().message(); };
    BOOST_TEST(succeed(5).add_both(describe).take().value() == "5");
    BOOST_TEST(fail<int>(std::runtime_error("bad")).add_both(describe).take().value() == "std::runtime_error: bad");
}

BOOST_AUTO_TEST_CASE(the_errback_of_a_pair_does_not_see_what_its_own_callback_throws) {
    auto chain = [](Deferred<int> d) {
        return std::move(d).add_callbacks(throw_not_there, [](const Failure&) {
            BOOST_ERROR("the pair's errback saw its own callback's exception");
            return 0;
        });
    };
    BOOST_TEST(!pending_then_fired(1, chain).has_value());
    BOOST_TEST(!ready_from_the_start(1, chain).has_value());
    BOOST_TEST(
        fail<int>(NotThere()).add_callbacks([](int n) { return n; }, [](const Failure&) { return 9; }).take().value() ==
        9);
}

BOOST_AUTO_TEST_CASE(a_deferred_of_nothing_needs_no_arguments) {
    int ran = 0;
    auto [deferred, promise] = make_deferred();
    auto last = std::move(deferred)
                    .add_callback([&] { ++ran; })
                    .add_callback([&](Unit) { ++ran; })
                    .add_errback([](const Failure&) {});
    promise.callback();
    BOOST_TEST(last.ready());
    BOOST_TEST(ran == 2);
}

BOOST_AUTO_TEST_CASE(results_that_can_only_be_moved_travel_by_move) {
    auto chain = [](Deferred<std::unique_ptr<int>> d) {
        return std::move(d)
            .add_callback([](std::unique_ptr<int> p) {
                ++*p;
                return p;
            })
            .add_errback([](const Failure&) { return std::unique_ptr<int>(); });
    };
    BOOST_TEST(*pending_then_fired(std::make_unique<int>(1), chain).value() == 2);
    BOOST_TEST(*ready_from_the_start(std::make_unique<int>(1), chain).value() == 2);
}

BOOST_AUTO_TEST_CASE(large_and_over_aligned_results_keep_their_place) {
    struct alignas(64) Wide {
        int n;
        char padding[2000];
    };
    auto aligned = [](const Wide& wide) { return reinterpret_cast<std::uintptr_t>(&wide) % 64 == 0; };
    auto chain = [aligned](Deferred<Wide> d) {
        return std::move(d)
            .add_callback([aligned](Wide wide) {
                BOOST_TEST(aligned(wide));
                ++wide.n;
                return wide;
            })
            .add_callback([aligned](const Wide& wide) {
                BOOST_TEST(aligned(wide));
                return wide.n;
            });
    };
    auto [deferred, promise] = make_deferred<Wide>();
    auto last = chain(std::move(deferred));
    promise.callback(Wide{1, {}});
    BOOST_TEST(last.take().value() == 2);
    BOOST_TEST(chain(Deferred<Wide>::succeed(Wide{1, {}})).take().value() == 2);
}

BOOST_AUTO_TEST_CASE(a_thousand_callbacks_on_one_promise_all_run) {
    auto [deferred, promise] = make_deferred<int>();
    for (int i = 0; i < 1000; ++i)
        deferred = std::move(deferred).add_callback([](int n) { return n + 1; });
    promise.callback(0);
    BOOST_TEST(deferred.take().value() == 1000);
}

BOOST_AUTO_TEST_CASE(a_move_constructor_that_throws_fails_the_chain) {
    struct Touchy {
        int moves_left = 1;
        Touchy() = default;
        Touchy(Touchy&& other) : moves_left(other.moves_left - 1) {
            if (moves_left < 0) throw std::runtime_error("do not move me");
        }
    };
    auto last =
        succeed(1).add_callback([](int) { return Deferred<Touchy>::succeed(Touchy()); }).add_both([](Result<Touchy> r) {
            return r.has_value();
        });
    BOOST_TEST(!last.take().value());
}

// Re-entrancy --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(callbacks_added_by_a_callback_to_its_own_chain_run_after_it_in_order) {
    std::vector<int> order;
    auto [made, promise] = make_deferred();
    Deferred<> deferred = std::move(made);
    deferred = std::move(deferred).add_callback([&] {
        deferred =
            std::move(deferred).add_callback([&] { order.push_back(2); }).add_callback([&] { order.push_back(3); });
        BOOST_TEST(order.empty());  // not while the first is active
        order.push_back(1);
    });
    promise.callback();
    BOOST_TEST(order == (std::vector<int>{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_errback_added_by_a_callback_that_then_throws_sees_the_exception) {
    std::string seen;
    auto [made, promise] = make_deferred();
    Deferred<> deferred = std::move(made);
    deferred = std::move(deferred).add_callback([&] {
        deferred = std::move(deferred).add_errback([&](const Failure& failure) { seen = failure.message(); });
        throw std::runtime_error("first");
    });
    promise.callback();
    BOOST_TEST(seen == "std::runtime_error: first");
}

BOOST_AUTO_TEST_CASE(a_chain_fired_inside_a_callback_runs_before_that_firing_returns) {
    std::vector<std::string> order;
    auto [inner, inner_promise] = make_deferred();
    auto inner_last = std::move(inner).add_callback([&] { order.push_back("inner"); });
    auto [outer, outer_promise] = make_deferred();
    auto outer_last = std::move(outer).add_callback([&, p = std::move(inner_promise)]() mutable {
        order.push_back("before");
        p.callback();
        order.push_back("after");
    });
    outer_promise.callback();
    BOOST_TEST(order == (std::vector<std::string>{"before", "inner", "after"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_callback_is_destroyed_as_soon_as_it_has_run) {
    Token token;
    auto [deferred, promise] = make_deferred();
    bool gone = false;
    auto last = std::move(deferred).add_callback([held = token.copy()] {}).add_callback([&] { gone = token.gone(); });
    promise.callback();
    BOOST_TEST(gone);
}

// The ends -----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(firing_twice_in_any_way_throws_already_fired) {
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).add_both([](Result<int>) {});
    promise.callback(1);
    BOOST_CHECK_THROW(promise.callback(2), AlreadyFired);
    BOOST_CHECK_THROW(promise.errback(NotThere()), AlreadyFired);
    auto [deferred2, promise2] = make_deferred<int>();
    auto last2 = std::move(deferred2).add_both([](Result<int>) {});
    promise2.errback(NotThere());
    BOOST_CHECK_THROW(promise2.callback(2), AlreadyFired);
    BOOST_CHECK_THROW(promise2.errback(NotThere()), AlreadyFired);
    BOOST_TEST(!promise2.wanted());
}

BOOST_AUTO_TEST_CASE(a_promise_destroyed_unfired_fails_with_broken_promise) {
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).add_errback<BrokenPromise>([](const BrokenPromise&) { return -1; });
    {
        auto dying = std::move(promise);
    }
    BOOST_TEST(last.take().value() == -1);
}

BOOST_AUTO_TEST_CASE(a_promise_replaced_by_another_is_broken_too) {
    auto [first, promise] = make_deferred<int>();
    auto [second, other] = make_deferred<int>();
    promise = std::move(other);
    BOOST_TEST(first.take().failure().check<BrokenPromise>() != nullptr);
    promise.callback(2);
    BOOST_TEST(second.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(a_promise_assigned_to_itself_is_still_good) {
    auto [deferred, promise] = make_deferred<int>();
    auto& same = promise;
    promise = std::move(same);
    promise.callback(1);
    BOOST_TEST(deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(leaving_both_ends_unfired_is_quiet) {
    CaughtReports reports;
    {
        auto [deferred, promise] = make_deferred<int>();
    }
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(using_what_was_moved_from_says_so) {
    auto deferred = succeed(1);
    auto moved = std::move(deferred);
    BOOST_TEST(!deferred.valid());
    BOOST_CHECK_THROW(std::ignore = std::move(deferred).add_callback([](int) {}), InvalidState);
    BOOST_CHECK_THROW(std::ignore = deferred.take(), InvalidState);
    BOOST_CHECK_THROW(deferred.cancel(), InvalidState);
    BOOST_TEST(moved.take().value() == 1);
    BOOST_CHECK_THROW(std::ignore = moved.take(), InvalidState);

    auto [waiting, promise] = make_deferred<int>();
    BOOST_CHECK_THROW(std::ignore = waiting.take(), InvalidState);
    auto holder = std::move(promise);
    BOOST_CHECK_THROW(promise.callback(1), InvalidState);
    holder.callback(1);
    BOOST_TEST(!promise.wanted());
}

BOOST_AUTO_TEST_CASE(a_callback_may_destroy_the_promise_that_is_firing_it) {
    auto [deferred, made] = make_deferred<int>();
    auto promise = std::make_unique<Promise<int>>(std::move(made));
    auto last = std::move(deferred).add_callback([&](int n) {
        promise.reset();
        return n;
    });
    promise->callback(4);
    BOOST_TEST(last.take().value() == 4);
}

// Helpers ------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(maybe_deferred_makes_one_of_anything) {
    BOOST_TEST(maybe_deferred([](int n) { return n + 1; }, 1).take().value() == 2);
    BOOST_TEST(maybe_deferred([] { return succeed(3); }).take().value() == 3);
    BOOST_TEST(maybe_deferred([] {}).take().has_value());
    BOOST_TEST(maybe_deferred(throw_not_there, 1).take().failure().check<NotThere>() != nullptr);
    auto [deferred, promise] = make_deferred<int>();
    auto through = maybe_deferred([&] { return std::move(deferred); });
    BOOST_TEST(!through.ready());
    promise.callback(4);
    BOOST_TEST(through.take().value() == 4);
}

BOOST_AUTO_TEST_CASE(a_result_throws_its_failure_when_asked_for_the_value_it_has_not) {
    Result<int> bad = make_failure(NotThere());
    BOOST_CHECK_THROW(std::ignore = bad.value(), NotThere);
    Result<int> good = 1;
    BOOST_CHECK_THROW(std::ignore = good.failure(), InvalidState);
    good = std::move(bad);
    BOOST_TEST(!good);
}

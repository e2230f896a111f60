// add_timeout, with_timeout and defer_later, on the manual clock. The cases of Twisted's addTimeout keep their names.
#define BOOST_TEST_MODULE deferred_timeout
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "support.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// A custom on_timeout that notes what it was called with, and passes it.
struct Hook {
    int& calls;
    Duration& limit;
    Result<int> operator()(Result<int> result, Duration after) const {
        ++calls;
        limit = after;
        return result;
    }
};

struct Custom {
    int calls = 0;
    Duration limit{};
    Hook hook() { return Hook{calls, limit}; }
};

/// Tells whether a timer was ever set, also one that went at once.
class WatchedClock final : public Clock {
public:
    TimePoint now() const noexcept override { return {}; }
    int changes = 0;

private:
    void deadline_changed() override { ++changes; }
};

Deferred<int> counted_sleep(ManualClock& clock, bool& cleaned) {
    try {
        co_await clock.sleep(1h);
    } catch (const Cancelled&) {
        cleaned = true;
        throw;
    }
    co_return 1;
}

Deferred<int> stubborn(ManualClock& clock) {
    try {
        co_await clock.sleep(1h);
    } catch (const Cancelled&) {
    }
    co_await clock.sleep(1h);
    co_return 2;
}

}  // namespace

// Twisted's cases ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(timeout_chainable) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).add_timeout(clock, 1s).add_callback([](int n) { return std::to_string(n); });
    promise.callback(3);
    BOOST_TEST(last.take().value() == "3");
}

BOOST_AUTO_TEST_CASE(success_result_before_timeout) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred).add_timeout(clock, 10s);
    BOOST_TEST(clock.pending_calls() == 1u);
    promise.callback(7);
    BOOST_TEST(clock.pending_calls() == 0u);
    clock.advance(15s);
    BOOST_TEST(limited.take().value() == 7);
}

BOOST_AUTO_TEST_CASE(success_result_before_timeout_custom) {
    ManualClock clock;
    Custom custom;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred).add_timeout(clock, 10s, custom.hook());
    promise.callback(7);
    BOOST_TEST(clock.pending_calls() == 0u);
    clock.advance(15s);
    BOOST_TEST(limited.take().value() == 7);
    BOOST_TEST(custom.calls == 0);
}

BOOST_AUTO_TEST_CASE(failure_before_timeout) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred).add_timeout(clock, 10s);
    promise.errback(std::out_of_range("gone"));
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_CHECK_THROW(limited.take().value(), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(failure_before_timeout_custom) {
    ManualClock clock;
    Custom custom;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred).add_timeout(clock, 10s, custom.hook());
    promise.errback(std::out_of_range("gone"));
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_TEST(custom.calls == 0);
    BOOST_CHECK_THROW(limited.take().value(), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(timed_out) {
    ManualClock clock;
    int asked = 0;
    auto [deferred, promise] = make_deferred<int>([&] { ++asked; });
    auto limited = std::move(deferred).add_timeout(clock, 1500ms, "connecting to 10.0.0.1:2181");
    clock.advance(1499ms);
    BOOST_TEST(!limited.ready());
    clock.advance(1ms);
    BOOST_TEST(asked == 1);
    BOOST_TEST(clock.pending_calls() == 0u);
    const Result<int> result = limited.take();
    BOOST_REQUIRE(result.failure().check<TimeoutError>() != nullptr);
    BOOST_TEST(result.failure().check<TimeoutError>()->what() ==
               std::string("connecting to 10.0.0.1:2181 took longer than 1.5 s"));
}

BOOST_AUTO_TEST_CASE(timed_out_custom) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>();
    std::optional<Duration> told;
    auto limited = std::move(deferred).add_timeout(clock, 10s, [&](Result<int> result, Duration after) {
        BOOST_TEST(result.failure().check<Cancelled>() != nullptr);
        told = after;
        return 44;
    });
    clock.advance(10s);
    BOOST_TEST((told == 10s));
    BOOST_TEST(limited.take().value() == 44);
}

BOOST_AUTO_TEST_CASE(timed_out_provided_cancel_success) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>([](Promise<int>& answer) { answer.callback(5); });
    auto limited = std::move(deferred).add_timeout(clock, 10s);
    clock.advance(10s);
    BOOST_TEST(limited.take().value() == 5);
}

BOOST_AUTO_TEST_CASE(timed_out_provided_cancel_failure) {
    ManualClock clock;
    auto [deferred, promise] =
        make_deferred<int>([](Promise<int>& answer) { answer.errback(std::out_of_range("half done")); });
    auto limited = std::move(deferred).add_timeout(clock, 10s);
    clock.advance(10s);
    BOOST_CHECK_THROW(limited.take().value(), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(cancel_before_timeout) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred).add_timeout(clock, 10s);
    limited.cancel();
    BOOST_TEST(clock.pending_calls() == 0u);
    clock.advance(15s);
    BOOST_CHECK_THROW(limited.take().value(), Cancelled);
}

BOOST_AUTO_TEST_CASE(cancel_before_timeout_custom) {
    ManualClock clock;
    Custom custom;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred).add_timeout(clock, 10s, custom.hook());
    limited.cancel();
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_TEST(custom.calls == 0);
    BOOST_CHECK_THROW(limited.take().value(), Cancelled);
}

BOOST_AUTO_TEST_CASE(provided_cancel_called_before_timeout_custom) {
    ManualClock clock;
    Custom custom;
    auto [deferred, promise] = make_deferred<int>([](Promise<int>& answer) { answer.callback(6); });
    auto limited = std::move(deferred).add_timeout(clock, 10s, custom.hook());
    clock.advance(10s);
    BOOST_TEST(custom.calls == 1);
    BOOST_TEST((custom.limit == 10s));
    BOOST_TEST(limited.take().value() == 6);
}

BOOST_AUTO_TEST_CASE(errback_added_before_timeout) {
    ManualClock clock;
    bool seen = false;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred)
                       .add_errback([&](const Failure& failure) {
                           seen = failure.check<Cancelled>() != nullptr;
                           return failure;
                       })
                       .add_timeout(clock, 10s);
    clock.advance(10s);
    BOOST_TEST(seen);
    BOOST_CHECK_THROW(limited.take().value(), TimeoutError);
}

BOOST_AUTO_TEST_CASE(errback_added_before_timeout_suppresses_cancellation) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>();
    auto limited =
        std::move(deferred).add_errback<Cancelled>([](const Cancelled&) { return 8; }).add_timeout(clock, 10s);
    clock.advance(10s);
    BOOST_TEST(limited.take().value() == 8);
}

BOOST_AUTO_TEST_CASE(errback_added_before_timeout_custom) {
    ManualClock clock;
    bool seen = false;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred)
                       .add_errback([&](const Failure& failure) {
                           seen = failure.check<Cancelled>() != nullptr;
                           return failure;
                       })
                       .add_timeout(clock, 10s, [](const Result<int>&, Duration) {
                           return make_failure(std::length_error("mine"));
                       });
    clock.advance(10s);
    BOOST_TEST(seen);
    BOOST_CHECK_THROW(limited.take().value(), std::length_error);
}

BOOST_AUTO_TEST_CASE(errback_added_before_timeout_suppresses_cancellation_custom) {
    ManualClock clock;
    Custom custom;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred)
                       .add_errback<Cancelled>([](const Cancelled&) { return 8; })
                       .add_timeout(clock, 10s, custom.hook());
    clock.advance(10s);
    BOOST_TEST(custom.calls == 1);
    BOOST_TEST(limited.take().value() == 8);
}

BOOST_AUTO_TEST_CASE(callbacks_added_after_a_timeout_are_not_covered_by_it) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).add_timeout(clock, 10s).add_callback([&](int n) {
        return clock.sleep(1h).add_callback([n] { return n; });
    });
    promise.callback(9);
    BOOST_TEST(clock.pending_calls() == 1u);
    clock.advance(1h);
    BOOST_TEST(last.take().value() == 9);
}

// Ours ---------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_callback_before_it_that_waits_is_covered) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<>();
    auto last = std::move(deferred).add_callback([&] { return clock.sleep(1h); }).add_timeout(clock, 10s);
    promise.callback();
    clock.advance(10s);
    BOOST_CHECK_THROW(last.take().value(), TimeoutError);
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_ready_deferred_sets_no_timer) {
    WatchedClock clock;
    BOOST_TEST(succeed(1).add_timeout(clock, 0s).take().value() == 1);
    Custom custom;
    BOOST_TEST(succeed(1).add_timeout(clock, 0s, custom.hook()).take().value() == 1);
    BOOST_TEST(with_timeout(clock, succeed(1), 0s).take().value() == 1);
    BOOST_CHECK_THROW(fail<int>(std::out_of_range("gone")).add_timeout(clock, 0s).take().value(), std::out_of_range);
    auto [deferred, promise] = make_deferred<int>();
    promise.callback(2);
    BOOST_TEST(std::move(deferred).add_timeout(clock, 1s).take().value() == 2);
    BOOST_TEST(clock.changes == 0);
    BOOST_TEST(custom.calls == 0);
}

BOOST_AUTO_TEST_CASE(an_empty_deferred_cannot_be_limited) {
    ManualClock clock;
    Deferred<int> empty;
    BOOST_CHECK_THROW(std::ignore = std::move(empty).add_timeout(clock, 1s), InvalidState);
    BOOST_CHECK_THROW(std::ignore = with_timeout(clock, Deferred<int>(), 1s), InvalidState);
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_limit_of_zero_or_less_ends_it_on_the_next_turn) {
    for (const Duration limit : {Duration(0s), Duration(-5s), Duration::min()}) {
        ManualClock clock;
        auto [deferred, promise] = make_deferred<int>();
        auto limited = std::move(deferred).add_timeout(clock, limit);
        BOOST_TEST(!limited.ready());
        clock.advance(0s);
        BOOST_CHECK_THROW(limited.take().value(), TimeoutError);
    }
}

BOOST_AUTO_TEST_CASE(a_limit_without_end_is_no_limit) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred).add_timeout(clock, Duration::max());
    clock.advance(std::chrono::hours(24 * 365));
    BOOST_TEST(!limited.ready());
    promise.callback(1);
    BOOST_TEST(limited.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(dropping_a_limited_wait_takes_its_timer_back_and_runs_no_hook) {
    ManualClock clock;
    bool cancelled = false;
    Token token;
    auto [deferred, promise] = make_deferred<int>([&] { cancelled = true; });
    {
        const auto dropped =
            std::move(deferred).add_timeout(clock, 5s, [kept = token.copy()](const Result<int>&, Duration) {
                BOOST_ERROR("called");
                return 0;
            });
        BOOST_TEST(!token.gone());
    }
    BOOST_TEST(cancelled);
    BOOST_TEST(token.gone());
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_limited_wait_may_be_dropped_by_what_its_time_out_cancels) {
    ManualClock clock;
    Deferred<int> limited;
    auto [deferred, promise] = make_deferred<int>([&] { limited = Deferred<int>(); });
    limited = std::move(deferred).add_timeout(clock, 5s);
    clock.advance(5s);
    BOOST_TEST(!limited.valid());
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_limited_wait_may_be_dropped_by_its_hook) {
    ManualClock clock;
    Deferred<int> limited;
    auto [deferred, promise] = make_deferred<int>();
    limited = std::move(deferred).add_timeout(clock, 5s, [&](const Result<int>&, Duration) {
        limited = Deferred<int>();
        return 0;
    });
    clock.advance(5s);
    BOOST_TEST(!limited.valid());
}

BOOST_AUTO_TEST_CASE(a_result_out_of_the_clocks_own_call_comes_before_the_time_out_set_later) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>();
    auto answer = clock.call_later(5s, [&p = promise] { p.callback(1); });
    auto limited = std::move(deferred).add_timeout(clock, 5s);
    clock.advance(5s);
    BOOST_TEST(limited.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(a_limit_whose_clock_is_gone_never_comes) {
    std::optional<ManualClock> clock(std::in_place);
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred).add_timeout(*clock, 5s);
    clock.reset();
    promise.callback(1);
    BOOST_TEST(limited.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(the_shorter_of_two_limits_counts_and_both_timers_go) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred).add_timeout(clock, 5s, "the step").add_timeout(clock, 2s, "the whole");
    clock.advance(2s);
    BOOST_TEST(clock.pending_calls() == 0u);
    const Result<int> result = limited.take();
    BOOST_TEST(result.failure().message().find("the whole took longer than 2 s") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_hook_may_answer_with_another_wait) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = std::move(deferred).add_timeout(
        clock, 5s, [&](const Result<int>&, Duration) { return clock.sleep(1s).add_callback([] { return 10; }); });
    clock.advance(5s);
    BOOST_TEST(!limited.ready());
    clock.advance(1s);
    BOOST_TEST(limited.take().value() == 10);
}

BOOST_AUTO_TEST_CASE(a_hook_of_a_deferred_without_a_value_may_return_nothing_and_what_it_throws_fails_the_chain) {
    ManualClock clock;
    auto quiet = clock.sleep(1h).add_timeout(clock, 5s, [](const Result<>&, Duration) {});
    auto loud =
        clock.sleep(1h).add_timeout(clock, 5s, [](const Result<>&, Duration) { throw std::length_error("mine"); });
    clock.advance(5s);
    BOOST_TEST(quiet.take().has_value());
    BOOST_CHECK_THROW(loud.take().value(), std::length_error);
}

BOOST_AUTO_TEST_CASE(move_only_values_pass_a_limit_and_its_hook) {
    ManualClock clock;
    auto [a, a_promise] = make_deferred<std::unique_ptr<int>>();
    auto plain = std::move(a).add_timeout(clock, 5s);
    a_promise.callback(std::make_unique<int>(1));
    BOOST_TEST(*plain.take().value() == 1);

    using Held = std::unique_ptr<int>;
    auto [b, b_promise] = make_deferred<Held>([](Promise<Held>& answer) { answer.callback(std::make_unique<int>(2)); });
    auto hooked = std::move(b).add_timeout(clock, 5s, [](Result<Held> result, Duration) { return result; });
    clock.advance(5s);
    BOOST_TEST(*hooked.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(with_timeout_is_the_same_as_a_function) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred<int>();
    auto limited = with_timeout(clock, std::move(deferred), 1500ms, "counting");
    clock.advance(1500ms);
    const Result<int> result = limited.take();
    BOOST_TEST(result.failure().message().find("counting took longer than 1.5 s") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_time_out_was_made_where_the_limit_was_set) {
    ManualClock clock;
    auto limited = clock.sleep(1h).add_timeout(clock, 5s);
    const auto line = __LINE__ - 1;
    clock.advance(5s);
    const Result<> result = limited.take();
    BOOST_TEST(result.failure().origin().line() == static_cast<std::uint_least32_t>(line));
}

BOOST_AUTO_TEST_CASE(a_coroutine_sees_its_time_limit_as_a_cancel_and_may_clean_up) {
    ManualClock clock;
    bool cleaned = false;
    auto limited = counted_sleep(clock, cleaned).add_timeout(clock, 1s, "working");
    clock.advance(1s);
    BOOST_TEST(cleaned);
    BOOST_CHECK_THROW(limited.take().value(), TimeoutError);
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_coroutine_that_goes_on_after_its_time_limit_may_still_succeed) {
    ManualClock clock;
    auto limited = stubborn(clock).add_timeout(clock, 1s);
    clock.advance(1s);
    BOOST_TEST(!limited.ready());
    clock.advance(1h);
    BOOST_TEST(limited.take().value() == 2);
}

// defer_later --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(defer_later_calls_after_its_delay_and_passes_what_it_returns) {
    ManualClock clock;
    auto value = defer_later(clock, 2s, [] { return 3; });
    auto waits = defer_later(clock, 2s, [&] { return clock.sleep(1s).add_callback([] { return 4; }); });
    auto throws = defer_later(clock, 2s, [] { throw std::out_of_range("thrown"); });
    auto nothing = defer_later(clock, 2s);
    clock.advance(1999ms);
    BOOST_TEST(!value.ready());
    clock.advance(1ms);
    BOOST_TEST(value.take().value() == 3);
    BOOST_CHECK_THROW(throws.take().value(), std::out_of_range);
    BOOST_TEST(nothing.take().has_value());
    BOOST_TEST(!waits.ready());
    clock.advance(1s);
    BOOST_TEST(waits.take().value() == 4);
}

BOOST_AUTO_TEST_CASE(defer_later_is_taken_back_by_cancel_and_by_dropping) {
    ManualClock clock;
    Token token;
    auto cancelled = defer_later(clock, 2s, [kept = token.copy()] { BOOST_ERROR("called"); });
    cancelled.cancel();
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_TEST(token.gone());
    BOOST_CHECK_THROW(cancelled.take().value(), Cancelled);
    {
        const auto dropped = defer_later(clock, 2s, [kept = token.copy()] { BOOST_ERROR("called"); });
    }
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_TEST(token.gone());
    clock.advance(2s);
}

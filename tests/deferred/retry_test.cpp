// retry(): when it tries again, when it gives up, and what is left when it is cancelled.
#define BOOST_TEST_MODULE deferred_retry
#include "plait/deferred/retry.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/testing/manual_clock.hpp"
#include "several.hpp"
#include "support.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// Delays of 1, 2, 4, 8 and then always 10 seconds.
RetryPolicy plain() {
    RetryPolicy policy;
    policy.backoff = {.initial = 1s, .factor = 2, .cap = 10s, .jitter = 0};
    policy.what = "reading";
    return policy;
}

template <typename T>
std::string message_of(Deferred<T>& deferred) {
    BOOST_REQUIRE(deferred.ready());
    const Result<T> result = deferred.take();
    BOOST_REQUIRE(!result.has_value());
    return result.failure().message();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_first_success_is_ready_at_once) {
    ManualClock clock;
    BOOST_TEST(retry(clock, [] { return 7; }).take().value() == 7);
    BOOST_TEST(retry(clock, [] {}).take().has_value());
    auto unique = retry(clock, [] { return succeed(std::make_unique<int>(3)); });
    BOOST_TEST(*unique.take().value() == 3);
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(it_tries_again_after_growing_delays_until_one_succeeds) {
    ManualClock clock;
    std::vector<Duration> at;
    Deferred<int> done = retry(
        clock,
        [&]() -> Deferred<int> {
            at.push_back(clock.now().time_since_epoch());
            if (at.size() < 4) return fail<int>(Error("not yet"));
            return succeed(4);
        },
        plain());
    BOOST_TEST(!done.ready());
    clock.advance(1h);
    BOOST_TEST((at == std::vector<Duration>{0s, 1s, 3s, 7s}));
    BOOST_TEST(done.take().value() == 4);
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(it_gives_up_with_the_last_failure_as_it_is) {
    ManualClock clock;
    int attempts = 0;
    RetryPolicy policy = plain();
    policy.max_attempts = 3;
    Deferred<int> done = retry(clock, [&]() -> int { throw Error("attempt " + std::to_string(++attempts)); }, policy);
    clock.advance(1h);
    BOOST_TEST(attempts == 3);
    BOOST_TEST(message_of(done) == "plait::Error: attempt 3");
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(without_delay_it_waits_for_the_next_turn) {
    ManualClock clock;
    int attempts = 0;
    RetryPolicy policy;
    policy.backoff.initial = 0s;
    policy.max_attempts = 1000;
    Deferred<> done = retry(
        clock,
        [&] {
            ++attempts;
            throw Error("no");
        },
        policy);
    BOOST_TEST(attempts == 1);
    clock.advance(0s);
    BOOST_TEST(attempts == 1000);
    BOOST_TEST(message_of(done) == "plait::Error: no");
}

BOOST_AUTO_TEST_CASE(usage_errors_cancelled_and_strangers_are_not_worth_another_try) {
    ManualClock clock;
    const auto attempt = [&clock](auto error) {
        Deferred<> done = retry(clock, [&error] { return fail(error); });
        if (done.ready()) static_cast<void>(done.take());
        return done.valid();
    };
    BOOST_TEST(attempt(Error("x")));
    BOOST_TEST(attempt(TimeoutError()));
    BOOST_TEST(attempt(BrokenPromise()));
    BOOST_TEST(!attempt(UsageError("x")));
    BOOST_TEST(!attempt(AlreadyFired()));
    BOOST_TEST(!attempt(Cancelled()));
    BOOST_TEST(!attempt(std::runtime_error("x")));
}

BOOST_AUTO_TEST_CASE(the_policy_says_which_failures_are_worth_another_try) {
    ManualClock clock;
    int attempts = 0;
    RetryPolicy policy = plain();
    policy.worth_another = [](const Failure& failure) { return failure.check<std::out_of_range>() != nullptr; };
    Deferred<> done = retry(
        clock,
        [&] {
            if (++attempts < 3) throw std::out_of_range("again");
            throw Error("last");
        },
        policy);
    clock.advance(1h);
    BOOST_TEST(attempts == 3);
    BOOST_TEST(message_of(done) == "plait::Error: last");

    policy.worth_another = [](const Failure&) -> bool { throw std::logic_error("undecided"); };
    done = retry(clock, [] { throw Error("x"); }, policy);
    BOOST_TEST(message_of(done) == "std::logic_error: undecided");
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(the_observer_is_told_of_each_failure_that_leads_to_another_try) {
    CaughtReports reports;
    ManualClock clock;
    std::vector<std::string> seen;
    RetryPolicy policy = plain();
    policy.max_attempts = 3;
    policy.on_retry = [&](const RetryNote& note) {
        seen.push_back(std::to_string(note.attempt) + " " + std::to_string(note.delay / 1s) + " " +
                       note.failure.message());
        throw std::runtime_error("observer");
    };
    Deferred<> done = retry(clock, [] { throw Error("x"); }, policy);
    clock.advance(1h);
    BOOST_TEST(seen == (std::vector<std::string>{"1 1 plait::Error: x", "2 2 plait::Error: x"}),
               boost::test_tools::per_element());
    BOOST_TEST(message_of(done) == "plait::Error: x");
    BOOST_TEST(reports.count() == 2u);
}

BOOST_AUTO_TEST_CASE(a_policy_without_sense_is_refused) {
    ManualClock clock;
    const auto refused = [&](auto change) {
        RetryPolicy policy;
        change(policy);
        BOOST_CHECK_THROW(static_cast<void>(retry(clock, [] { BOOST_ERROR("called"); }, policy)), UsageError);
    };
    refused([](RetryPolicy& policy) { policy.max_attempts = 0; });
    refused([](RetryPolicy& policy) { policy.deadline = 0s; });
    refused([](RetryPolicy& policy) { policy.worth_another = nullptr; });
    refused([](RetryPolicy& policy) { policy.backoff.factor = 0; });
}

// the deadline -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(no_delay_is_begun_that_would_end_at_the_deadline_or_later) {
    ManualClock clock;
    int attempts = 0;
    RetryPolicy policy = plain();
    policy.deadline = 7s;
    Deferred<> done = retry(
        clock,
        [&] {
            ++attempts;
            throw Error("x");
        },
        policy);
    clock.advance(3s);
    BOOST_TEST(attempts == 3);
    BOOST_TEST(message_of(done) == "plait::Error: x");
    BOOST_TEST(clock.pending_calls() == 0u);
    policy.deadline = 7s + 1ns;
    attempts = 0;
    done = retry(
        clock,
        [&] {
            ++attempts;
            throw Error("x");
        },
        policy);
    clock.advance(7s);
    BOOST_TEST(attempts == 4);
    BOOST_TEST(done.ready());
    static_cast<void>(done.take());
}

BOOST_AUTO_TEST_CASE(the_deadline_cuts_an_attempt_off_and_names_the_failure_before) {
    ManualClock clock;
    int attempts = 0;
    bool asked = false;
    auto hangs = make_deferred<int>([&] { asked = true; });
    RetryPolicy policy = plain();
    policy.deadline = 5s;
    Deferred<int> done = retry(
        clock,
        [&]() -> Deferred<int> {
            if (++attempts == 1) return fail<int>(Error("refused"));
            return std::move(hangs.deferred);
        },
        policy);
    clock.advance(5s - 1ns);
    BOOST_TEST(!asked);
    clock.advance(1ns);
    BOOST_TEST(asked);
    BOOST_TEST(message_of(done) ==
               "plait::TimeoutError: reading took longer than 5 s, in attempt 2; the one before had failed with "
               "plait::Error: refused");
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(what_an_attempt_answers_when_cut_off_goes_through_and_is_the_last) {
    ManualClock clock;
    RetryPolicy policy = plain();
    policy.deadline = 5s;
    auto value = make_deferred<int>([](Promise<int>& answer) { answer.callback(9); });
    Deferred<int> done = retry(clock, [&] { return std::move(value.deferred); }, policy);
    clock.advance(5s);
    BOOST_TEST(done.take().value() == 9);

    auto failure = make_deferred<int>([](Promise<int>& answer) { answer.errback(Error("half done")); });
    done = retry(clock, [&] { return std::move(failure.deferred); }, policy);
    clock.advance(5s);
    BOOST_TEST(message_of(done) == "plait::Error: half done");
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(an_attempt_may_be_let_go_on_past_the_deadline) {
    ManualClock clock;
    RetryPolicy policy = plain();
    policy.deadline = 5s;
    policy.cut_attempt = false;
    auto late = make_deferred<int>();
    Deferred<int> done = retry(clock, [&] { return std::move(late.deferred); }, policy);
    BOOST_TEST(clock.pending_calls() == 0u);
    clock.advance(10s);
    BOOST_TEST(late.promise.wanted());
    late.promise.errback(Error("late"));
    BOOST_TEST(message_of(done) == "plait::Error: late");
}

BOOST_AUTO_TEST_CASE(a_success_takes_the_deadline_back) {
    ManualClock clock;
    RetryPolicy policy = plain();
    policy.deadline = 5s;
    auto attempt = make_deferred<int>();
    Deferred<int> done = retry(clock, [&] { return std::move(attempt.deferred); }, policy);
    BOOST_TEST(clock.pending_calls() == 1u);
    attempt.promise.callback(1);
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_TEST(done.take().value() == 1);
}

// cancel and lifetime ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(cancelling_a_delay_leaves_no_timer) {
    ManualClock clock;
    Token token;
    RetryPolicy policy = plain();
    policy.deadline = 1h;
    Deferred<> done = retry(clock, [held = token.copy()] { throw Error("x"); }, policy);
    BOOST_TEST(clock.pending_calls() == 2u);
    done.cancel();
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_TEST(token.gone());
    BOOST_CHECK_THROW(done.take().value(), Cancelled);
}

BOOST_AUTO_TEST_CASE(cancelling_an_attempt_makes_its_answer_the_last_even_one_worth_another_try) {
    ManualClock clock;
    int attempts = 0;
    Token token;
    RetryPolicy policy = plain();
    policy.deadline = 1h;
    std::optional<Promise<int>> kept;
    Deferred<int> done = retry(
        clock,
        [&, held = token.copy()] {
            ++attempts;
            auto pair = make_deferred<int>([](Promise<int>& answer) { answer.errback(Error("closed")); });
            kept = std::move(pair.promise);
            return std::move(pair.deferred);
        },
        policy);
    done.cancel();
    BOOST_TEST(message_of(done) == "plait::Error: closed");
    BOOST_TEST(attempts == 1);
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(cancelling_waits_for_an_attempt_that_takes_its_time) {
    ManualClock clock;
    int cancels = 0;
    Token token;
    Deferred<int> done = retry(clock, [&, held = token.copy()]() -> Deferred<int> {
        for (int i = 0; i < 2; ++i) {
            try {
                co_await clock.sleep(1h);
            } catch (const Cancelled&) {
                ++cancels;
            }
        }
        co_await clock.sleep(1s);
        throw Error("cleaned up");
    });
    done.cancel();
    BOOST_TEST(cancels == 1);
    BOOST_TEST(!done.ready());
    done.cancel();
    BOOST_TEST(cancels == 2);
    BOOST_TEST(!done.ready());
    clock.advance(1s);
    BOOST_TEST(message_of(done) == "plait::Error: cleaned up");
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(an_attempt_that_takes_its_time_may_be_dropped_after_a_cancel) {
    ManualClock clock;
    Token token;
    {
        Deferred<> done = retry(clock, [&, held = token.copy()]() -> Deferred<> {
            try {
                co_await clock.sleep(1h);
            } catch (const Cancelled&) {
            }
            co_await clock.sleep(1s);
            BOOST_ERROR("went on");
        });
        done.cancel();
        BOOST_TEST(!done.ready());
    }
    BOOST_TEST(token.gone());
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(dropping_it_drops_the_attempt_or_the_delay) {
    ManualClock clock;
    Token token;
    int asked = 0;
    auto attempt = make_deferred([&] { ++asked; });
    RetryPolicy policy = plain();
    policy.deadline = 1h;
    {
        const Deferred<> dropped =
            retry(clock, [&, held = token.copy()] { return std::move(attempt.deferred); }, policy);
    }
    BOOST_TEST(asked == 1);
    BOOST_TEST(token.gone());
    {
        const Deferred<> dropped = retry(clock, [held = token.copy()] { throw Error("x"); }, policy);
    }
    BOOST_TEST(token.gone());
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(the_function_may_cancel_or_drop_its_own_retry) {
    ManualClock clock;
    Token token;
    Deferred<> done;
    int attempts = 0;
    auto never = make_deferred();
    done = retry(clock, [&, held = token.copy()] {
        if (++attempts == 1) throw Error("x");
        done.cancel();
        return std::move(never.deferred);
    });
    clock.advance(1h);
    BOOST_TEST(attempts == 2);
    BOOST_CHECK_THROW(done.take().value(), Cancelled);
    BOOST_TEST(!never.promise.wanted());
    BOOST_TEST(token.gone());

    auto unheard = make_deferred();
    done = retry(clock, [&, held = token.copy()] {
        if (++attempts == 3) throw Error("x");
        done = Deferred<>();
        return std::move(unheard.deferred);
    });
    clock.advance(1h);
    BOOST_TEST(attempts == 4);
    BOOST_TEST(!unheard.promise.wanted());
    BOOST_TEST(token.gone());
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_coroutine_may_drop_its_own_retry_and_keeps_its_captures_until_its_next_wait) {
    ManualClock clock;
    Token token;
    Deferred<> done;
    std::string seen;
    done = retry(clock, [&, held = token.copy(), text = std::string(100, 'x')]() -> Deferred<> {
        struct Local {
            const std::string& text;
            std::string& seen;
            ~Local() { seen += text; }
        };
        const Local local{text, seen};
        co_await clock.sleep(1s);
        done = Deferred<>();
        seen += text;
        co_await clock.sleep(1s);
        BOOST_ERROR("went on");
    });
    clock.advance(1h);
    BOOST_TEST(seen.size() == 200u);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(the_observer_and_the_predicate_may_cancel_or_drop_it) {
    for (const bool dropping : {false, true}) {
        for (const bool early : {false, true}) {
            ManualClock clock;
            Token token;
            Deferred<> done;
            auto gate = make_deferred();
            RetryPolicy policy = plain();
            policy.deadline = 1h;
            const auto end = [&] {
                if (dropping) {
                    done = Deferred<>();
                } else {
                    done.cancel();
                }
            };
            policy.worth_another = [&](const Failure&) {
                if (early) end();
                return true;
            };
            policy.on_retry = [&](const RetryNote&) {
                BOOST_TEST(!early);
                end();
            };
            done = retry(clock, [&, held = token.copy()] { return std::move(gate.deferred); }, policy);
            gate.promise.errback(Error("x"));
            BOOST_TEST(clock.pending_calls() == 0u);
            BOOST_TEST(token.gone());
            if (!dropping) BOOST_CHECK_THROW(done.take().value(), Cancelled);
        }
    }
}

BOOST_AUTO_TEST_CASE(captures_go_when_it_has_ended) {
    ManualClock clock;
    Token token;
    int attempts = 0;
    Deferred<int> done = retry(clock, [&, held = token.copy()]() -> Deferred<int> {
        co_await clock.sleep(1s);
        if (++attempts < 3) throw Error("x");
        co_return attempts;
    });
    clock.advance(1h);
    BOOST_TEST(done.ready());
    BOOST_TEST(token.gone());
    BOOST_TEST(done.take().value() == 3);
}

BOOST_AUTO_TEST_CASE(a_delay_fails_when_its_clock_goes) {
    std::optional<ManualClock> clock(std::in_place);
    Deferred<> done = retry(*clock, [] { throw Error("x"); });
    clock.reset();
    BOOST_CHECK_THROW(done.take().value(), BrokenPromise);
}

BOOST_AUTO_TEST_CASE(a_value_that_cannot_be_moved_is_a_failure_not_a_hang) {
    ManualClock clock;
    for (int moves = 0; moves < 12; ++moves) {
        auto [attempt, promise] = make_deferred<Heavy>();
        auto done = retry(clock, [&d = attempt] { return std::move(d); }, {.max_attempts = 1});
        Heavy heavy;
        Heavy::moves_left = moves + 2;  // the first two are callback()'s own
        promise.callback(std::move(heavy));
        Heavy::moves_left = -1;
        BOOST_REQUIRE(done.ready());
        const Result<Heavy> result = done.take();
        BOOST_TEST((result.has_value() || result.failure().check<std::runtime_error>() != nullptr));
    }
}

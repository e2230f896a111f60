#define BOOST_TEST_MODULE deferred_coroutine
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "support.hpp"

using namespace plait;

namespace {

Deferred<int> plus_one(Deferred<int> deferred) {
    const int n = co_await std::move(deferred);
    co_return n + 1;
}

Deferred<> nothing() {
    co_return;
}

Deferred<std::string> joined(Deferred<std::string> a, Deferred<std::string> b) {
    std::string first = co_await std::move(a);
    std::string second = co_await std::move(b);
    co_return first + second;
}

Deferred<int> throws_at_once() {
    co_await nothing();
    throw std::runtime_error("from the body");
}

struct alignas(64) Wide {
    int n;
    bool aligned() const { return reinterpret_cast<std::uintptr_t>(this) % 64 == 0; }
};

struct Large {
    std::array<char, 64 * 1024> bytes{};
};

/// Awaited through its own operator co_await, as a shared result is.
struct Ticket {
    int number;
    Deferred<int> operator co_await() const { return succeed(number); }
};
struct FreeTicket {
    int number;
};
Deferred<int> operator co_await(const FreeTicket & ticket) {
    return succeed(ticket.number);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_coroutine_over_ready_deferreds_is_ready_when_it_returns) {
    auto last = plus_one(succeed(1));
    BOOST_TEST(last.ready());
    BOOST_TEST(last.take().value() == 2);
    BOOST_TEST(nothing().take().has_value());
}

BOOST_AUTO_TEST_CASE(a_coroutine_waits_for_each_deferred_in_turn) {
    auto [a, a_promise] = make_deferred<std::string>();
    auto [b, b_promise] = make_deferred<std::string>();
    auto last = joined(std::move(a), std::move(b));
    b_promise.callback("two, which is longer than the small-string buffer");
    BOOST_TEST(!last.ready());
    a_promise.callback("one and ");
    BOOST_TEST(last.take().value() == "one and two, which is longer than the small-string buffer");
}

BOOST_AUTO_TEST_CASE(callbacks_may_be_added_to_a_coroutine_and_a_coroutine_returned_from_a_callback) {
    auto [deferred, promise] = make_deferred<int>();
    auto last = plus_one(std::move(deferred))
                    .add_callback([](int n) { return plus_one(succeed(n * 10)); })
                    .add_callback([](int n) { return std::to_string(n); });
    promise.callback(1);
    BOOST_TEST(last.take().value() == "21");
}

BOOST_AUTO_TEST_CASE(what_the_body_throws_fails_its_deferred_and_names_the_coroutine) {
    auto result = throws_at_once().take();
    BOOST_TEST(result.failure().message() == "std::runtime_error: from the body");
    BOOST_TEST(std::string(result.failure().origin().file_name()).find("coroutine_test.cpp") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_failure_is_thrown_at_the_await_with_its_own_type) {
    auto body = [](Deferred<int> d) -> Deferred<int> {
        try {
            co_return co_await std::move(d);
        } catch (const std::invalid_argument&) {
        }
        co_return -1;
    };
    BOOST_TEST(body(fail<int>(std::invalid_argument("x"))).take().value() == -1);
    auto [deferred, promise] = make_deferred<int>();
    auto last = body(std::move(deferred));
    promise.errback(std::invalid_argument("x"));
    BOOST_TEST(last.take().value() == -1);
}

BOOST_AUTO_TEST_CASE(a_loop_over_thousands_of_ready_results_does_not_grow_the_stack) {
    auto body = []() -> Deferred<int> {
        int sum = 0;
        for (int i = 0; i < 100000; ++i)
            sum += co_await succeed(1);
        co_return sum;
    };
    BOOST_TEST(body().take().value() == 100000);
}

BOOST_AUTO_TEST_CASE(move_only_results_and_braced_returns_work) {
    auto body = []() -> Deferred<std::pair<int, std::unique_ptr<int>>> {
        auto p = co_await succeed(std::make_unique<int>(2));
        co_return {1, std::move(p)};
    };
    BOOST_TEST(*body().take().value().second == 2);
}

BOOST_AUTO_TEST_CASE(awaiting_twice_throws_invalid_state_inside_the_coroutine) {
    auto body = []() -> Deferred<int> {
        auto d = succeed(1);
        int sum = co_await std::move(d);
        sum += co_await std::move(d);
        co_return sum;
    };
    BOOST_TEST(body().take().failure().check<InvalidState>() != nullptr);
}

BOOST_AUTO_TEST_CASE(awaiting_itself_throws_instead_of_waiting_for_ever) {
    CaughtReports reports;
    auto [gate, promise] = make_deferred();
    Deferred<> itself;
    auto body = [](Deferred<> wait, Deferred<>& own) -> Deferred<> {
        co_await std::move(wait);
        co_await std::move(own);
    };
    itself = body(std::move(gate), itself);
    promise.callback();
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(reports.last().find("wait for itself") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_class_whose_operator_co_await_gives_a_deferred_can_be_awaited) {
    auto body = []() -> Deferred<int> {
        const Ticket kept{1};
        int sum = co_await kept;
        sum += co_await Ticket{10};
        sum += co_await FreeTicket{100};
        co_return sum;
    };
    BOOST_TEST(body().take().value() == 111);
}

// Failures on their way ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_failure_that_leaves_through_awaits_keeps_its_origin_and_notes_each_of_them) {
    auto inner = [](Deferred<int> d) -> Deferred<int> { co_return co_await std::move(d); };
    const auto await_line = static_cast<unsigned>(__LINE__ - 1);
    auto [deferred, promise] = make_deferred<int>();
    auto last = plus_one(inner(std::move(deferred)));
    promise.errback(std::runtime_error("far away"));
    const auto made_line = static_cast<unsigned>(__LINE__ - 1);
    auto result = last.take();
    const Failure& failure = result.failure();
    BOOST_TEST(failure.origin().line() == made_line);
    BOOST_REQUIRE(failure.places().size() == 2u);
    BOOST_TEST(failure.places()[0].where.line() == await_line);
    BOOST_TEST((failure.places()[0].kind == FailurePlace::Kind::awaited));
    BOOST_TEST(failure.places()[1].where.line() < await_line);
}

BOOST_AUTO_TEST_CASE(an_exception_of_its_own_after_a_failed_await_has_an_origin_of_its_own) {
    auto body = [](Deferred<int> d) -> Deferred<int> {
        try {
            co_await std::move(d);
        } catch (const std::runtime_error&) {
        }
        throw std::logic_error("another");
    };
    auto result = body(fail<int>(std::runtime_error("first"))).take();
    BOOST_TEST(result.failure().message() == "std::logic_error: another");
    BOOST_TEST(result.failure().places().empty());
}

BOOST_AUTO_TEST_CASE(a_suspended_coroutine_knows_the_await_it_is_at) {
    auto body = [](Deferred<int> a, Deferred<int> b) -> Deferred<int> {
        int sum = co_await std::move(a);
        sum += co_await std::move(b);
        co_return sum;
    };
    const auto second_await = static_cast<unsigned>(__LINE__ - 3);
    auto [a, a_promise] = make_deferred<int>();
    auto [b, b_promise] = make_deferred<int>();
    auto last = body(std::move(a), std::move(b));
    const auto& coroutine = static_cast<detail::CoroutineBase&>(*detail::Access::slot(last).core());
    BOOST_TEST(coroutine.awaiting_at().line() == second_await - 1);
    a_promise.callback(1);
    BOOST_TEST(coroutine.awaiting_at().line() == second_await);
}

// Large and over-aligned results -------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(over_aligned_results_are_awaited_in_a_box_and_returned_by_value) {
    auto body = [](Deferred<Wide> d) -> Deferred<Wide> {
        std::unique_ptr<Wide> wide = co_await std::move(d);
        BOOST_TEST(wide->aligned());
        co_return Wide{wide->n + 1};
    };
    auto check = [](const Wide& wide) {
        BOOST_TEST(wide.aligned());
        return wide.n;
    };
    BOOST_TEST(body(succeed(Wide{1})).add_callback(check).take().value() == 2);
    auto [deferred, promise] = make_deferred<Wide>();
    auto last = body(body(std::move(deferred))).add_callback(check);
    promise.callback(Wide{1});
    BOOST_TEST(last.take().value() == 3);
    auto [dropped, dropped_promise] = make_deferred<Wide>();
    {
        auto waiting = body(std::move(dropped));
    }
    BOOST_TEST(!dropped_promise.wanted());
}

BOOST_AUTO_TEST_CASE(large_results_are_awaited_and_returned_like_any) {
    auto body = [](Deferred<Large> d) -> Deferred<Large> {
        Large large = co_await std::move(d);
        large.bytes.back() = static_cast<char>(large.bytes.back() + 1);
        co_return large;
    };
    BOOST_TEST(int(body(succeed(Large())).take().value().bytes.back()) == 1);
    auto [deferred, promise] = make_deferred<Large>();
    auto last = body(body(std::move(deferred)));
    promise.callback(Large());
    BOOST_TEST(int(last.take().value().bytes.back()) == 2);
}

// Lambdas with captures ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(run_coroutine_keeps_the_captures_and_the_arguments_until_the_coroutine_ends) {
    Token token;
    auto [gate, promise] = make_deferred<int>();
    auto last = run_coroutine(
        [held = token.copy(), &gate](const std::string& text, std::unique_ptr<int> owned) -> Deferred<std::string> {
            const int n = co_await std::move(gate);
            co_return text + std::to_string(n + *owned + *held);
        },
        std::string("a text that is too long for the small-string buffer, "), std::make_unique<int>(1));
    BOOST_TEST(!token.gone());
    *token.copy() = 10;
    promise.callback(100);
    BOOST_TEST(last.take().value() == "a text that is too long for the small-string buffer, 111");
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(run_coroutine_passes_on_nothing_failures_and_over_aligned_results) {
    BOOST_TEST(run_coroutine([n = 1]() -> Deferred<> {
                   static_cast<void>(n);
                   co_return;
               })
                   .take()
                   .has_value());
    BOOST_TEST(run_coroutine([n = 1]() -> Deferred<Wide> { co_return Wide{n}; }).take().value().n == 1);
    auto failed = run_coroutine([n = 1]() -> Deferred<> {
                      co_await nothing();
                      throw std::out_of_range(std::to_string(n));
                  }).take();
    BOOST_TEST(failed.failure().message() == "std::out_of_range: 1");
}

BOOST_AUTO_TEST_CASE(dropping_what_run_coroutine_gave_destroys_the_locals_before_the_captures) {
    std::vector<std::string> order;
    struct Note {
        std::vector<std::string>* order;
        std::string what;
        Note(std::vector<std::string>* o, std::string w) : order(o), what(std::move(w)) {}
        Note(Note&& other) noexcept : order(std::exchange(other.order, nullptr)), what(std::move(other.what)) {}
        ~Note() {
            if (order != nullptr) order->push_back(what);
        }
    };
    auto [gate, promise] = make_deferred([&] { order.push_back("canceller"); });
    {
        auto last = run_coroutine(
            [note = Note(&order, "capture"), &order, &gate](const Note&) -> Deferred<> {
                const Note local(&order, "local of one with " + note.what);
                co_await std::move(gate);
            },
            Note(&order, "argument"));
    }
    BOOST_REQUIRE(order.size() == 4u);
    BOOST_TEST(order[0] == "canceller");
    BOOST_TEST(order[1] == "local of one with capture");
}

BOOST_AUTO_TEST_CASE(keep_captures_makes_a_coroutine_lambda_safe_as_a_callback) {
    Token token;
    auto [gate, promise] = make_deferred<int>();
    auto [first, first_promise] = make_deferred<int>();
    auto last = std::move(first).add_callback(
        keep_captures([held = token.copy(), wait = std::move(gate)](int n) mutable -> Deferred<int> {
            const int m = co_await std::move(wait);
            co_return n + m + *held;
        }));
    first_promise.callback(1);
    BOOST_TEST(!last.ready());
    BOOST_TEST(!token.gone());
    *token.copy() = 100;
    promise.callback(10);
    BOOST_TEST(last.take().value() == 111);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_kept_coroutine_called_twice_says_so) {
    auto once = keep_captures([n = 1](int m) -> Deferred<int> { co_return n + m; });
    BOOST_TEST(once(1).take().value() == 2);
    BOOST_CHECK_THROW(std::ignore = once(1), InvalidState);
}

// Cancel -------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(cancelling_the_outermost_asks_the_innermost_canceller_and_throws_up_the_line) {
    int asked = 0;
    std::vector<std::string> seen;
    auto [deferred, promise] = make_deferred<int>([&] { ++asked; });
    auto inner = [&seen](Deferred<int> d) -> Deferred<int> {
        try {
            co_return co_await std::move(d);
        } catch (const Cancelled&) {
            seen.push_back("inner");
            throw;
        }
    };
    auto outer = [&seen](Deferred<int> d) -> Deferred<int> {
        try {
            co_return co_await std::move(d);
        } catch (const Cancelled&) {
            seen.push_back("outer");
            throw;
        }
    };
    auto last = outer(inner(std::move(deferred)));
    last.cancel();
    BOOST_TEST(asked == 1);
    BOOST_TEST(seen == (std::vector<std::string>{"inner", "outer"}), boost::test_tools::per_element());
    BOOST_TEST(last.take().failure().check<Cancelled>() != nullptr);
}

BOOST_AUTO_TEST_CASE(a_coroutine_may_catch_cancelled_and_go_on_and_be_cancelled_again) {
    auto body = [](Deferred<int> a, Deferred<int> b) -> Deferred<int> {
        try {
            co_await std::move(a);
        } catch (const Cancelled&) {
        }
        co_return co_await std::move(b);
    };
    auto [a, a_promise] = make_deferred<int>();
    auto [b, b_promise] = make_deferred<int>();
    auto last = body(std::move(a), std::move(b));
    last.cancel();
    BOOST_TEST(!last.ready());
    last.cancel();
    BOOST_TEST(!b_promise.wanted());
    BOOST_TEST(last.take().failure().check<Cancelled>() != nullptr);
}

BOOST_AUTO_TEST_CASE(a_canceller_that_answers_an_error_the_body_handles_ends_in_success) {
    auto [deferred, promise] =
        make_deferred<int>([](Promise<int>& answer) { answer.errback(std::runtime_error("stopped")); });
    auto body = [](Deferred<int> d) -> Deferred<std::string> {
        try {
            co_await std::move(d);
        } catch (const std::runtime_error& error) {
            co_return error.what();
        }
        co_return "no error";
    };
    auto last = body(std::move(deferred));
    last.cancel();
    BOOST_TEST(last.take().value() == "stopped");
}

BOOST_AUTO_TEST_CASE(an_awaited_chain_may_turn_cancelled_into_another_wait) {
    auto [first, first_promise] = make_deferred<int>();
    auto [second, second_promise] = make_deferred<int>();
    auto last = plus_one(std::move(first).add_errback([&](const Failure&) { return std::move(second); }));
    last.cancel();
    BOOST_TEST(!last.ready());
    second_promise.callback(4);
    BOOST_TEST(last.take().value() == 5);
}

BOOST_AUTO_TEST_CASE(a_coroutine_that_cancels_its_own_deferred_sees_it_at_its_next_wait) {
    Deferred<int> itself;
    auto body = [](Deferred<> wait, Deferred<int>& own, Deferred<int> next) -> Deferred<int> {
        co_await std::move(wait);
        own.cancel();
        co_return co_await std::move(next);
    };
    auto [gate, gate_promise] = make_deferred();
    auto [next, next_promise] = make_deferred<int>();
    itself = body(std::move(gate), itself, std::move(next));
    gate_promise.callback();
    BOOST_TEST(!next_promise.wanted());
    BOOST_TEST(itself.take().failure().check<Cancelled>() != nullptr);
}

// Drop ---------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(dropping_a_suspended_coroutine_destroys_its_locals_and_never_resumes_it) {
    Token token;
    bool resumed = false;
    auto body = [&resumed](Deferred<> d, std::shared_ptr<int> parameter) -> Deferred<> {
        auto local = parameter;
        co_await std::move(d);
        resumed = true;
    };
    auto [deferred, promise] = make_deferred();
    {
        auto last = body(std::move(deferred), token.copy());
        BOOST_TEST(!token.gone());
    }
    BOOST_TEST(token.gone());
    BOOST_TEST(!promise.wanted());
    promise.callback();
    BOOST_TEST(!resumed);
}

BOOST_AUTO_TEST_CASE(what_is_awaited_is_dropped_before_the_locals_it_may_refer_to) {
    std::vector<std::string> order;
    struct Connection {
        std::vector<std::string>& order;
        ~Connection() { order.push_back("local"); }
    };
    auto body = [&order]() -> Deferred<> {
        Connection connection{order};
        auto [read, promise] = make_deferred([&connection] { connection.order.push_back("canceller"); });
        auto waiting = plus_one(std::move(read).add_callback([] { return 1; }));
        co_await std::move(waiting);
        promise.callback();
    };
    {
        auto last = body();
    }
    BOOST_TEST(order == (std::vector<std::string>{"canceller", "local"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_coroutine_may_drop_its_own_deferred_and_is_destroyed_at_its_next_wait) {
    Token token;
    bool resumed = false;
    int asked = 0;
    Deferred<> itself;
    auto body = [&resumed](Deferred<> wait, Deferred<>& own, Deferred<> next, std::shared_ptr<int> held) -> Deferred<> {
        co_await std::move(wait);
        own = Deferred<>();
        *held = 1;  // still here
        co_await std::move(next);
        resumed = true;
    };
    auto [gate, gate_promise] = make_deferred();
    auto [next, next_promise] = make_deferred([&] { ++asked; });
    itself = body(std::move(gate), itself, std::move(next), token.copy());
    gate_promise.callback();
    BOOST_TEST(asked == 1);
    BOOST_TEST(token.gone());
    BOOST_TEST(*token.copy() == 1);
    next_promise.callback();
    BOOST_TEST(!resumed);
}

BOOST_AUTO_TEST_CASE(a_coroutine_that_drops_its_own_deferred_may_also_just_finish) {
    Token token;
    Deferred<> itself;
    auto body = [](Deferred<> wait, Deferred<>& own, std::shared_ptr<int>) -> Deferred<> {
        co_await std::move(wait);
        own = Deferred<>();
    };
    auto [gate, gate_promise] = make_deferred();
    itself = body(std::move(gate), itself, token.copy()).add_callback([held = token.copy()] {});
    gate_promise.callback();
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_coroutine_dropped_by_a_parameter_of_the_one_it_awaited_is_not_resumed) {
    struct Dropper {
        Deferred<>* outer;
        explicit Dropper(Deferred<>* o) noexcept : outer(o) {}
        Dropper(Dropper&& other) noexcept : outer(std::exchange(other.outer, nullptr)) {}
        Dropper& operator=(Dropper&&) = delete;
        ~Dropper() {
            if (outer != nullptr) *outer = Deferred<>();
        }
    };
    bool resumed = false;
    Deferred<> outer;
    auto inner = [](Deferred<> wait, Dropper) -> Deferred<> { co_await std::move(wait); };
    auto body = [&resumed](Deferred<> wait) -> Deferred<> {
        co_await std::move(wait);
        resumed = true;
    };
    auto [gate, promise] = make_deferred();
    outer = body(inner(std::move(gate), Dropper(&outer)));
    promise.callback();
    BOOST_TEST(!resumed);
    BOOST_TEST(!outer.valid());
}

BOOST_AUTO_TEST_CASE(a_detached_coroutine_runs_to_its_end_and_is_freed) {
    Token token;
    auto body = [](Deferred<> wait, std::shared_ptr<int> done) -> Deferred<> {
        co_await std::move(wait);
        *done = 5;
    };
    auto [gate, promise] = make_deferred();
    body(std::move(gate), token.copy()).detach([](const Failure&) {});
    BOOST_TEST(!token.gone());
    promise.callback();
    BOOST_TEST(token.gone());
    BOOST_TEST(*token.copy() == 5);
}

BOOST_AUTO_TEST_CASE(a_broken_promise_is_thrown_at_the_await) {
    auto last = [] {
        auto [deferred, promise] = make_deferred<int>();
        return plus_one(std::move(deferred));
    }();
    BOOST_TEST(last.take().failure().check<BrokenPromise>() != nullptr);
}

BOOST_AUTO_TEST_CASE(a_resumed_coroutine_may_fire_another_one_that_fires_it_back) {
    auto a = make_deferred<int>();
    auto b = make_deferred<int>();
    auto c = make_deferred<int>();
    auto ping = [](Deferred<int> wait, Promise<int>& fire, Deferred<int> then) -> Deferred<int> {
        const int n = co_await std::move(wait);
        fire.callback(n + 1);
        co_return co_await std::move(then);
    };
    auto pong = [](Deferred<int> wait, Promise<int>& fire) -> Deferred<int> {
        const int n = co_await std::move(wait);
        fire.callback(n + 1);
        co_return n;
    };
    auto first = ping(std::move(a.deferred), b.promise, std::move(c.deferred));
    auto second = pong(std::move(b.deferred), c.promise);
    a.promise.callback(1);
    BOOST_TEST(second.take().value() == 2);
    BOOST_TEST(first.take().value() == 3);
}

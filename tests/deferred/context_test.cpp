#define BOOST_TEST_MODULE deferred_context
#include "plait/deferred/context.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/deferred/gather.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "support.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

const ContextKey<std::string> request{"request"};
const ContextKey<int> attempt{"attempt"};
const ContextKey<std::shared_ptr<int>> resource{"resource"};

std::string now() {
    return Context::current().fields();
}

/// Each test begins outside all contexts and must leave them so.
struct NoContext {
    NoContext() { BOOST_TEST(Context::current().empty()); }
    NoContext(const NoContext&) = delete;
    NoContext& operator=(const NoContext&) = delete;
    ~NoContext() { BOOST_TEST(Context::current().empty()); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(context, NoContext)

BOOST_AUTO_TEST_CASE(a_scope_makes_its_value_current_until_it_ends) {
    BOOST_TEST(request.get() == nullptr);
    {
        const ContextScope outer(request, "a");
        BOOST_TEST(*request.get() == "a");
        {
            const ContextScope inner(attempt, 2);
            BOOST_TEST(*request.get() == "a");
            BOOST_TEST(*attempt.get() == 2);
        }
        BOOST_TEST(attempt.get() == nullptr);
        BOOST_TEST(now() == "request=a");
    }
    BOOST_TEST(request.get() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_context_is_a_value_that_does_not_change) {
    const Context none;
    const Context one = none.with(request, "a");
    const Context two = one.with(attempt, 1).with(request, "b");
    BOOST_TEST(none.empty());
    BOOST_TEST(none.find(request) == nullptr);
    BOOST_TEST(*one.find(request) == "a");
    BOOST_TEST(*two.find(request) == "b");
    BOOST_TEST(*two.find(attempt) == 1);
}

BOOST_AUTO_TEST_CASE(fields_are_the_values_with_a_text_each_key_once_in_the_order_first_given) {
    const ContextKey<bool> flag{"flag"};
    const ContextKey<char> letter{"letter"};
    const Context all = Context()
                            .with(request, "a")
                            .with(resource, std::make_shared<int>(1))
                            .with(attempt, 1)
                            .with(flag, true)
                            .with(letter, 'x')
                            .with(request, "b");
    BOOST_TEST(all.fields() == "request=b attempt=1 flag=true letter=x");
    std::vector<std::string> names;
    all.for_each_field([&](std::string_view name, std::string_view) { names.emplace_back(name); });
    BOOST_TEST(names.size() == 4u);
}

BOOST_AUTO_TEST_CASE(a_callback_runs_in_the_context_in_which_it_was_added) {
    std::vector<std::string> seen;
    auto note = [&seen] { seen.push_back(now()); };
    auto [deferred, promise] = make_deferred();
    auto last = std::move(deferred).add_callback(note);
    {
        const ContextScope scope(request, "a");
        last = std::move(last).add_callback(note).add_callback(note);
    }
    last = std::move(last).add_callback(note);
    {
        const ContextScope scope(request, "b");
        last = std::move(last).add_both([&](const Result<>&) { note(); });
    }
    const ContextScope firer(request, "firer");
    promise.callback();
    const std::vector<std::string> expected{"", "request=a", "request=a", "", "request=b"};
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
    BOOST_TEST(now() == "request=firer");
}

BOOST_AUTO_TEST_CASE(a_callback_on_a_ready_deferred_runs_in_the_context_of_now) {
    std::string seen;
    const ContextScope scope(request, "a");
    succeed().add_callback([&] { seen = now(); }).detach([](const Failure&) {});
    BOOST_TEST(seen == "request=a");
}

BOOST_AUTO_TEST_CASE(a_chain_goes_on_in_its_own_contexts_after_a_deferred_it_waited_for) {
    std::vector<std::string> seen;
    auto note = [&seen] { seen.push_back(now()); };
    auto [inner, inner_promise] = make_deferred();
    auto [outer, outer_promise] = make_deferred();
    std::optional<ContextScope> scope;
    scope.emplace(request, "inner");
    auto inner_last = std::move(inner).add_callback(note);
    scope.reset();
    scope.emplace(request, "outer");
    auto last = std::move(outer)
                    .add_callback([&] {
                        note();
                        return std::move(inner_last);
                    })
                    .add_callback(note);
    scope.reset();
    last = std::move(last).add_callback(note);
    outer_promise.callback();
    BOOST_TEST(now() == "");
    inner_promise.callback();
    const std::vector<std::string> expected{"request=outer", "request=inner", "request=outer", ""};
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_firer_keeps_its_context_when_callbacks_throw_or_drop_the_chain) {
    Deferred<> kept;
    auto [first, first_promise] = make_deferred();
    auto [second, second_promise] = make_deferred();
    {
        const ContextScope scope(request, "a");
        kept = std::move(first).add_callback([&] { kept = Deferred<>(); }).add_callback([] {});
        second =
            std::move(second).add_callback([] { throw std::runtime_error("x"); }).add_errback([](const Failure&) {});
    }
    const ContextScope scope(request, "firer");
    first_promise.callback();
    BOOST_TEST(now() == "request=firer");
    second_promise.callback();
    BOOST_TEST(now() == "request=firer");
}

BOOST_AUTO_TEST_CASE(a_scope_opened_in_a_callback_is_not_seen_by_the_next_one) {
    std::string seen = "unset";
    auto [deferred, promise] = make_deferred();
    auto last = std::move(deferred).add_callback([] { const ContextScope scope(request, "inside"); }).add_callback([&] {
        seen = now();
    });
    promise.callback();
    BOOST_TEST(seen == "");
}

BOOST_AUTO_TEST_CASE(a_dropped_or_finished_chain_lets_go_of_its_contexts) {
    Token token;
    auto [dropped, dropped_promise] = make_deferred();
    auto [finished, finished_promise] = make_deferred();
    auto [cancelled, cancelled_promise] = make_deferred();
    {
        const ContextScope scope(resource, token.copy());
        dropped = std::move(dropped).add_callback([] {}).add_callback([] {});
        finished = std::move(finished).add_callback([] {}).add_callback([] {});
        cancelled = std::move(cancelled).add_callback([] {});
    }
    BOOST_TEST(!token.gone());
    dropped = Deferred<>();
    BOOST_TEST(!token.gone());
    finished_promise.callback();
    BOOST_TEST(!token.gone());
    cancelled.cancel();
    BOOST_TEST(token.gone());
}

// Coroutines ---------------------------------------------------------------------------------------------------------

namespace {

Deferred<> watch(std::vector<std::string>& seen, Deferred<>& first, Deferred<>& second) {
    seen.push_back(now());
    const ContextScope scope(attempt, 1);
    seen.push_back(now());
    co_await std::move(first);
    seen.push_back(now());
    {
        const ContextScope inner(attempt, 2);
        co_await std::move(second);
        seen.push_back(now());
    }
    seen.push_back(now());
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_coroutine_keeps_its_context_and_its_scopes_over_each_wait) {
    std::vector<std::string> seen;
    auto first = make_deferred();
    auto second = make_deferred();
    Deferred<> body;
    {
        const ContextScope scope(request, "a");
        body = watch(seen, first.deferred, second.deferred);
        BOOST_TEST(now() == "request=a");
    }
    BOOST_TEST(now() == "");
    {
        const ContextScope firer(request, "firer");
        first.promise.callback();
        BOOST_TEST(now() == "request=firer");
    }
    second.promise.callback();
    BOOST_TEST(now() == "");
    BOOST_TEST(body.ready());
    const std::vector<std::string> expected{"request=a", "request=a attempt=1", "request=a attempt=1",
                                            "request=a attempt=2", "request=a attempt=1"};
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_coroutine_outside_any_context_stays_outside_whoever_resumes_it) {
    std::vector<std::string> seen;
    auto first = make_deferred();
    auto second = make_deferred();
    auto body = watch(seen, first.deferred, second.deferred);
    const ContextScope firer(request, "firer");
    first.promise.callback();
    second.promise.callback();
    const std::vector<std::string> expected{"", "attempt=1", "attempt=1", "attempt=2", "attempt=1"};
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
    BOOST_TEST(now() == "request=firer");
}

BOOST_AUTO_TEST_CASE(dropping_a_suspended_coroutine_leaves_the_droppers_context_and_lets_go_of_its_own) {
    Token token;
    std::vector<std::string> seen;
    auto first = make_deferred();
    auto second = make_deferred();
    std::optional<Deferred<>> body;
    {
        const ContextScope scope(resource, token.copy());
        body = watch(seen, first.deferred, second.deferred);
    }
    BOOST_TEST(!token.gone());
    {
        const ContextScope dropper(request, "dropper");
        body.reset();
        BOOST_TEST(now() == "request=dropper");
    }
    BOOST_TEST(token.gone());
}

namespace {

/// Notes in which context it is destroyed.
struct Last {
    std::string& seen;
    explicit Last(std::string& where) : seen(where) {}
    Last(const Last&) = delete;
    Last& operator=(const Last&) = delete;
    ~Last() { seen = now(); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(locals_of_a_dropped_coroutine_are_destroyed_in_its_context) {
    std::string seen = "unset";
    auto body = [](std::string& where, Deferred<>& wait) -> Deferred<> {
        const ContextScope scope(request, "own");
        const Last last(where);
        co_await std::move(wait);
    };
    auto wait = make_deferred();
    {
        auto dropped = body(seen, wait.deferred);
    }
    BOOST_TEST(seen == "request=own");
}

BOOST_AUTO_TEST_CASE(parameters_of_a_finished_coroutine_are_destroyed_in_the_context_it_was_called_in) {
    std::string seen = "unset";
    auto wait = make_deferred();
    auto body = [](std::unique_ptr<Last>, Deferred<>& d) -> Deferred<> { co_await std::move(d); };
    Deferred<> running;
    {
        const ContextScope scope(request, "caller");
        running = body(std::make_unique<Last>(seen), wait.deferred);
    }
    const ContextScope scope(request, "firer");
    wait.promise.callback();
    running = Deferred<>();
    BOOST_TEST(seen == "request=caller");
    BOOST_TEST(now() == "request=firer");
}

BOOST_AUTO_TEST_CASE(a_coroutine_that_throws_or_is_cancelled_leaves_no_context_behind) {
    auto wait = make_deferred();
    auto body = [](Deferred<>& d) -> Deferred<> {
        const ContextScope scope(request, "own");
        co_await std::move(d);
    };
    auto failing = body(wait.deferred);
    const ContextScope scope(request, "here");
    failing.cancel();
    BOOST_TEST(now() == "request=here");
    BOOST_TEST(failing.take().failure().check<Cancelled>() != nullptr);
    auto thrown = [](int) -> Deferred<> {
        const ContextScope inner(request, "inner");
        co_await succeed();
        throw std::runtime_error("x");
    }(1);
    BOOST_TEST(now() == "request=here");
    BOOST_TEST(!thrown.take().has_value());
}

BOOST_AUTO_TEST_CASE(coroutines_of_two_requests_do_not_mix_their_contexts) {
    std::vector<std::string> seen;
    std::vector<Promise<>> promises(6);
    auto body = [](std::vector<std::string>& all, std::vector<Promise<>>& waits, int who) -> Deferred<> {
        const ContextScope scope(attempt, who);
        for (int i = 0; i < 3; ++i) {
            auto pair = make_deferred();
            waits[static_cast<std::size_t>(who * 3 + i)] = std::move(pair.promise);
            co_await std::move(pair.deferred);
            all.push_back(std::to_string(who) + " " + now());
        }
    };
    auto a = body(seen, promises, 0);
    auto b = body(seen, promises, 1);
    for (std::size_t i = 0; i < 3; ++i) {
        promises[i].callback();
        promises[3 + i].callback();
    }
    BOOST_TEST(seen.size() == 6u);
    for (const std::string& line : seen)
        BOOST_TEST((line == "0 attempt=0" || line == "1 attempt=1"));
}

BOOST_AUTO_TEST_CASE(what_waits_for_a_coroutine_runs_in_its_own_context_not_in_the_coroutines) {
    std::string seen = "unset";
    auto wait = make_deferred();
    auto body = [](Deferred<>& d) -> Deferred<> {
        const ContextScope scope(request, "coroutine");
        co_await std::move(d);
    };
    auto last = body(wait.deferred).add_callback([&] { seen = now(); });
    wait.promise.callback();
    BOOST_TEST(seen == "");
}

// Clocks, threads, whatever ------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_delayed_call_runs_in_the_context_of_whoever_asked_for_it) {
    plait::testing::ManualClock clock;
    std::vector<std::string> seen;
    auto note = [&seen] { seen.push_back(now()); };
    {
        const ContextScope scope(request, "a");
        clock.call_later(1s, note).detach();
    }
    clock.call_later(2s, note).detach();
    const ContextScope scope(request, "advancing");
    clock.advance(3s);
    const std::vector<std::string> expected{"request=a", ""};
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
    BOOST_TEST(now() == "request=advancing");
}

BOOST_AUTO_TEST_CASE(a_cancelled_delayed_call_lets_go_of_its_context) {
    plait::testing::ManualClock clock;
    Token token;
    DelayedCall call;
    {
        const ContextScope scope(resource, token.copy());
        call = clock.call_later(1s, [] {});
    }
    BOOST_TEST(!token.gone());
    call.cancel();
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(calls_that_set_each_other_in_ever_new_scopes_do_not_grow_their_context) {
    plait::testing::ManualClock clock;
    Token token;
    struct Again {
        plait::testing::ManualClock& clock;
        Token& token;
        int left;
        void operator()() const {
            const ContextScope scope(attempt, left);
            const ContextScope held(resource, token.copy());
            if (left > 0) clock.call_later(1s, Again{clock, token, left - 1}).detach();
        }
    };
    Again{clock, token, 1000}();
    for (int i = 0; i < 1000; ++i)
        clock.advance(1s);
    BOOST_TEST(token.gone());
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(carry_context_takes_a_function_anywhere_even_to_another_thread) {
    std::string seen;
    UniqueFunction<void()> carried;
    {
        const ContextScope scope(request, "a");
        carried = carry_context([&] { seen = now(); });
    }
    std::string other = "unset";
    std::thread thread([&] {
        carried();
        carried.reset();
        other = now();
    });
    thread.join();
    BOOST_TEST(seen == "request=a");
    BOOST_TEST(other == "");
}

BOOST_AUTO_TEST_CASE(the_parts_of_a_gather_run_in_their_own_contexts_and_the_whole_in_its_own) {
    std::vector<std::string> seen;
    auto part = [&](const char* name, Deferred<> d) {
        const ContextScope scope(request, name);
        return std::move(d).add_callback([&] { seen.push_back(now()); });
    };
    auto a = make_deferred();
    auto b = make_deferred();
    std::vector<Deferred<>> parts;
    parts.push_back(part("a", std::move(a.deferred)));
    parts.push_back(part("b", std::move(b.deferred)));
    std::optional<ContextScope> scope;
    scope.emplace(request, "whole");
    auto whole = gather(std::move(parts)).add_callback([&](const std::vector<Unit>&) { seen.push_back(now()); });
    scope.reset();
    b.promise.callback();
    a.promise.callback();
    const std::vector<std::string> expected{"request=b", "request=a", "request=whole"};
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

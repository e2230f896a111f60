#define BOOST_TEST_MODULE deferred_trace
#include "plait/deferred/trace.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/gather.hpp"
#include "support.hpp"

using namespace plait;

namespace {

using Kind = PendingChain::Kind;
using State = PendingChain::State;

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::size_t lines(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// Each test begins and must end with nothing recorded, and with tracing off.
struct NothingPending {
    NothingPending() { BOOST_TEST(pending().empty()); }
    NothingPending(const NothingPending&) = delete;
    NothingPending& operator=(const NothingPending&) = delete;
    ~NothingPending() {
        BOOST_TEST(pending().empty());
        BOOST_TEST(!tracing());
    }
};

Deferred<int> await_it(Deferred<int>& deferred) {
    co_return co_await std::move(deferred);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(trace, NothingPending)

BOOST_AUTO_TEST_CASE(nothing_is_recorded_while_it_is_off) {
    auto [deferred, promise] = make_deferred<int>();
    auto named = std::move(deferred).named("not heard");
    BOOST_TEST(pending().empty());
    BOOST_TEST(contains(dump_pending(), "0 chains pending (tracing is off)"));
}

BOOST_AUTO_TEST_CASE(a_pending_chain_says_its_name_where_it_was_made_how_old_it_is_and_how_many_callbacks_wait) {
    const Tracing on;
    const unsigned line = __LINE__ + 1;
    auto [deferred, promise] = make_deferred<int>();
    auto last =
        std::move(deferred).add_callback([](int n) { return n; }).named("reading /config").add_callback([](int) {});
    const auto all = pending();
    BOOST_REQUIRE(all.size() == 1u);
    BOOST_TEST(all[0].name == "reading /config");
    BOOST_TEST(all[0].made.line() == line);
    BOOST_TEST((all[0].kind == Kind::promise));
    BOOST_TEST((all[0].state == State::waiting));
    BOOST_TEST(all[0].callbacks == 2u);
    BOOST_TEST(all[0].age.has_value());
    BOOST_TEST(all[0].age->count() >= 0);
    BOOST_TEST(all[0].waits_for == 0u);
    const std::string text = dump_pending();
    BOOST_TEST(contains(text, "1 chain pending\n\"reading /config\", a Deferred made at "));
    BOOST_TEST(contains(text, "trace_test.cpp:" + std::to_string(line)));
    BOOST_TEST(contains(text, "2 callbacks; not fired\n"));
}

BOOST_AUTO_TEST_CASE(names_are_taken_from_ready_deferreds_too_and_forgotten) {
    const Tracing on;
    BOOST_TEST(succeed(1).named("ready").take().value() == 1);
}

BOOST_AUTO_TEST_CASE(a_chain_that_waits_for_another_is_its_parent_in_the_tree) {
    const Tracing on;
    auto inner = make_deferred<int>();
    auto outer = make_deferred<int>();
    auto named = std::move(inner.deferred).named("inner");
    auto last = std::move(outer.deferred)
                    .named("outer")
                    .add_callback([&](int) { return std::move(named); })
                    .add_callback([](int n) { return n; });
    outer.promise.callback(1);
    const auto all = pending();
    BOOST_REQUIRE(all.size() == 2u);
    BOOST_TEST(all[0].name == "inner");
    BOOST_TEST(all[1].name == "outer");
    BOOST_TEST(all[1].waits_for == all[0].id);
    const std::string text = dump_pending();
    const auto at = text.find("\n\"outer\"");
    BOOST_TEST(at != std::string::npos);
    BOOST_TEST(text.find("\n  \"inner\"", at) != std::string::npos);
    inner.promise.callback(2);
    BOOST_TEST(last.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(a_coroutine_says_at_which_co_await_it_is) {
    const Tracing on;
    auto [deferred, promise] = make_deferred<int>();
    auto last = await_it(deferred).named("body");
    const auto all = pending();
    BOOST_REQUIRE(all.size() == 2u);
    const PendingChain& body = all[1];
    BOOST_TEST(body.name == "body");
    BOOST_TEST((body.kind == Kind::coroutine));
    BOOST_REQUIRE(body.awaits_at.has_value());
    BOOST_TEST(contains(body.awaits_at->function_name(), "await_it"));
    BOOST_TEST(body.waits_for == all[0].id);
    BOOST_TEST(contains(dump_pending(), "at the co_await "));
    promise.callback(1);
    BOOST_TEST(last.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(the_parts_of_a_gather_are_its_children) {
    const Tracing on;
    auto a = make_deferred<int>();
    auto b = make_deferred<int>();
    std::vector<Deferred<int>> parts;
    parts.push_back(std::move(a.deferred).named("a"));
    parts.push_back(std::move(b.deferred).named("b"));
    auto whole = gather(std::move(parts)).named("both");
    const auto all = pending();
    BOOST_REQUIRE(all.size() == 3u);
    BOOST_TEST(all[0].part_of == all[2].id);
    BOOST_TEST(all[1].part_of == all[2].id);
    const std::string text = dump_pending();
    BOOST_TEST(contains(text, "\n\"both\""));
    BOOST_TEST(contains(text, "\n  \"a\""));
    BOOST_TEST(contains(text, "\n  \"b\""));
    a.promise.callback(1);
    b.promise.callback(2);
    BOOST_TEST(whole.take().value().size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_result_that_nobody_took_is_told_and_a_failure_with_its_way) {
    const Tracing on;
    auto value = make_deferred<int>();
    auto failed = make_deferred<int>();
    value.promise.callback(1);
    auto last = std::move(failed.deferred).add_callback([](int n) { return n; });
    failed.promise.errback(std::runtime_error("lost"));
    const auto all = pending();
    BOOST_REQUIRE(all.size() == 2u);
    BOOST_TEST((all[0].state == State::ready));
    BOOST_TEST((all[1].state == State::failed));
    BOOST_TEST(contains(all[1].failure, "std::runtime_error: lost\n"));
    BOOST_TEST(contains(all[1].failure, "skipped what was added at"));
    BOOST_TEST(contains(dump_pending(), "its result was not taken"));
    BOOST_TEST(contains(dump_pending(), "failed, and nobody took it: std::runtime_error: lost\n"));
    BOOST_TEST(value.deferred.take().value() == 1);
    BOOST_TEST(pending().size() == 1u);
    BOOST_TEST(!last.take().has_value());
}

BOOST_AUTO_TEST_CASE(a_paused_chain_and_one_that_runs_say_so) {
    const Tracing on;
    std::string seen;
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).add_callback([&](int n) {
        seen = dump_pending();
        return n;
    });
    Pause pause = last.pause();
    promise.callback(1);
    BOOST_REQUIRE(pending().size() == 1u);
    BOOST_TEST((pending()[0].state == State::paused));
    pause.unpause();
    BOOST_TEST(contains(seen, "; running\n"));
    BOOST_TEST(last.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(a_detached_chain_is_listed_until_it_ends) {
    const Tracing on;
    auto [deferred, promise] = make_deferred<int>();
    std::move(deferred).named("on its own").detach([](const Failure&) {});
    BOOST_TEST(contains(dump_pending(), "on its own"));
    promise.callback(1);
    BOOST_TEST(pending().empty());
}

BOOST_AUTO_TEST_CASE(what_is_dropped_or_cancelled_is_no_longer_listed_though_its_promise_lives) {
    const Tracing on;
    auto dropped = make_deferred<int>();
    auto cancelled = make_deferred<int>();
    dropped.deferred = Deferred<int>();
    cancelled.deferred.cancel();
    BOOST_TEST(!cancelled.deferred.take().has_value());
    BOOST_TEST(pending().empty());
}

BOOST_AUTO_TEST_CASE(a_chain_may_be_dropped_or_cancelled_in_its_own_callback) {
    const Tracing on;
    std::optional<Deferred<int>> kept;
    auto first = make_deferred<int>();
    kept = std::move(first.deferred).add_callback([&](int n) {
        kept.reset();
        BOOST_TEST(pending().empty());
        return n;
    });
    first.promise.callback(1);
    auto second = make_deferred<int>();
    auto next = make_deferred<int>();
    kept = std::move(second.deferred).add_callback([&](int) {
        kept->cancel();
        BOOST_TEST(!dump_pending().empty());
        return std::move(next.deferred);
    });
    second.promise.callback(1);
    BOOST_TEST(!kept->take().has_value());
}

BOOST_AUTO_TEST_CASE(tracing_turned_on_late_sees_what_recorded_chains_wait_for) {
    const unsigned line = __LINE__ + 1;
    auto inner = make_deferred<int>();
    auto on = std::make_unique<Tracing>();
    auto last = await_it(inner.deferred);
    const auto all = pending();
    BOOST_REQUIRE(all.size() == 2u);
    BOOST_TEST(!all[1].age.has_value());
    BOOST_TEST(all[1].made.line() == line);
    BOOST_TEST(all[0].waits_for == all[1].id);
    on.reset();
    BOOST_TEST(pending().size() == 2u);
    auto after = make_deferred<int>();
    BOOST_TEST(pending().size() == 2u);
    BOOST_TEST(contains(dump_pending(), "2 chains pending (tracing is off)\n"));
    inner.promise.callback(1);
    BOOST_TEST(last.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(chains_of_other_threads_are_theirs_to_list) {
    const Tracing on;
    auto here = make_deferred<int>();
    std::size_t there = 99;
    std::thread thread([&] {
        auto other = make_deferred<int>();
        there = pending().size();
    });
    thread.join();
    BOOST_TEST(there == 1u);
    BOOST_TEST(pending().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_line_of_many_waits_is_shown_in_few_lines_and_takes_constant_stack) {
#if defined(__SANITIZE_ADDRESS__)
    constexpr int many = 150'000;
#else
    constexpr int many = 1'000'000;
#endif
    const Tracing on;
    auto [deferred, promise] = make_deferred<int>();
    Deferred<int> last = std::move(deferred);
    for (int i = 0; i < many; ++i) {
        auto outer = make_deferred<int>();
        auto next = std::move(outer.deferred)
                        .add_callback([inner = std::move(last)](int) mutable { return std::move(inner); })
                        .add_callback([](int n) { return n + 1; });
        outer.promise.callback(0);
        last = std::move(next);
    }
    const std::string text = dump_pending();
    BOOST_TEST(lines(text) < 30u);
    BOOST_TEST(contains(text, "100000 chains pending; "));
    BOOST_TEST(contains(text, " could not be recorded"));
    BOOST_TEST(contains(text, " between\n"));
    promise.callback(0);
    BOOST_TEST(last.take().value() == many);
}

BOOST_AUTO_TEST_CASE(a_dump_has_no_more_lines_than_asked_for) {
    const Tracing on;
    std::vector<DeferredPair<int>> many;
    for (int i = 0; i < 100; ++i)
        many.push_back(make_deferred<int>());
    const std::string text = dump_pending(10);
    BOOST_TEST(lines(text) == 12u);
    BOOST_TEST(contains(text, "100 chains pending\n"));
    BOOST_TEST(text.ends_with("... and 90 more\n"));
}

BOOST_AUTO_TEST_CASE(chains_that_wait_for_each_other_are_shown_too) {
    const Tracing on;
    auto part = make_deferred<int>();
    Deferred<std::vector<int>> whole;
    std::vector<Deferred<int>> parts;
    auto gate = make_deferred<int>();
    parts.push_back(std::move(gate.deferred).named("part").add_callback([&](int) {
        return std::move(whole).add_callback([](const std::vector<int>&) { return 1; });
    }));
    auto breaks = make_deferred<int>();
    parts.push_back(std::move(breaks.deferred));
    whole = gather(std::move(parts)).named("whole");
    gate.promise.callback(1);
    const std::string text = dump_pending();
    BOOST_TEST(contains(text, "\"part\""));
    BOOST_TEST(contains(text, "\"whole\""));
    BOOST_TEST(!contains(text, "more\n"));
    breaks.promise.errback(std::runtime_error("the circle ends"));
}

BOOST_AUTO_TEST_CASE(long_names_are_cut) {
    const Tracing on;
    auto [deferred, promise] = make_deferred<int>();
    auto named = std::move(deferred).named(std::string(10'000, 'x'));
    BOOST_TEST(pending()[0].name.size() == 200u);
    BOOST_TEST(dump_pending().size() < 1000u);
}

// describe() and the acceptance cases of Twisted's repr
// ----------------------------------------------------------------

BOOST_AUTO_TEST_CASE(describe_tells_where_a_deferred_was_made_and_how_much_waits) {
    auto [deferred, promise] = make_deferred<int>();
    BOOST_TEST(describe(deferred).starts_with("a Deferred made at "));
    BOOST_TEST(contains(describe(deferred), "trace_test.cpp:"));
    BOOST_TEST(describe(deferred).ends_with("; no result yet"));
    auto last = std::move(deferred).add_callback([](int n) { return n; });
    BOOST_TEST(describe(last).ends_with(", 1 callback; no result yet"));
    BOOST_TEST(describe(deferred) == "an empty Deferred");
}

BOOST_AUTO_TEST_CASE(describe_shows_the_result) {
    auto [deferred, promise] = make_deferred<int>();
    promise.callback(42);
    BOOST_TEST(describe(deferred).ends_with("; has the value 42"));
    BOOST_TEST(describe(succeed(true)) == "a Deferred; has the value true");
    BOOST_TEST(describe(succeed()) == "a Deferred; has its result");
    BOOST_TEST(describe(succeed(std::string(100, 'x'))) ==
               "a Deferred; has the value \"" + std::string(60, 'x') + "...\"");
    BOOST_TEST(contains(describe(succeed(std::make_unique<int>(1))), "; has a std::unique_ptr<int"));
    auto failed = fail<int>(std::runtime_error("lost"));
    BOOST_TEST(describe(failed) == "a Deferred; failed with std::runtime_error: lost");
    BOOST_TEST(!failed.take().has_value());
}

BOOST_AUTO_TEST_CASE(describe_shows_what_a_deferred_waits_for) {
    auto inner = make_deferred<int>();
    auto outer = make_deferred<int>();
    auto last =
        std::move(outer.deferred).add_callback([&](int) { return std::move(inner.deferred); }).add_callback([](int n) {
            return n;
        });
    outer.promise.callback(1);
    const std::string text = describe(last);
    BOOST_TEST(contains(text, "; waits for a Deferred made at "));
    const Tracing on;
    auto other = make_deferred<int>();
    auto named = std::move(other.deferred).named("the other");
    auto body = await_it(named);
    BOOST_TEST(contains(describe(body), "; waits at the co_await "));
    BOOST_TEST(contains(describe(body), " for \"the other\", a Deferred made at "));
}

// Mistakes, with tracing on -----------------------------------------------------------------------------------------

namespace {

using Fire = void (*)(Promise<int>&);
void with_value(Promise<int>& promise) {
    promise.callback(1);
}
void with_failure(Promise<int>& promise) {
    promise.errback(std::runtime_error("x"));
}

std::string message_of_second(Promise<int>& promise, Fire again) {
    try {
        again(promise);
    } catch (const AlreadyFired& error) {
        return error.what();
    }
    return "nothing was thrown";
}

void check_already_fired(Fire first, Fire second) {
    const Tracing on;
    const std::string made = "trace_test.cpp:" + std::to_string(__LINE__ + 1) + " in ";
    auto [deferred, promise] = make_deferred<int>();
    auto named = std::move(deferred).named("the chain");
    first(promise);
    std::ignore = named.take();
    const std::string text = message_of_second(promise, second);
    BOOST_TEST(contains(text, "already been fired"));
    BOOST_TEST(contains(text, "It is \"the chain\", and was made at "));
    BOOST_TEST(contains(text, made));
    const auto at = text.find("It was fired again at ");
    const auto before = text.find("The first time was at ");
    BOOST_TEST(at < before);
    BOOST_TEST(contains(text.substr(at, before - at), second == &with_value ? "with_value" : "with_failure"));
    BOOST_TEST(contains(text.substr(before), first == &with_value ? "with_value" : "with_failure"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_value_after_a_value_names_both_places) {
    check_already_fired(with_value, with_value);
}

BOOST_AUTO_TEST_CASE(a_failure_after_a_value_names_both_places) {
    check_already_fired(with_value, with_failure);
}

BOOST_AUTO_TEST_CASE(a_value_after_a_failure_names_both_places) {
    check_already_fired(with_failure, with_value);
}

BOOST_AUTO_TEST_CASE(a_failure_after_a_failure_names_both_places) {
    check_already_fired(with_failure, with_failure);
}

BOOST_AUTO_TEST_CASE(a_moved_promise_remembers_where_it_was_fired_and_one_made_anew_does_not) {
    const Tracing on;
    auto [deferred, promise] = make_deferred<int>();
    promise.callback(1);
    Promise<int> moved = std::move(promise);
    BOOST_TEST(contains(message_of_second(moved, with_value), "The first time was at "));
    BOOST_CHECK_THROW(promise.callback(2), InvalidState);
    BOOST_TEST(deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(a_promise_that_its_canceller_has_answered_says_where) {
    const Tracing on;
    auto [deferred, promise] = make_deferred<int>([](Promise<int>& answer) { answer.callback(1); });
    deferred.cancel();
    BOOST_TEST(contains(message_of_second(promise, with_value), "The first time was at "));
    BOOST_TEST(deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(with_tracing_off_the_second_time_is_told_and_the_first_is_not_known) {
    auto [deferred, promise] = make_deferred<int>();
    promise.callback(1);
    const std::string text = message_of_second(promise, with_value);
    BOOST_TEST(contains(text, "It was fired again at "));
    BOOST_TEST(!contains(text, "The first time"));
    BOOST_TEST(deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(a_moved_from_deferred_that_is_used_says_where_what_it_held_was_made) {
    const Tracing on;
    const std::string made = "trace_test.cpp:" + std::to_string(__LINE__ + 1) + " in ";
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).named("the chain").add_callback([](int n) { return n; });
    auto message = [](auto&& use) -> std::string {
        try {
            use();
        } catch (const InvalidState& error) {
            return error.what();
        }
        return "nothing was thrown";
    };
    auto& empty = deferred;
    for (const std::string& text : {message([&] { std::ignore = empty.take(); }), message([&] { empty.cancel(); }),
                                    message([&] { std::ignore = empty.pause(); }),
                                    message([&] { std::ignore = std::move(empty).add_callback([](int) {}); })}) {
        BOOST_TEST(text.starts_with("An empty Deferred was "));
        BOOST_TEST(contains(text, " If what it held still waits, that is \"the chain\", and was made at "));
        BOOST_TEST(contains(text, made));
    }
    BOOST_TEST(!contains(message([] { Deferred<int>().cancel(); }), "made at"));
    promise.callback(1);
    BOOST_TEST(last.take().value() == 1);
    BOOST_TEST(!contains(message([&] { empty.cancel(); }), "made at"));
}

BOOST_AUTO_TEST_CASE(only_the_last_firings_are_remembered) {
    const Tracing on;
    auto [deferred, promise] = make_deferred<int>();
    promise.callback(1);
    for (int i = 0; i < 2000; ++i) {
        auto other = make_deferred<int>();
        other.promise.callback(i);
        BOOST_TEST(other.deferred.take().value() == i);
    }
    BOOST_TEST(!contains(message_of_second(promise, with_value), "The first time"));
    BOOST_TEST(deferred.take().value() == 1);
}

BOOST_AUTO_TEST_SUITE_END()

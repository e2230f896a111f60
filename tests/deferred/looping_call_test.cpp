// LoopingCall: beats on the grid, counts, ends. Cases named after Twisted's keep their numbers.
#define BOOST_TEST_MODULE deferred_looping_call
#include "plait/deferred/looping_call.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "late_clock.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "support.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

using Times = std::vector<Duration>;
using Counts = std::vector<std::uint64_t>;

/// Notes when it is called.
struct Noting {
    Clock& clock;
    Times& at;
    void operator()() const { at.push_back(clock.now().time_since_epoch()); }
};

template <typename E>
void expect_failure(Deferred<>& deferred) {
    BOOST_REQUIRE(deferred.ready());
    BOOST_CHECK_THROW(deferred.take().value(), E);
}

void expect_fired(Deferred<>& deferred) {
    BOOST_REQUIRE(deferred.ready());
    BOOST_TEST(deferred.take().has_value());
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_calls_at_once_and_then_at_each_interval_until_stopped) {
    ManualClock clock;
    Times at;
    LoopingCall loop(clock, Noting{clock, at});
    BOOST_TEST(!loop.running());
    Deferred<> ended = loop.start(10s);
    BOOST_TEST(loop.running());
    BOOST_TEST(at.size() == 1u);
    clock.advance(25s);
    BOOST_TEST((at == Times{0s, 10s, 20s}));
    BOOST_TEST(!ended.ready());
    loop.stop();
    expect_fired(ended);
    BOOST_TEST(!loop.running());
    BOOST_TEST(clock.pending_calls() == 0u);
    clock.advance(1h);
    BOOST_TEST(at.size() == 3u);
}

BOOST_AUTO_TEST_CASE(without_now_the_first_call_is_an_interval_later) {
    ManualClock clock;
    Times at;
    LoopingCall loop(clock, Noting{clock, at});
    Deferred<> ended = loop.start(10s, false);
    BOOST_TEST(at.empty());
    clock.advance(10s);
    BOOST_TEST((at == Times{10s}));
}

BOOST_AUTO_TEST_CASE(callback_time_skips) {
    ManualClock clock;
    Times at;
    std::vector<Duration> takes{2s, 1s, 0s};
    LoopingCall loop(clock, [&] {
        Noting{clock, at}();
        clock.advance(takes.at(at.size() - 1));
    });
    Deferred<> ended = loop.start(500ms);
    clock.advance(2s);
    BOOST_TEST((at == Times{0s, 2500ms, 4s}));
}

BOOST_AUTO_TEST_CASE(reactor_time_skips) {
    LateClock clock;
    Times at;
    LoopingCall loop(clock, Noting{clock, at});
    Deferred<> ended = loop.start(500ms);
    clock.jump(2s);
    BOOST_TEST((at == Times{0s, 2s}));
    clock.jump(0s);
    BOOST_TEST(at.size() == 2u);
    clock.jump(600ms);
    BOOST_TEST((at == Times{0s, 2s, 2600ms}));
    clock.jump(300ms);  // not the beat at 2.5, but not yet the one at 3, either
    BOOST_TEST(at.size() == 3u);
    clock.jump(100ms);
    BOOST_TEST((at == Times{0s, 2s, 2600ms, 3s}));
}

BOOST_AUTO_TEST_CASE(reactor_time_count_skips) {
    LateClock clock;
    Counts counts;
    LoopingCall loop = LoopingCall::with_count(clock, [&](std::uint64_t count) { counts.push_back(count); });
    Deferred<> ended = loop.start(500ms);
    clock.jump(500ms);
    clock.jump(1500ms);
    BOOST_TEST(counts == (Counts{1, 1, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(counts_without_now_begin_with_the_first_beat) {
    LateClock clock;
    Counts counts;
    LoopingCall loop = LoopingCall::with_count(clock, [&](std::uint64_t count) { counts.push_back(count); });
    Deferred<> ended = loop.start(1s, false);
    clock.jump(1s);
    clock.jump(10s);
    BOOST_TEST(counts == (Counts{1, 10}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(with_count_interval_zero) {
    ManualClock clock;
    Counts counts;
    std::optional<LoopingCall> loop;
    loop = LoopingCall::with_count(clock, [&](std::uint64_t count) {
        counts.push_back(count);
        if (counts.size() > 4) loop->stop();
    });
    Deferred<> ended = loop->start(0s, false);
    clock.advance(0s);
    expect_fired(ended);
    BOOST_TEST(counts == (Counts{1, 1, 1, 1, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(with_count_interval_zero_delay) {
    ManualClock clock;
    Counts counts;
    auto gate = make_deferred();
    std::optional<LoopingCall> loop;
    loop = LoopingCall::with_count(clock, [&](std::uint64_t count) {
        counts.push_back(count);
        if (counts.size() > 4) loop->stop();
        return counts.size() == 2 ? std::move(gate.deferred) : succeed();
    });
    Deferred<> ended = loop->start(0s, false);
    clock.advance(0s);
    clock.advance(2s);
    BOOST_TEST(counts == (Counts{1, 1}), boost::test_tools::per_element());
    gate.promise.callback();
    clock.advance(0s);
    BOOST_TEST(counts == (Counts{1, 1, 1, 1, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(with_count_interval_zero_delay_then_non_zero_interval) {
    LateClock clock;
    Counts counts;
    auto gate = make_deferred();
    LoopingCall loop = LoopingCall::with_count(clock, [&](std::uint64_t count) {
        counts.push_back(count);
        return counts.size() == 2 ? std::move(gate.deferred) : succeed();
    });
    Deferred<> ended = loop.start(0s, false);
    clock.jump(10s);
    clock.jump(0s);
    BOOST_TEST(counts == (Counts{1, 1}), boost::test_tools::per_element());
    loop.set_interval(2s);
    gate.promise.callback();
    clock.jump(7s);
    BOOST_TEST(counts == (Counts{1, 1, 3}), boost::test_tools::per_element());
    clock.jump(2s);
    BOOST_TEST(counts == (Counts{1, 1, 3, 1}), boost::test_tools::per_element());
    clock.jump(4s);
    BOOST_TEST(counts == (Counts{1, 1, 3, 1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_interval_of_zero_is_one_call_a_turn) {
    LateClock clock;
    Times at;
    LoopingCall loop(clock, Noting{clock, at});
    Deferred<> ended = loop.start(0s);
    for (std::size_t turn = 1; turn < 5; ++turn) {
        BOOST_TEST(at.size() == turn);
        clock.jump(0s);
    }
}

BOOST_AUTO_TEST_CASE(beats_stay_on_the_grid_to_the_nanosecond) {
    LateClock clock;
    Times at;
    LoopingCall loop(clock, Noting{clock, at});
    clock.jump(123456789ns);
    const Duration third = 333333333ns;
    Deferred<> ended = loop.start(third);
    for (int i = 1; i <= 1000; ++i) {
        const auto calls = at.size();
        clock.jump(third - 1ns);
        BOOST_REQUIRE(at.size() == calls);
        clock.jump(1ns);
        BOOST_REQUIRE(at.size() == calls + 1);
    }
    clock.jump(24h * 365 * 100);
    const auto calls = at.size();
    const Duration past = (at.back() - 123456789ns) % third;
    clock.jump(third - past - 1ns);
    BOOST_TEST(at.size() == calls);
    clock.jump(1ns);
    BOOST_TEST(at.size() == calls + 1);
}

BOOST_AUTO_TEST_CASE(intervals_without_end_do_not_overflow) {
    ManualClock clock;
    clock.advance(1h);
    Times at;
    LoopingCall loop(clock, Noting{clock, at});
    Deferred<> ended = loop.start(Duration::max());
    clock.advance(24h);
    BOOST_TEST(at.size() == 1u);
    loop.reset();
    loop.stop();
}

BOOST_AUTO_TEST_CASE(wait_deferred) {
    ManualClock clock;
    Times at;
    auto gate = make_deferred<int>();
    LoopingCall loop(clock, [&] {
        Noting{clock, at}();
        return at.size() == 1 ? std::move(gate.deferred) : succeed(2);
    });
    Deferred<> ended = loop.start(1s);
    clock.advance(2500ms);
    BOOST_TEST(at.size() == 1u);
    BOOST_TEST(clock.pending_calls() == 0u);
    gate.promise.callback(1);
    BOOST_TEST(at.size() == 1u);
    clock.advance(500ms);
    BOOST_TEST((at == Times{0s, 3s}));
}

BOOST_AUTO_TEST_CASE(a_failure_ends_the_loop_and_is_its_result) {
    ManualClock clock;
    int calls = 0;
    LoopingCall throws(clock, [&] {
        if (++calls == 2) throw std::runtime_error("second");
    });
    Deferred<> ended = throws.start(1s);
    clock.advance(1s);
    BOOST_TEST(!throws.running());
    expect_failure<std::runtime_error>(ended);
    BOOST_TEST(clock.pending_calls() == 0u);

    auto gate = make_deferred();
    LoopingCall fails(clock, [&] { return std::move(gate.deferred); });
    ended = fails.start(1s);
    BOOST_TEST(fails.running());
    gate.promise.errback(std::out_of_range("late"));
    BOOST_TEST(!fails.running());
    expect_failure<std::out_of_range>(ended);

    LoopingCall at_once(clock, [] { throw std::runtime_error("first"); });
    ended = at_once.start(1s);
    BOOST_TEST(!at_once.running());
    expect_failure<std::runtime_error>(ended);
}

BOOST_AUTO_TEST_CASE(fail_and_stop) {
    ManualClock clock;
    std::optional<LoopingCall> loop;
    loop.emplace(clock, [&] {
        loop->stop();
        throw std::runtime_error("after stop");
    });
    Deferred<> ended = loop->start(1s);
    expect_failure<std::runtime_error>(ended);
}

BOOST_AUTO_TEST_CASE(stop_inside_the_call_fires_when_the_call_has_ended) {
    ManualClock clock;
    auto gate = make_deferred();
    std::optional<LoopingCall> loop;
    loop.emplace(clock, [&] {
        loop->stop();
        BOOST_TEST(!loop->running());
        return std::move(gate.deferred);
    });
    Deferred<> ended = loop->start(1s);
    BOOST_TEST(!ended.ready());
    BOOST_CHECK_THROW(static_cast<void>(loop->start(1s)), InvalidState);
    gate.promise.callback();
    expect_fired(ended);
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_loop_may_start_again_when_it_has_ended) {
    ManualClock clock;
    Times at;
    LoopingCall loop(clock, Noting{clock, at});
    Deferred<> again;
    Deferred<> ended = loop.start(1s).add_callback([&] { again = loop.start(2s); });
    clock.advance(1500ms);
    loop.stop();
    BOOST_TEST(ended.ready());
    BOOST_TEST(loop.running());
    clock.advance(4s);
    BOOST_TEST((at == Times{0s, 1s, 1500ms, 3500ms, 5500ms}));
}

BOOST_AUTO_TEST_CASE(misuse_says_so) {
    ManualClock clock;
    LoopingCall loop(clock, [] {});
    BOOST_CHECK_THROW(loop.stop(), InvalidState);
    BOOST_CHECK_THROW(loop.reset(), InvalidState);
    BOOST_CHECK_THROW(static_cast<void>(loop.start(-1ns)), UsageError);
    BOOST_TEST(!loop.running());
    BOOST_CHECK_THROW(loop.set_interval(-1ns), UsageError);
    Deferred<> ended = loop.start(1s);
    BOOST_CHECK_THROW(static_cast<void>(loop.start(1s)), InvalidState);
    LoopingCall moved = std::move(loop);
    BOOST_TEST(moved.running());
    BOOST_TEST(!loop.running());                   // NOLINT(bugprone-use-after-move)
    BOOST_CHECK_THROW(loop.stop(), InvalidState);  // NOLINT(bugprone-use-after-move)
    BOOST_TEST(clock.pending_calls() == 1u);
    moved = LoopingCall(clock, [] {});
    BOOST_TEST(clock.pending_calls() == 0u);
    expect_failure<Cancelled>(ended);
}

// reset --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(reset_starts_the_grid_anew) {
    ManualClock clock;
    Times at;
    LoopingCall loop(clock, Noting{clock, at});
    Deferred<> ended = loop.start(10s);
    clock.advance(7s);
    loop.reset();
    clock.advance(25s);
    BOOST_TEST((at == Times{0s, 17s, 27s}));
}

BOOST_AUTO_TEST_CASE(reset_inside_the_call_counts_from_there) {
    ManualClock clock;
    Times at;
    auto gate = make_deferred();
    LoopingCall loop(clock, [&] {
        Noting{clock, at}();
        return at.size() == 1 ? std::move(gate.deferred) : succeed();
    });
    Deferred<> ended = loop.start(10s);
    clock.advance(3s);
    loop.reset();
    clock.advance(1s);
    gate.promise.callback();
    clock.advance(10s);
    BOOST_TEST((at == Times{0s, 13s}));
}

BOOST_AUTO_TEST_CASE(beats_missed_before_a_reset_are_counted) {
    LateClock clock;
    Counts counts;
    auto gate = make_deferred();
    LoopingCall loop = LoopingCall::with_count(clock, [&](std::uint64_t count) {
        counts.push_back(count);
        return counts.size() == 1 ? std::move(gate.deferred) : succeed();
    });
    Deferred<> ended = loop.start(10s);
    clock.jump(25s);
    loop.reset();
    gate.promise.callback();
    clock.jump(10s);
    BOOST_TEST(counts == (Counts{1, 3}), boost::test_tools::per_element());
    clock.jump(5s);
    loop.reset();
    clock.jump(10s);
    BOOST_TEST(counts == (Counts{1, 3, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_new_interval_holds_at_once_and_keeps_the_start) {
    ManualClock clock;
    Times at;
    LoopingCall loop(clock, Noting{clock, at});
    Deferred<> ended = loop.start(10s);
    clock.advance(3s);
    loop.set_interval(2s);
    clock.advance(3s);
    BOOST_TEST((at == Times{0s, 4s, 6s}));
}

// cancel and lifetime ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(cancelling_between_calls_ends_the_loop) {
    ManualClock clock;
    LoopingCall loop(clock, [] {});
    Deferred<> ended = loop.start(1s);
    ended.cancel();
    BOOST_TEST(!loop.running());
    BOOST_TEST(clock.pending_calls() == 0u);
    expect_failure<Cancelled>(ended);
    ended = loop.start(1s);
    BOOST_TEST(loop.running());
}

BOOST_AUTO_TEST_CASE(cancelling_in_a_call_cancels_it_and_tells_its_answer) {
    ManualClock clock;
    auto quick = make_deferred([](Promise<>& answer) { answer.errback(std::out_of_range("half done")); });
    LoopingCall loop(clock, [&] { return std::move(quick.deferred); });
    Deferred<> ended = loop.start(1s);
    ended.cancel();
    BOOST_TEST(!loop.running());
    expect_failure<std::out_of_range>(ended);
}

BOOST_AUTO_TEST_CASE(cancelling_waits_for_a_call_that_takes_its_time) {
    ManualClock clock;
    int cancels = 0;
    LoopingCall loop(clock, [&]() -> Deferred<> {
        for (int i = 0; i < 2; ++i) {
            try {
                co_await clock.sleep(1h);
            } catch (const Cancelled&) {
                ++cancels;
            }
        }
        co_await clock.sleep(1s);
    });
    Deferred<> ended = loop.start(1s);
    ended.cancel();
    BOOST_TEST(cancels == 1);
    BOOST_TEST(!ended.ready());
    BOOST_CHECK_THROW(static_cast<void>(loop.start(1s)), InvalidState);
    ended.cancel();
    BOOST_TEST(cancels == 2);
    BOOST_TEST(!ended.ready());
    clock.advance(1s);
    expect_fired(ended);
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(dropping_the_deferred_ends_the_loop_and_the_call) {
    ManualClock clock;
    int asked = 0;
    auto gate = make_deferred([&] { ++asked; });
    LoopingCall loop(clock, [&] { return gate.deferred.valid() ? std::move(gate.deferred) : succeed(); });
    {
        const Deferred<> dropped = loop.start(1s);
    }
    BOOST_TEST(asked == 1);
    BOOST_TEST(!loop.running());
    {
        const Deferred<> dropped = loop.start(1s);
        BOOST_TEST(clock.pending_calls() == 1u);
    }
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(the_call_may_cancel_or_drop_its_own_loop) {
    ManualClock clock;
    Deferred<> ended;
    int calls = 0;
    auto never = make_deferred();
    LoopingCall cancels(clock, [&] {
        if (++calls == 1) return succeed();
        ended.cancel();
        return std::move(never.deferred);
    });
    ended = cancels.start(1s);
    clock.advance(1s);
    expect_failure<Cancelled>(ended);
    BOOST_TEST(!never.promise.wanted());

    auto unheard = make_deferred();
    LoopingCall drops(clock, [&] {
        if (++calls == 3) return succeed();
        ended = Deferred<>();
        return std::move(unheard.deferred);
    });
    ended = drops.start(1s);
    clock.advance(1s);
    BOOST_TEST(!drops.running());
    BOOST_TEST(!unheard.promise.wanted());
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_TEST(calls == 4);
    ended = drops.start(1s, false);
    BOOST_TEST(drops.running());
}

BOOST_AUTO_TEST_CASE(destroying_a_loop_ends_it_with_cancelled) {
    ManualClock clock;
    int asked = 0;
    auto gate = make_deferred([&] { ++asked; });
    Deferred<> waiting;
    Deferred<> calling;
    {
        LoopingCall waits(clock, [] {});
        waiting = waits.start(1s);
        LoopingCall calls(clock, [&] { return std::move(gate.deferred); });
        calling = calls.start(1s);
    }
    expect_failure<Cancelled>(waiting);
    expect_failure<Cancelled>(calling);
    BOOST_TEST(asked == 1);
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(the_call_may_destroy_its_loop) {
    CaughtReports reports;
    ManualClock clock;
    Token token;
    std::optional<LoopingCall> loop;
    bool went_on = false;
    loop.emplace(clock, [&, held = token.copy(), text = std::string(100, 'x')]() -> Deferred<> {
        co_await clock.sleep(1s);
        loop.reset();
        BOOST_TEST(!token.gone());  // the captures are still here
        BOOST_TEST(text.size() == 100u);
        co_await clock.sleep(1s);
        went_on = true;
    });
    Deferred<> ended = loop->start(10s);
    clock.advance(5s);
    expect_failure<Cancelled>(ended);
    BOOST_TEST(!went_on);
    BOOST_TEST(token.gone());
    BOOST_TEST(clock.pending_calls() == 0u);

    loop.emplace(clock, [&, held = token.copy()] { loop.reset(); });
    ended = loop->start(1s);
    expect_failure<Cancelled>(ended);
    BOOST_TEST(token.gone());

    loop.emplace(clock, [&, held = token.copy()]() {
        loop.reset();
        throw std::runtime_error("nobody left");
    });
    ended = loop->start(1s);
    expect_failure<Cancelled>(ended);
    BOOST_TEST(token.gone());
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(whoever_hears_of_the_end_may_destroy_the_loop) {
    ManualClock clock;
    std::optional<LoopingCall> loop;
    loop.emplace(clock, [] {});
    Deferred<> ended = loop->start(1s).add_callback([&] { loop.reset(); });
    loop->stop();
    expect_fired(ended);
    loop.emplace(clock, [] { throw std::runtime_error("x"); });
    ended = loop->start(1s, false).add_errback([&](const Failure&) { loop.reset(); });
    clock.advance(1s);
    expect_fired(ended);
}

BOOST_AUTO_TEST_CASE(a_loop_fails_when_its_clock_goes) {
    std::optional<ManualClock> clock(std::in_place);
    LoopingCall loop(*clock, [] {});
    Deferred<> ended = loop.start(1s);
    clock.reset();
    BOOST_TEST(!loop.running());
    expect_failure<BrokenPromise>(ended);
}

// Clock, DelayedCall and sleep, on the manual clock: what is said there holds for the reactor too.
#define BOOST_TEST_MODULE deferred_clock
#include "plait/deferred/clock.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(calls_run_by_time_and_equal_times_in_the_order_set) {
    ManualClock clock;
    std::string order;
    auto d = clock.call_later(2s, [&] { order += 'd'; });
    auto a = clock.call_later(1s, [&] { order += 'a'; });
    auto b = clock.call_later(1s, [&] { order += 'b'; });
    auto c = clock.call_later(1s, [&] { order += 'c'; });
    clock.advance(999ms);
    BOOST_TEST(order == "");
    clock.advance(1ms);
    BOOST_TEST(order == "abc");
    clock.advance(1s);
    BOOST_TEST(order == "abcd");
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(time_inside_a_call_is_when_it_was_due) {
    ManualClock clock;
    const TimePoint start = clock.now();
    std::vector<Duration> seen;
    auto first = clock.call_later(1s, [&] { seen.push_back(clock.now() - start); });
    auto second = clock.call_later(3s, [&] { seen.push_back(clock.now() - start); });
    clock.advance(10s);
    BOOST_TEST((seen == std::vector<Duration>{1s, 3s}));
    BOOST_TEST((clock.now() - start == 10s));
}

BOOST_AUTO_TEST_CASE(a_call_set_by_a_call_waits_for_the_next_pass_and_still_comes_in_the_same_advance) {
    ManualClock clock;
    std::string order;
    auto a = clock.call_later(1s, [&] {
        order += 'a';
        clock.call_later(0s, [&] { order += 'c'; }).detach();
        clock.call_later(-5s, [&] { order += 'd'; }).detach();
    });
    auto b = clock.call_later(1s, [&] { order += 'b'; });
    clock.advance(1s);
    BOOST_TEST(order == "abcd");
}

BOOST_AUTO_TEST_CASE(calls_that_set_themselves_without_delay_end_in_an_error_not_in_a_hang) {
    ManualClock clock;
    struct Again {
        ManualClock& clock;
        void operator()() const { clock.call_later(0s, *this).detach(); }
    };
    clock.call_later(0s, Again{clock}).detach();
    BOOST_CHECK_THROW(clock.advance(1s), std::logic_error);
}

BOOST_AUTO_TEST_CASE(pump_advances_step_by_step_and_time_does_not_go_back) {
    ManualClock clock;
    int calls = 0;
    auto call = clock.call_later(3s, [&] { ++calls; });
    clock.pump({1s, 1s});
    BOOST_TEST(calls == 0);
    clock.pump({1s});
    BOOST_TEST(calls == 1);
    BOOST_CHECK_THROW(clock.advance(-1s), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_call_may_advance_the_clock_itself) {
    ManualClock clock;
    std::string order;
    const TimePoint start = clock.now();
    auto a = clock.call_later(1s, [&] {
        order += 'a';
        clock.advance(5s);
        order += 'c';
    });
    auto b = clock.call_later(2s, [&] { order += 'b'; });
    clock.advance(3s);
    BOOST_TEST(order == "abc");
    BOOST_TEST((clock.now() - start == 6s));
}

BOOST_AUTO_TEST_CASE(a_cancelled_call_is_not_made_and_its_captures_go_at_once) {
    ManualClock clock;
    auto witness = std::make_shared<int>();
    auto call = clock.call_later(1s, [witness] { BOOST_ERROR("made"); });
    BOOST_TEST(call.active());
    call.cancel();
    BOOST_TEST(!call.active());
    BOOST_TEST(witness.use_count() == 1);
    BOOST_TEST(clock.pending_calls() == 0u);
    call.cancel();
    clock.advance(2s);
}

BOOST_AUTO_TEST_CASE(destroying_a_delayed_call_cancels_it_and_detaching_does_not) {
    ManualClock clock;
    std::string order;
    {
        auto dropped = clock.call_later(1s, [&] { order += 'd'; });
        clock.call_later(1s, [&] { order += 'k'; }).detach();
    }
    clock.advance(1s);
    BOOST_TEST(order == "k");
}

BOOST_AUTO_TEST_CASE(assigning_to_a_delayed_call_cancels_the_old_one) {
    ManualClock clock;
    std::string order;
    auto call = clock.call_later(1s, [&] { order += 'a'; });
    call = clock.call_later(1s, [&] { order += 'b'; });
    DelayedCall moved = std::move(call);
    BOOST_TEST(!call.active());
    BOOST_TEST(moved.active());
    clock.advance(1s);
    BOOST_TEST(order == "b");
}

BOOST_AUTO_TEST_CASE(a_call_may_cancel_and_destroy_itself_while_it_runs) {
    ManualClock clock;
    std::optional<DelayedCall> call;
    bool ran = false;
    call = clock.call_later(1s, [&] {
        BOOST_TEST(!call->active());
        call->cancel();
        BOOST_CHECK_THROW(call->reset(1s), InvalidState);
        BOOST_CHECK_THROW(call->delay(1s), InvalidState);
        BOOST_CHECK_THROW(call->time(), InvalidState);
        call.reset();
        ran = true;
    });
    clock.advance(1s);
    BOOST_TEST(ran);
}

BOOST_AUTO_TEST_CASE(a_call_may_cancel_another_that_is_due_in_the_same_pass) {
    ManualClock clock;
    DelayedCall second;
    auto first = clock.call_later(1s, [&] { second.cancel(); });
    second = clock.call_later(1s, [] { BOOST_ERROR("made"); });
    clock.advance(2s);
}

BOOST_AUTO_TEST_CASE(a_function_may_own_the_object_that_owns_its_call) {
    struct Owner {
        DelayedCall call;
    };
    ManualClock clock;
    auto owner = std::make_shared<Owner>();
    const std::weak_ptr<Owner> watch = owner;
    owner->call = clock.call_later(1s, [owner] {});
    Owner& alive = *owner;
    owner.reset();
    BOOST_TEST(!watch.expired());
    alive.call.cancel();
    BOOST_TEST(watch.expired());
}

BOOST_AUTO_TEST_CASE(call_later_ordering) {
    ManualClock clock;
    std::string order;
    auto c = clock.call_later(10s, [&] { order += 'c'; });
    auto a = clock.call_later(1s, [&] { order += 'a'; });
    auto b = clock.call_later(5s, [&] { order += 'b'; });
    clock.advance(10s);
    BOOST_TEST(order == "abc");
}

BOOST_AUTO_TEST_CASE(call_later_keeps_calls_ordered) {
    ManualClock clock;
    std::string order;
    DelayedCall late = clock.call_later(10s, [&] { order += 'l'; });
    auto moves = clock.call_later(1s, [&] {
        order += 'm';
        late.reset(2s);
    });
    auto between = clock.call_later(2s, [&] { order += 'b'; });
    auto after = clock.call_later(4s, [&] { order += 'a'; });
    clock.advance(4s);
    BOOST_TEST(order == "mbla");
}

BOOST_AUTO_TEST_CASE(advance_cancel) {
    ManualClock clock;
    DelayedCall call = clock.call_later(1s, [&] {
        call.cancel();  // made, so there is nothing to take back
        BOOST_TEST(!call.active());
    });
    clock.advance(1s);
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(reset_counts_from_now_and_delay_from_when_it_was_due) {
    ManualClock clock;
    std::string order;
    auto a = clock.call_later(5s, [&] { order += 'a'; });
    auto b = clock.call_later(5s, [&] { order += 'b'; });
    clock.advance(1s);
    a.reset(6s);
    b.delay(3s);
    BOOST_TEST((a.time() - clock.now() == 6s));
    BOOST_TEST((b.time() - clock.now() == 7s));
    b.delay(-6s);
    clock.advance(1s);
    BOOST_TEST(order == "b");
    a.reset(-1s);
    clock.advance(0s);
    BOOST_TEST(order == "ba");
}

BOOST_AUTO_TEST_CASE(a_call_that_was_reset_goes_behind_its_equals) {
    ManualClock clock;
    std::string order;
    auto a = clock.call_later(1s, [&] { order += 'a'; });
    auto b = clock.call_later(1s, [&] { order += 'b'; });
    a.reset(1s);
    clock.advance(1s);
    BOOST_TEST(order == "ba");
}

BOOST_AUTO_TEST_CASE(delays_without_end_do_not_overflow) {
    ManualClock clock;
    clock.advance(1h);
    auto never = clock.call_later(Duration::max(), [] { BOOST_ERROR("made"); });
    never.delay(Duration::max());
    never.reset(Duration::max());
    clock.advance(24h);
    BOOST_TEST(never.active());
}

BOOST_AUTO_TEST_CASE(a_manual_clock_may_be_advanced_to_the_end_of_time) {
    ManualClock clock;
    clock.advance(1s);
    bool called = false;
    auto call = clock.call_later(Duration::max(), [&] { called = true; });
    clock.advance(Duration::max());
    BOOST_TEST(called);
    BOOST_TEST((clock.now() == TimePoint::max()));
}

BOOST_AUTO_TEST_CASE(an_exception_from_a_call_is_reported_and_stops_nothing) {
    const Reports reports;
    ManualClock clock;
    bool ran = false;
    auto bad = clock.call_later(1s, [] { throw std::runtime_error("bad"); });
    auto good = clock.call_later(1s, [&] { ran = true; });
    clock.advance(1s);
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(ran);
}

BOOST_AUTO_TEST_CASE(a_destroyed_clock_makes_its_handles_inactive) {
    std::optional<ManualClock> clock(std::in_place);
    auto witness = std::make_shared<int>();
    auto call = clock->call_later(1s, [witness] { BOOST_ERROR("made"); });
    clock.reset();
    BOOST_TEST(!call.active());
    BOOST_TEST(witness.use_count() == 1);
    call.cancel();
    BOOST_CHECK_THROW(call.delay(1s), InvalidState);
}

BOOST_AUTO_TEST_CASE(captures_may_use_a_clock_that_is_being_destroyed) {
    struct Restless {
        explicit Restless(Clock& c) : clock(&c) {}
        Restless(Restless&& other) noexcept : clock(std::exchange(other.clock, nullptr)) {}
        ~Restless() {
            if (clock != nullptr) clock->call_later(1s, [] { BOOST_ERROR("made"); }).detach();
        }
        void operator()() const {}
        Clock* clock;
    };
    ManualClock clock;
    clock.call_later(1s, Restless(clock)).detach();
}

BOOST_AUTO_TEST_CASE(random_sets_moves_and_cancels_run_in_order) {
    std::mt19937 random(20240607);
    const auto up_to = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    ManualClock clock;
    struct Expected {
        DelayedCall call;
        TimePoint due;
        int set;
    };
    std::vector<Expected> calls;
    std::vector<int> made;
    int set = 0;
    for (int i = 0; i < 2000; ++i) {
        const Duration delay = std::chrono::milliseconds(up_to(50));
        calls.push_back({clock.call_later(delay, [&made, i] { made.push_back(i); }), clock.now() + delay, set++});
    }
    for (int i = 0; i < 3000; ++i) {
        Expected& each = calls[static_cast<std::size_t>(up_to(2000))];
        if (!each.call.active()) continue;
        if (up_to(3) == 0) {
            each.call.cancel();
        } else {
            const Duration delay = std::chrono::milliseconds(up_to(50));
            each.call.reset(delay);
            each.due = clock.now() + delay;
            each.set = set++;
        }
    }
    std::vector<int> expected;
    for (int i = 0; i < 2000; ++i)
        if (calls[static_cast<std::size_t>(i)].call.active()) expected.push_back(i);
    std::sort(expected.begin(), expected.end(), [&](int a, int b) {
        const Expected& left = calls[static_cast<std::size_t>(a)];
        const Expected& right = calls[static_cast<std::size_t>(b)];
        return std::pair(left.due, left.set) < std::pair(right.due, right.set);
    });
    clock.advance(1s);
    BOOST_TEST(made == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(sleep_fires_after_its_delay_and_goes_when_cancelled) {
    ManualClock clock;
    Deferred<> slept = clock.sleep(2s);
    clock.advance(1s);
    BOOST_TEST(!slept.ready());
    clock.advance(1s);
    BOOST_TEST(slept.ready());

    Deferred<> cancelled = clock.sleep(2s);
    cancelled.cancel();
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_CHECK_THROW(cancelled.take().value(), Cancelled);

    {
        const Deferred<> dropped = clock.sleep(2s);
    }
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_sleep_fails_when_its_clock_goes) {
    Deferred<> asleep;
    {
        ManualClock clock;
        asleep = clock.sleep(1s);
    }
    BOOST_CHECK_THROW(asleep.take().value(), BrokenPromise);
}

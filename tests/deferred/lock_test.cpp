// DeferredLock: order, and every way to leave it. Twisted's cases keep their names.
#define BOOST_TEST_MODULE deferred_lock
#include "plait/deferred/lock.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "small_stack.hpp"
#include "support.hpp"

using namespace plait;

namespace {

using Hold = DeferredLock::Hold;

/// Takes the lock by co_await, waits, and gives it back at its end.
Deferred<> holder(DeferredLock& lock, std::string& order, char name, Deferred<> meanwhile) {
    const auto hold = co_await lock.acquire();
    order += name;
    co_await std::move(meanwhile);
}

bool fails_with_destroyed(Deferred<Hold>& deferred) {
    if (!deferred.ready()) return false;
    const Result<Hold> result = deferred.take();
    return !result.has_value() && result.failure().check<Destroyed>() != nullptr;
}

}  // namespace

// Twisted's cases ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_lock) {
    DeferredLock lock;
    int counter = 0;
    BOOST_TEST(!lock.locked());
    auto first = lock.acquire().add_callback([&](Hold hold) {
        ++counter;
        return hold;
    });
    BOOST_TEST(counter == 1);
    BOOST_TEST(lock.locked());
    auto second = lock.acquire().add_callback([&](Hold hold) {
        ++counter;
        return hold;
    });
    BOOST_TEST(counter == 1);
    BOOST_TEST(lock.waiting() == 1u);
    first.take().value().release();
    BOOST_TEST(counter == 2);
    BOOST_TEST(lock.locked());
    second.take().value().release();
    BOOST_TEST(!lock.locked());

    auto bad = lock.run([]() -> int { throw std::out_of_range("thrown"); });
    BOOST_TEST(!lock.locked());
    BOOST_CHECK_THROW(bad.take().value(), std::out_of_range);
    auto good = lock.run([] { return 42; });
    BOOST_TEST(good.take().value() == 42);
    BOOST_TEST(!lock.locked());

    auto [inner, promise] = make_deferred<int>();
    auto long_one = lock.run([&d = inner] { return std::move(d); });
    BOOST_TEST(lock.locked());
    promise.callback(7);
    BOOST_TEST(!lock.locked());
    BOOST_TEST(long_one.take().value() == 7);
}

BOOST_AUTO_TEST_CASE(cancel_lock_after_acquired) {
    DeferredLock lock;
    auto acquired = lock.acquire();
    BOOST_TEST(acquired.ready());
    acquired.cancel();
    BOOST_TEST(lock.locked());
    BOOST_TEST(bool(acquired.take().value()));
    BOOST_TEST(!lock.locked());
}

BOOST_AUTO_TEST_CASE(cancel_lock_before_acquired) {
    DeferredLock lock;
    auto hold = lock.try_acquire();
    auto second = lock.acquire();
    auto third = lock.acquire();
    second.cancel();
    BOOST_TEST(second.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(lock.waiting() == 1u);
    hold.release();
    BOOST_TEST(third.ready());
    BOOST_TEST(lock.locked());
}

// Ours ---------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_dropped_waiter_is_gone_from_the_line) {
    DeferredLock lock;
    auto hold = lock.try_acquire();
    auto second = lock.acquire();
    {
        const auto dropped = lock.acquire();
        BOOST_TEST(lock.waiting() == 2u);
    }
    BOOST_TEST(lock.waiting() == 1u);
    second = Deferred<Hold>();
    BOOST_TEST(lock.waiting() == 0u);
    hold.release();
    BOOST_TEST(!lock.locked());
}

BOOST_AUTO_TEST_CASE(a_hold_that_nobody_reads_is_given_back_with_its_deferred) {
    DeferredLock lock;
    {
        const auto unread = lock.acquire();
    }
    BOOST_TEST(!lock.locked());
    auto hold = lock.try_acquire();
    auto second = lock.acquire();
    hold.release();
    BOOST_TEST(second.ready());
    second = Deferred<Hold>();
    BOOST_TEST(!lock.locked());
}

BOOST_AUTO_TEST_CASE(a_hold_is_given_back_once_by_its_end_by_assignment_or_by_hand) {
    DeferredLock lock;
    {
        const auto hold = lock.try_acquire();
        BOOST_TEST(bool(hold));
        BOOST_TEST(!lock.try_acquire());
    }
    BOOST_TEST(!lock.locked());
    auto hold = lock.try_acquire();
    auto second = lock.acquire();
    auto third = lock.acquire();
    hold.release();
    hold.release();
    BOOST_TEST(!hold);
    BOOST_TEST(second.ready());
    BOOST_TEST(!third.ready());
    hold = second.take().value();
    auto moved = std::move(hold);
    hold.release();
    BOOST_TEST(!third.ready());
    Hold& itself = moved;
    moved = std::move(itself);
    BOOST_TEST(!third.ready());
    moved = Hold();
    BOOST_TEST(third.ready());
}

BOOST_AUTO_TEST_CASE(waiters_come_in_the_order_they_asked) {
    DeferredLock lock;
    std::string order;
    auto hold = lock.try_acquire();
    std::vector<Deferred<>> waiters;
    for (const char name : {'a', 'b', 'c', 'd'})
        waiters.push_back(lock.acquire().add_callback([&order, name](const Hold&) { order += name; }));
    waiters[1].cancel();
    hold.release();
    BOOST_TEST(order == "acd");
}

BOOST_AUTO_TEST_CASE(who_releases_and_asks_again_in_its_own_callback_is_behind_those_in_line) {
    DeferredLock lock;
    std::string order;
    Deferred<> again;
    auto hold = lock.try_acquire();
    auto a = lock.acquire().add_callback([&](Hold mine) {
        order += 'a';
        mine.release();
        order += '.';
        again = lock.acquire().add_callback([&](const Hold&) { order += 'A'; });
    });
    auto b = lock.acquire().add_callback([&](const Hold&) { order += 'b'; });
    hold.release();
    BOOST_TEST(order == "a.bA");
}

BOOST_AUTO_TEST_CASE(run_gives_back_on_value_failure_cancel_and_drop) {
    DeferredLock lock;
    auto [value, value_promise] = make_deferred<int>();
    auto a = lock.run([&d = value] { return std::move(d); });
    value_promise.callback(1);
    BOOST_TEST(!lock.locked());

    auto [failure, failure_promise] = make_deferred<int>();
    auto b = lock.run([&d = failure] { return std::move(d); });
    failure_promise.errback(std::out_of_range("gone"));
    BOOST_TEST(!lock.locked());
    BOOST_CHECK_THROW(b.take().value(), std::out_of_range);

    bool asked = false;
    auto [cancelled, cancelled_promise] = make_deferred<int>([&] { asked = true; });
    auto c = lock.run([&d = cancelled] { return std::move(d); });
    c.cancel();
    BOOST_TEST(asked);
    BOOST_TEST(!lock.locked());
    BOOST_TEST(c.take().failure().check<Cancelled>() != nullptr);

    auto [dropped, dropped_promise] = make_deferred<int>();
    auto d = lock.run([&inner = dropped] { return std::move(inner); });
    BOOST_TEST(lock.locked());
    d = Deferred<int>();
    BOOST_TEST(!lock.locked());
    BOOST_TEST(!dropped_promise.wanted());
}

BOOST_AUTO_TEST_CASE(run_waits_for_its_turn_and_one_cancelled_before_it_never_runs) {
    DeferredLock lock;
    std::string order;
    auto hold = lock.try_acquire();
    auto a = lock.run([&] { order += 'a'; });
    auto b = lock.run([&] { order += 'b'; });
    auto c = lock.run([&] {
        order += 'c';
        return std::make_unique<int>(3);
    });
    b.cancel();
    BOOST_TEST(order == "");
    hold.release();
    BOOST_TEST(order == "ac");
    BOOST_TEST(a.take().has_value());
    BOOST_TEST(b.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(*c.take().value() == 3);
    BOOST_TEST(!lock.locked());
}

BOOST_AUTO_TEST_CASE(the_lock_is_free_before_the_callbacks_of_run_are_told) {
    DeferredLock lock;
    auto [inner, promise] = make_deferred<>();
    bool free = false;
    auto done = lock.run([&d = inner] { return std::move(d); }).add_callback([&] { free = !lock.locked(); });
    promise.callback();
    BOOST_TEST(free);
    BOOST_TEST(done.ready());
}

BOOST_AUTO_TEST_CASE(run_keeps_its_function_until_its_deferred_has_ended) {
    DeferredLock lock;
    Token token;
    auto [inner, promise] = make_deferred<>();
    std::string said;
    auto done = lock.run([kept = token.copy(), text = std::string("still here, and longer than a short string"), &said,
                          d = std::move(inner)]() mutable -> Deferred<> {
        co_await std::move(d);
        said = text;
    });
    BOOST_TEST(!token.gone());
    promise.callback();
    BOOST_TEST(said == "still here, and longer than a short string");
    BOOST_TEST(token.gone());

    auto [never, never_promise] = make_deferred<>();
    auto dropped = lock.run([kept = token.copy(), &d = never]() -> Deferred<> {
        const auto mine = kept;
        co_await std::move(d);
    });
    BOOST_TEST(!token.gone());
    dropped = Deferred<>();
    BOOST_TEST(token.gone());
    BOOST_TEST(!lock.locked());
}

BOOST_AUTO_TEST_CASE(a_dropped_run_has_ended_its_locals_before_its_captures_and_its_turn_go) {
    struct Says {
        std::string& to;
        const std::string& what;
        Says(std::string& where, const std::string& text) : to(where), what(text) {}
        Says(const Says&) = delete;
        Says& operator=(const Says&) = delete;
        ~Says() { to += what; }
    };
    DeferredLock lock;
    std::string order;
    auto [never, promise] = make_deferred<>();
    auto first = lock.run([&order, &d = never, text = std::string("the first one has gone; ")]() -> Deferred<> {
        const Says at_the_end(order, text);
        co_await std::move(d);
    });
    auto second = lock.run([&] { order += "the second is in"; });
    first = Deferred<>();
    BOOST_TEST(order == "the first one has gone; the second is in");
    BOOST_TEST(second.ready());
}

BOOST_AUTO_TEST_CASE(coroutines_hold_it_in_turn) {
    DeferredLock lock;
    std::string order;
    auto [first, first_promise] = make_deferred<>();
    auto [second, second_promise] = make_deferred<>();
    auto a = holder(lock, order, 'a', std::move(first));
    auto b = holder(lock, order, 'b', std::move(second));
    auto c = holder(lock, order, 'c', succeed());
    BOOST_TEST(order == "a");
    first_promise.callback();
    BOOST_TEST(order == "ab");
    b = Deferred<>();  // its frame, and with it its hold
    BOOST_TEST(order == "abc");
    BOOST_TEST(!lock.locked());
    BOOST_TEST(a.ready());
    BOOST_TEST(c.ready());
}

BOOST_AUTO_TEST_CASE(destroying_the_lock_fails_who_waits_and_spares_who_holds) {
    std::optional<DeferredLock> lock(std::in_place);
    auto hold = lock->try_acquire();
    auto [inner, promise] = make_deferred<int>();
    auto second = lock->acquire();
    auto third = lock->acquire();
    auto fourth = lock->run([] { BOOST_ERROR("called"); });
    lock.reset();
    BOOST_TEST(fails_with_destroyed(second));
    BOOST_TEST(fails_with_destroyed(third));
    const Result<> result = fourth.take();
    BOOST_TEST(result.failure().check<BrokenPromise>()->what() ==
               std::string("The DeferredLock was destroyed while this waited for it."));
    BOOST_TEST(bool(hold));
    hold.release();
}

BOOST_AUTO_TEST_CASE(who_waits_again_while_the_lock_is_destroyed_hears_the_same_again) {
    std::optional<DeferredLock> lock(std::in_place);
    auto hold = lock->try_acquire();
    Deferred<DeferredLock::Hold> again;
    auto a = lock->acquire().add_both([&](const Result<DeferredLock::Hold>&) { again = lock->acquire(); });
    lock.reset();
    BOOST_TEST(a.ready());
    BOOST_REQUIRE(again.ready());
    BOOST_TEST(again.take().failure().check<Destroyed>() != nullptr);
}

BOOST_AUTO_TEST_CASE(what_run_has_begun_goes_on_when_the_lock_is_destroyed) {
    std::optional<DeferredLock> lock(std::in_place);
    auto [inner, promise] = make_deferred<int>();
    auto running = lock->run([&d = inner] { return std::move(d); });
    lock.reset();
    promise.callback(5);
    BOOST_TEST(running.take().value() == 5);
}

BOOST_AUTO_TEST_CASE(the_lock_may_be_destroyed_in_a_waiters_callback) {
    std::optional<DeferredLock> lock(std::in_place);
    auto hold = lock->try_acquire();
    auto second = lock->acquire().add_callback([&](Hold mine) {
        lock.reset();
        return mine;
    });
    auto third = lock->acquire();
    auto fourth = lock->acquire();
    hold.release();
    BOOST_TEST(second.ready());
    BOOST_TEST(fails_with_destroyed(third));
    BOOST_TEST(fails_with_destroyed(fourth));
    second.take().value().release();
}

BOOST_AUTO_TEST_CASE(holds_given_back_by_those_who_fail_go_to_nobody) {
    std::optional<DeferredLock> lock(std::in_place);
    auto hold = lock->try_acquire();
    auto second = lock->acquire().add_errback([&](const Failure& failure) {
        hold.release();
        return failure;
    });
    auto third = lock->acquire();
    lock.reset();
    BOOST_TEST(fails_with_destroyed(second));
    BOOST_TEST(fails_with_destroyed(third));
}

BOOST_AUTO_TEST_CASE(the_hold_may_be_destroyed_by_the_one_its_release_lets_in) {
    DeferredLock lock;
    std::optional<Hold> hold(lock.try_acquire());
    auto second = lock.acquire().add_callback([&](Hold mine) {
        hold.reset();
        return mine;
    });
    hold->release();
    BOOST_TEST(!hold.has_value());
    BOOST_TEST(second.ready());
}

BOOST_AUTO_TEST_CASE(a_waiter_may_drop_the_next_one_in_its_callback) {
    DeferredLock lock;
    Deferred<Hold> third;
    auto hold = lock.try_acquire();
    auto second = lock.acquire().add_callback([&](const Hold&) { third = Deferred<Hold>(); });
    third = lock.acquire();
    hold.release();
    BOOST_TEST(second.ready());
    BOOST_TEST(!lock.locked());
}

BOOST_AUTO_TEST_CASE(many_waiters_that_release_at_once_take_constant_stack) {
    on_a_small_stack([] {
        DeferredLock lock;
        auto hold = lock.try_acquire();
        std::vector<Deferred<>> waiters;
        int calls = 0;
        for (int i = 0; i < 100000; ++i)
            waiters.push_back(lock.acquire().add_callback([&calls](const Hold&) { ++calls; }));
        hold.release();
        BOOST_TEST(calls == 100000);
        BOOST_TEST(!lock.locked());
    });
}

BOOST_AUTO_TEST_CASE(many_coroutines_and_runs_in_line_take_constant_stack) {
    on_a_small_stack([] {
        DeferredLock lock;
        std::string order;
        auto hold = lock.try_acquire();
        std::vector<Deferred<>> waiters;
        for (int i = 0; i < 50000; ++i) {
            waiters.push_back(holder(lock, order, 'a', succeed()));
            waiters.push_back(lock.run([&order] {
                order += 'b';
                return succeed();
            }));
        }
        hold.release();
        BOOST_TEST(order.size() == 100000u);
        BOOST_TEST(!lock.locked());
    });
}

BOOST_AUTO_TEST_CASE(many_waiters_are_dropped_cancelled_and_failed_in_constant_stack) {
    on_a_small_stack([] {
        std::optional<DeferredLock> lock(std::in_place);
        std::vector<Deferred<Hold>> waiters;
        const auto hold = lock->try_acquire();
        for (int i = 0; i < 100000; ++i)
            waiters.push_back(lock->acquire());
        for (int i = 0; i < 30000; ++i)
            waiters[static_cast<std::size_t>(i)].cancel();
        waiters.erase(waiters.begin() + 60000, waiters.end());
        BOOST_TEST(lock->waiting() == 30000u);
        lock.reset();
        for (auto& waiter : waiters)
            BOOST_REQUIRE(!waiter.take().has_value());
    });
}

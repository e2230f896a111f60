// DeferredSemaphore beyond what it shares with DeferredLock (lock_test.cpp): counts, and several tokens at once.
#define BOOST_TEST_MODULE deferred_semaphore
#include "plait/deferred/semaphore.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "support.hpp"

using namespace plait;

// Twisted's cases ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_semaphore) {
    constexpr std::size_t limit = 3;
    DeferredSemaphore at_once(limit);
    std::vector<Deferred<Permit>> first;
    for (std::size_t i = 1; i <= limit; ++i) {
        first.push_back(at_once.acquire());
        BOOST_TEST(first.back().ready());
        BOOST_TEST(at_once.tokens() == limit - i);
    }
    std::vector<Deferred<Permit>> second;
    for (std::size_t i = 0; i < limit; ++i) {
        second.push_back(at_once.acquire());
        BOOST_TEST(!second.back().ready());
    }
    BOOST_TEST(at_once.waiting() == limit);
    for (std::size_t i = 0; i < limit; ++i) {
        first[i] = Deferred<Permit>();
        BOOST_TEST(second[i].ready());
        BOOST_TEST(at_once.tokens() == 0u);
    }
    second.clear();
    BOOST_TEST(at_once.tokens() == limit);
    BOOST_TEST(at_once.run([] { return 42; }).take().value() == 42);
    BOOST_TEST(at_once.tokens() == limit);
}

BOOST_AUTO_TEST_CASE(semaphore_invalid_tokens) {
    BOOST_CHECK_THROW(DeferredSemaphore(0), UsageError);
    DeferredSemaphore at_once(2);
    BOOST_CHECK_THROW(std::ignore = at_once.acquire(0), UsageError);
    BOOST_CHECK_THROW(std::ignore = at_once.acquire(3), UsageError);
    BOOST_CHECK_THROW(std::ignore = at_once.try_acquire(0), UsageError);
    BOOST_CHECK_THROW(std::ignore = at_once.try_acquire(3), UsageError);
    BOOST_TEST(at_once.tokens() == 2u);
}

BOOST_AUTO_TEST_CASE(cancel_semaphore_after_acquired) {
    DeferredSemaphore at_once(1);
    auto acquired = at_once.acquire();
    acquired.cancel();
    BOOST_TEST(acquired.take().value().tokens() == 1u);
}

BOOST_AUTO_TEST_CASE(cancel_semaphore_before_acquired) {
    DeferredSemaphore at_once(1);
    auto permit = at_once.try_acquire();
    auto waiting = at_once.acquire();
    waiting.cancel();
    BOOST_TEST(waiting.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(at_once.waiting() == 0u);
    permit.release();
    BOOST_TEST(at_once.tokens() == 1u);
}

// Ours ---------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(several_tokens_come_together_and_go_back_together) {
    DeferredSemaphore at_once(5);
    auto two = at_once.try_acquire(2);
    auto all = at_once.acquire(5);
    BOOST_TEST(!all.ready());
    two.release();
    BOOST_REQUIRE(all.ready());
    BOOST_TEST(at_once.tokens() == 0u);
    BOOST_TEST(all.take().value().tokens() == 5u);
    BOOST_TEST(at_once.tokens() == 5u);
}

BOOST_AUTO_TEST_CASE(one_who_wants_many_is_not_overtaken_by_those_who_want_few) {
    DeferredSemaphore at_once(3);
    std::string order;
    auto a = at_once.try_acquire(2);
    auto many = at_once.acquire(3).add_callback([&](Permit permit) {
        order += 'm';
        return permit;
    });
    auto few = at_once.acquire(1).add_callback([&](Permit permit) {
        order += 'f';
        return permit;
    });
    BOOST_TEST(!at_once.try_acquire(1));
    BOOST_TEST(order == "");
    a.release();
    BOOST_TEST(order == "m");
    many.take().value().release();
    BOOST_TEST(order == "mf");
}

BOOST_AUTO_TEST_CASE(when_one_who_wants_many_gives_up_those_behind_move_up) {
    DeferredSemaphore at_once(3);
    auto held = at_once.try_acquire(1);
    auto many = at_once.acquire(3);
    auto a = at_once.acquire(1);
    auto b = at_once.acquire(1);
    auto c = at_once.acquire(1);
    many.cancel();
    BOOST_TEST(many.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(a.ready());
    BOOST_TEST(b.ready());
    BOOST_TEST(!c.ready());

    auto others = at_once.acquire(3);
    c = Deferred<Permit>();
    auto last = at_once.acquire(1);
    held.release();
    BOOST_TEST(!last.ready());
    others = Deferred<Permit>();
    BOOST_TEST(last.ready());
}

BOOST_AUTO_TEST_CASE(one_release_may_let_in_several) {
    DeferredSemaphore at_once(4);
    auto all = at_once.try_acquire(4);
    std::vector<Deferred<Permit>> waiting;
    for (int i = 0; i < 5; ++i)
        waiting.push_back(at_once.acquire());
    all.release();
    for (std::size_t i = 0; i < 4; ++i)
        BOOST_TEST(waiting[i].ready());
    BOOST_TEST(!waiting[4].ready());
}

BOOST_AUTO_TEST_CASE(a_semaphore_may_be_destroyed_by_a_waiter_that_moves_up_on_a_cancel) {
    std::optional<DeferredSemaphore> at_once(2);
    auto held = at_once->try_acquire(1);
    auto many = at_once->acquire(2);
    auto a = at_once->acquire(1).add_callback([&](Permit permit) {
        at_once.reset();
        return permit;
    });
    auto b = at_once->acquire(1);
    many.cancel();
    BOOST_TEST(many.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(a.ready());
    BOOST_TEST(b.take().failure().check<Destroyed>()->what() ==
               std::string("The DeferredSemaphore was destroyed while this waited for it."));
}

BOOST_AUTO_TEST_CASE(a_limit_may_be_as_large_as_it_gets) {
    constexpr auto most = std::numeric_limits<std::size_t>::max();
    DeferredSemaphore at_once(most);
    auto all = at_once.try_acquire(most);
    auto one = at_once.acquire();
    BOOST_TEST(!one.ready());
    all.release();
    BOOST_TEST(one.ready());
}

BOOST_AUTO_TEST_CASE(a_permit_of_another_semaphore_goes_back_where_it_came_from) {
    DeferredSemaphore a(1);
    DeferredSemaphore b(1);
    auto permit = a.try_acquire();
    permit = b.try_acquire();
    BOOST_TEST(a.tokens() == 1u);
    BOOST_TEST(b.tokens() == 0u);
}

// DeferredEvent: who is let through, and when.
#define BOOST_TEST_MODULE deferred_event
#include "plait/deferred/event.hpp"

#include <boost/test/unit_test.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "small_stack.hpp"

using namespace plait;

namespace {

Deferred<> pass_twice(DeferredEvent& event, int& passed) {
    co_await event.wait();
    ++passed;
    co_await event.wait();
    ++passed;
}

bool fails_with_destroyed(Deferred<>& deferred) {
    if (!deferred.ready()) return false;
    const Result<> result = deferred.take();
    return !result.has_value() && result.failure().check<Destroyed>() != nullptr;
}

}  // namespace

BOOST_AUTO_TEST_CASE(waiters_go_through_when_it_is_set_in_the_order_they_came) {
    DeferredEvent event;
    std::string order;
    auto a = event.wait().add_callback([&] { order += 'a'; });
    auto b = event.wait().add_callback([&] { order += 'b'; });
    BOOST_TEST(!event.is_set());
    BOOST_TEST(event.waiting() == 2u);
    event.set();
    BOOST_TEST(order == "ab");
    BOOST_TEST(event.is_set());
    BOOST_TEST(event.waiting() == 0u);
}

BOOST_AUTO_TEST_CASE(while_set_it_lets_everybody_through_and_when_cleared_nobody) {
    DeferredEvent event;
    event.set();
    event.set();
    BOOST_TEST(event.wait().ready());
    event.clear();
    event.clear();
    BOOST_TEST(!event.is_set());
    const auto waiting = event.wait();
    BOOST_TEST(!waiting.ready());
    event.set();
    BOOST_TEST(waiting.ready());
}

BOOST_AUTO_TEST_CASE(all_who_waited_go_through_even_if_the_first_clears_it) {
    DeferredEvent event;
    std::string order;
    Deferred<> again;
    auto a = event.wait().add_callback([&] {
        order += 'a';
        event.clear();
        again = event.wait().add_callback([&] { order += 'A'; });
    });
    auto b = event.wait().add_callback([&] { order += 'b'; });
    event.set();
    BOOST_TEST(order == "ab");
    BOOST_TEST(!event.is_set());
    event.set();
    BOOST_TEST(order == "abA");
}

BOOST_AUTO_TEST_CASE(one_who_clears_waits_and_sets_again_in_its_callback_is_let_through_after_the_others) {
    DeferredEvent event;
    std::string order;
    Deferred<> again;
    auto a = event.wait().add_callback([&] {
        order += 'a';
        event.clear();
        again = event.wait().add_callback([&] { order += 'A'; });
        event.set();
        order += '.';
    });
    auto b = event.wait().add_callback([&] { order += 'b'; });
    event.set();
    BOOST_TEST(order == "a.bA");
}

BOOST_AUTO_TEST_CASE(cancelled_and_dropped_waiters_are_forgotten) {
    DeferredEvent event;
    auto cancelled = event.wait();
    auto dropped = event.wait();
    auto kept = event.wait();
    cancelled.cancel();
    dropped = Deferred<>();
    BOOST_TEST(event.waiting() == 1u);
    event.set();
    BOOST_TEST(kept.ready());
    BOOST_TEST(cancelled.take().failure().check<Cancelled>() != nullptr);
}

BOOST_AUTO_TEST_CASE(a_waiter_may_drop_the_next_one) {
    DeferredEvent event;
    Deferred<> second;
    auto first = event.wait().add_callback([&] { second = Deferred<>(); });
    second = event.wait().add_callback([] { BOOST_ERROR("called"); });
    event.set();
    BOOST_TEST(first.ready());
}

BOOST_AUTO_TEST_CASE(destroying_it_fails_who_waits) {
    std::optional<DeferredEvent> event(std::in_place);
    auto a = event->wait();
    auto b = event->wait();
    event.reset();
    BOOST_TEST(fails_with_destroyed(a));
    BOOST_TEST(fails_with_destroyed(b));
}

BOOST_AUTO_TEST_CASE(who_waits_again_while_it_is_destroyed_hears_the_same_again) {
    std::optional<DeferredEvent> event(std::in_place);
    Deferred<> again;
    auto a = event->wait().add_errback([&](const Failure&) { again = event->wait(); });
    event.reset();
    BOOST_TEST(a.ready());
    BOOST_REQUIRE(again.ready());
    BOOST_TEST(again.take().failure().check<Destroyed>() != nullptr);
}

BOOST_AUTO_TEST_CASE(destroyed_in_a_waiters_callback_it_still_lets_through_whom_it_was_set_for) {
    std::optional<DeferredEvent> event(std::in_place);
    Deferred<> late;
    auto a = event->wait().add_callback([&] {
        event->clear();
        late = event->wait();
        event.reset();
    });
    auto b = event->wait();
    event->set();
    BOOST_TEST(a.ready());
    BOOST_TEST(b.take().has_value());
    BOOST_TEST(fails_with_destroyed(late));
}

BOOST_AUTO_TEST_CASE(coroutines_wait_for_it) {
    DeferredEvent event;
    int passed = 0;
    auto task = pass_twice(event, passed);
    event.set();
    BOOST_TEST(passed == 2);
    BOOST_TEST(task.ready());
}

BOOST_AUTO_TEST_CASE(many_waiters_that_each_set_it_take_constant_stack) {
    on_a_small_stack([] {
        DeferredEvent event;
        std::vector<Deferred<>> waiters;
        int calls = 0;
        for (int i = 0; i < 100000; ++i)
            waiters.push_back(event.wait().add_callback([&] {
                ++calls;
                event.clear();
                event.set();
            }));
        event.set();
        BOOST_TEST(calls == 100000);
    });
}

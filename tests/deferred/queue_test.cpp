// DeferredQueue: order, bounds, and every way for either side to go. Twisted's cases keep their names.
#define BOOST_TEST_MODULE deferred_queue
#include "plait/deferred/queue.hpp"

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

template <typename E, typename T>
bool fails_with(Deferred<T>& deferred) {
    if (!deferred.ready()) return false;
    const Result<T> result = deferred.take();
    return !result.has_value() && result.failure().template check<E>() != nullptr;
}

/// Adds up what it gets until the queue is closed.
Deferred<int> sum_of(DeferredQueue<int>& queue) {
    int sum = 0;
    try {
        for (;;)
            sum += co_await queue.get();
    } catch (const QueueClosed&) {
    }
    co_return sum;
}

/// Its move throws when the countdown comes to nought.
struct Awkward {
    explicit Awkward(int value) : n(value) {}
    Awkward(Awkward&& other) : n(other.n) {
        if (--moves_left == 0) throw std::length_error("will not move");
    }
    Awkward& operator=(Awkward&&) = delete;
    ~Awkward() = default;

    int n;
    static inline int moves_left = 0;
};

}  // namespace

// Twisted's cases ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_queue) {
    constexpr int size = 2;
    constexpr int backlog = 2;
    DeferredQueue<int> queue(size, backlog);
    std::vector<int> got;
    const auto note = [&](int n) { got.push_back(n); };
    std::vector<Deferred<>> gets;
    for (int i = 0; i < backlog; ++i)
        gets.push_back(queue.get().add_callback(note));
    auto one_too_many = queue.get();
    BOOST_TEST(fails_with<QueueUnderflow>(one_too_many));
    for (int i = 0; i < backlog; ++i) {
        queue.put(i);
        BOOST_TEST(got.size() == static_cast<std::size_t>(i) + 1);
    }
    for (int i = 0; i < size; ++i)
        queue.put(100 + i);
    BOOST_TEST(queue.size() == 2u);
    BOOST_CHECK_THROW(queue.put(0), QueueOverflow);
    for (int i = 0; i < size; ++i)
        gets.push_back(queue.get().add_callback(note));
    BOOST_TEST(got == (std::vector<int>{0, 1, 100, 101}), boost::test_tools::per_element());

    DeferredQueue<int> nothing_stored(0, DeferredQueue<int>::unbounded);
    BOOST_CHECK_THROW(nothing_stored.put(0), QueueOverflow);
    DeferredQueue<int> nobody_waits(DeferredQueue<int>::unbounded, 0);
    auto refused = nobody_waits.get();
    BOOST_TEST(fails_with<QueueUnderflow>(refused));
}

BOOST_AUTO_TEST_CASE(cancel_queue_after_synchronous_get) {
    DeferredQueue<int> queue(1, 1);
    auto get = queue.get();
    queue.put(1);
    get.cancel();
    BOOST_TEST(get.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(cancel_queue_after_get) {
    DeferredQueue<int> queue(1, 1);
    auto get = queue.get();
    get.cancel();
    BOOST_TEST(fails_with<Cancelled>(get));
    BOOST_TEST(queue.waiting() == 0u);
    queue.put(2);
    BOOST_TEST(queue.get().take().value() == 2);
}

// Ours ---------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(after_a_cancelled_or_dropped_getter_the_value_goes_to_the_next) {
    DeferredQueue<int> queue(0, 3);
    auto cancelled = queue.get();
    auto dropped = queue.get();
    auto next = queue.get();
    cancelled.cancel();
    dropped = Deferred<int>();
    queue.put(3);
    BOOST_TEST(next.take().value() == 3);
    BOOST_TEST(fails_with<Cancelled>(cancelled));
}

BOOST_AUTO_TEST_CASE(values_are_moved_and_those_refused_stay_with_their_owner) {
    DeferredQueue<std::unique_ptr<int>> queue(1, 1);
    queue.put(std::make_unique<int>(1));
    BOOST_TEST(queue.full());
    auto mine = std::make_unique<int>(2);
    BOOST_CHECK_THROW(queue.put(std::move(mine)), QueueOverflow);
    BOOST_REQUIRE(mine != nullptr);
    BOOST_TEST(*queue.get().take().value() == 1);
    auto get = queue.get();
    queue.put(std::move(mine));
    BOOST_TEST(*get.take().value() == 2);

    DeferredQueue<std::string> texts(1, 1);
    const std::string text = "copied";
    texts.put(text);
    BOOST_TEST(texts.get().take().value() == text);
}

BOOST_AUTO_TEST_CASE(what_the_errors_say) {
    DeferredQueue<int> queue(0, 0);
    try {
        queue.put(1);
        BOOST_ERROR("stored");
    } catch (const QueueOverflow& error) {
        BOOST_TEST(error.what() ==
                   std::string("The queue is full: it stores 0 at most. Put less, get more, or give it more room."));
    }
    auto get = queue.get();
    BOOST_TEST(get.take().failure().check<QueueUnderflow>()->what() ==
               std::string("The queue is empty, and as many wait for it as may: 0."));
}

BOOST_AUTO_TEST_CASE(values_put_in_a_getters_callback_go_to_the_next_getters_in_order) {
    DeferredQueue<int> queue(1, 9);
    std::string order;
    const auto note = [&](int n) { order += std::to_string(n); };
    auto a = queue.get().add_callback([&](int n) {
        note(n);
        queue.put(2);  // two wait
        queue.put(3);
        BOOST_TEST(queue.waiting() == 0u);
        BOOST_TEST(queue.size() == 0u);
        BOOST_TEST(!queue.full());
        queue.put(4);
        BOOST_TEST(queue.full());
        BOOST_CHECK_THROW(queue.put(5), QueueOverflow);
        order += '.';
    });
    auto b = queue.get().add_callback(note);
    auto c = queue.get().add_callback(note);
    queue.put(1);
    BOOST_TEST(order == "1.23");
    BOOST_TEST(queue.size() == 1u);
    BOOST_TEST(queue.get().take().value() == 4);
}

BOOST_AUTO_TEST_CASE(a_getter_that_gets_again_in_its_callback_is_behind_those_in_line) {
    DeferredQueue<int> queue(9, 2);
    std::string order;
    Deferred<> again;
    auto a = queue.get().add_callback([&](int n) {
        order += 'a' + std::to_string(n);
        queue.put(2);
        queue.put(3);
        again = queue.get().add_callback([&](int m) { order += 'A' + std::to_string(m); });
    });
    auto b = queue.get().add_callback([&](int n) { order += 'b' + std::to_string(n); });
    queue.put(1);
    BOOST_TEST(order == "a1b2A3");
}

BOOST_AUTO_TEST_CASE(the_backlog_counts_those_for_whom_nothing_is_there) {
    DeferredQueue<int> queue(9, 2);
    Deferred<int> third;
    Deferred<int> fourth;
    Deferred<int> fifth;
    auto a = queue.get().add_callback([&](int) {
        queue.put(2);  // for b
        third = queue.get();
        fourth = queue.get();
        fifth = queue.get();
    });
    auto b = queue.get();
    queue.put(1);
    BOOST_TEST(b.take().value() == 2);
    BOOST_TEST(!third.ready());
    BOOST_TEST(!fourth.ready());
    BOOST_TEST(fails_with<QueueUnderflow>(fifth));
}

BOOST_AUTO_TEST_CASE(a_closed_queue_is_emptied_and_then_at_its_end) {
    DeferredQueue<int> queue(9, 9);
    queue.put(1);
    queue.close();
    queue.close();
    BOOST_TEST(queue.closed());
    BOOST_CHECK_THROW(queue.put(2), QueueClosed);
    BOOST_TEST(queue.get().take().value() == 1);
    auto end = queue.get();
    BOOST_TEST(fails_with<QueueClosed>(end));

    DeferredQueue<int> awaited(9, 9);
    auto a = awaited.get();
    auto b = awaited.get();
    awaited.close();
    BOOST_TEST(fails_with<QueueClosed>(a));
    BOOST_TEST(fails_with<QueueClosed>(b));
}

BOOST_AUTO_TEST_CASE(closed_in_a_getters_callback_it_still_hands_over_what_was_put) {
    DeferredQueue<int> queue(9, 9);
    auto a = queue.get().add_callback([&](int) {
        queue.put(2);
        queue.close();
        auto more = queue.get();
        BOOST_TEST(fails_with<QueueClosed>(more));
    });
    auto b = queue.get();
    auto c = queue.get();
    queue.put(1);
    BOOST_TEST(a.take().has_value());
    BOOST_TEST(b.take().value() == 2);
    BOOST_TEST(fails_with<QueueClosed>(c));
}

BOOST_AUTO_TEST_CASE(destroying_it_fails_who_waits_and_destroys_what_is_stored) {
    Token token;
    std::optional<DeferredQueue<std::shared_ptr<int>>> queue(std::in_place, 9, 9);
    queue->put(token.copy());
    BOOST_TEST(!token.gone());
    queue.reset();
    BOOST_TEST(token.gone());

    queue.emplace(9, 9);
    auto a = queue->get();
    auto b = queue->get();
    queue.reset();
    BOOST_TEST(fails_with<Destroyed>(a));
    BOOST_TEST(fails_with<Destroyed>(b));
}

BOOST_AUTO_TEST_CASE(it_may_be_destroyed_in_a_getters_callback) {
    Token token;
    std::optional<DeferredQueue<std::shared_ptr<int>>> queue(std::in_place, 9, 9);
    auto a = queue->get().add_callback([&](const std::shared_ptr<int>&) {
        for (int i = 0; i < 3; ++i)
            queue->put(token.copy());
        queue.reset();
        BOOST_TEST(token.copy().use_count() == 4);  // the token, this copy, the value here, and the one for b
    });
    auto b = queue->get();
    queue->put(token.copy());
    BOOST_TEST(a.ready());
    BOOST_TEST(b.take().has_value());
    BOOST_TEST(token.gone());

    queue.emplace(9, 9);
    a = queue->get().add_callback([&](const std::shared_ptr<int>&) { queue.reset(); });
    b = queue->get();
    queue->put(token.copy());
    BOOST_TEST(fails_with<Destroyed>(b));
}

BOOST_AUTO_TEST_CASE(a_value_whose_move_throws_fails_its_getter_and_leaves_the_rest_in_order) {
    DeferredQueue<Awkward> queue(9, 9);
    auto get = queue.get();
    Awkward one(1);
    Awkward::moves_left = 1;  // into the queue
    BOOST_CHECK_THROW(queue.put(std::move(one)), std::length_error);
    BOOST_TEST(queue.waiting() == 1u);
    Awkward::moves_left = 2;  // out of it
    queue.put(std::move(one));
    BOOST_TEST(fails_with<std::length_error>(get));
    get = queue.get();
    queue.put(Awkward(2));
    BOOST_TEST(get.take().value().n == 2);
    BOOST_TEST(queue.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_value_whose_move_throws_does_no_harm_to_a_queue_that_is_destroyed) {
    std::optional<DeferredQueue<Awkward>> queue(std::in_place, 9, 9);
    auto first = queue->get().add_callback([&](const Awkward&) {
        queue->put(Awkward(2));
        Awkward::moves_left = 1;
        queue.reset();
    });
    auto second = queue->get();
    auto third = queue->get();
    queue->put(Awkward(1));
    BOOST_TEST(first.ready());
    BOOST_TEST(fails_with<std::length_error>(second));
    BOOST_TEST(fails_with<Destroyed>(third));
}

BOOST_AUTO_TEST_CASE(coroutines_work_until_it_is_closed) {
    DeferredQueue<int> queue(9, 9);
    queue.put(1);
    auto sum = sum_of(queue);
    queue.put(2);
    queue.put(3);
    BOOST_TEST(!sum.ready());
    queue.close();
    BOOST_TEST(sum.take().value() == 6);
}

BOOST_AUTO_TEST_CASE(many_getters_that_each_put_take_constant_stack) {
    on_a_small_stack([] {
        DeferredQueue<int> queue(1, 100000);
        std::vector<Deferred<>> getters;
        int last = 0;
        for (int i = 0; i < 100000; ++i)
            getters.push_back(queue.get().add_callback([&](int n) {
                last = n;
                queue.put(n + 1);
            }));
        queue.put(1);
        BOOST_TEST(last == 100000);
        BOOST_TEST(queue.size() == 1u);
    });
}

// What a chain costs in allocations: counted, because speed rests on it.
#define BOOST_TEST_MODULE deferred_allocation
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <new>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/recycler.hpp"
#include "plait/deferred/lock.hpp"

namespace {

std::size_t allocations = 0;
std::size_t live = 0;

void* counted(std::size_t size) {
    ++allocations;
    ++live;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}

void* counted(std::size_t size, std::align_val_t alignment) {
    ++allocations;
    ++live;
    const auto align = static_cast<std::size_t>(alignment);
    if (void* memory = std::aligned_alloc(align, (size + align - 1) / align * align)) return memory;
    throw std::bad_alloc();
}

void released(void* memory) noexcept {
    if (memory != nullptr) --live;
    std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
    return counted(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return counted(size, alignment);
}
void operator delete(void* memory) noexcept {
    released(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    released(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    released(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    released(memory);
}

using namespace plait;

namespace {

/// How many allocations `body` makes when nothing is there to be reused, and that none is left.
template <typename Body>
std::size_t allocations_in(Body body) {
    detail::give_back_recycled();
    const std::size_t before = allocations;
    const std::size_t live_before = live;
    body();
    detail::give_back_recycled();
    const std::size_t made = allocations - before;
    const std::size_t left = live - live_before;
    BOOST_TEST(left == 0u);
    return made;
}

/// How many allocations `body` makes when it has run before.
template <typename Body>
std::size_t allocations_in_again(Body body) {
    std::size_t made = 0;
    allocations_in([&] {
        body();
        const std::size_t before = allocations;
        body();
        made = allocations - before;
    });
    return made;
}

/// What the recycler saves is only saved where it is on.
std::size_t unless_recycled(std::size_t count) {
    return detail::recycler_is_on() ? 0 : count;
}

Deferred<int> sum_of_ready() {
    int sum = 0;
    for (int i = 0; i < 100; ++i)
        sum += co_await succeed(1);
    co_return sum;
}

Deferred<int> wait_for(Deferred<int>& deferred) {
    co_return co_await std::move(deferred);
}

auto increment = [](int n) { return n + 1; };

}  // namespace

BOOST_AUTO_TEST_CASE(callbacks_on_a_ready_deferred_do_not_allocate) {
    int result = 0;
    const auto made = allocations_in([&] {
        result = succeed(1).add_callback(increment).add_callback(increment).add_callback(increment).take().value();
    });
    BOOST_TEST(made == 0u);
    BOOST_TEST(result == 4);
}

namespace {
void run_a_chain_of_three() {
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).add_callback(increment).add_callback(increment).add_callback(increment);
    promise.callback(1);
    BOOST_TEST(last.take().value() == 4);
}

void await_a_pending_result() {
    auto [deferred, promise] = make_deferred<int>();
    auto last = wait_for(deferred);
    promise.callback(1);
    BOOST_TEST(last.take().value() == 1);
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_pending_chain_of_three_is_one_allocation) {
    BOOST_TEST(allocations_in(run_a_chain_of_three) == 1u);
}

BOOST_AUTO_TEST_CASE(the_next_chain_of_three_takes_the_memory_of_the_one_before) {
    BOOST_TEST(allocations_in_again(run_a_chain_of_three) == unless_recycled(1));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_beside_the_promise_is_recycled_too) {
    struct Large {
        char bytes[64];
    };
    const auto chain = [] {
        Large large{};
        auto [deferred, promise] = make_deferred<int>([large] { std::ignore = large; });
        auto last = std::move(deferred).add_callback([large](int n) { return n + large.bytes[0]; });
        last = std::move(last).add_callback([large](int n) { return n + large.bytes[0]; });
        promise.callback(1);
        BOOST_TEST(last.take().value() == 1);
    };
    const std::size_t first = allocations_in(chain);
    BOOST_TEST(first > 1u);
    BOOST_TEST(first <= 3u);
    BOOST_TEST(allocations_in_again(chain) == unless_recycled(first));
}

BOOST_AUTO_TEST_CASE(awaiting_ready_results_costs_the_frame_and_nothing_more) {
    const auto run = [] { std::ignore = sum_of_ready().take(); };
    BOOST_TEST(allocations_in(run) <= 1u);
    BOOST_TEST(allocations_in_again(run) == unless_recycled(1));
}

BOOST_AUTO_TEST_CASE(awaiting_a_pending_result_costs_the_frame_and_the_promise) {
    BOOST_TEST(allocations_in(await_a_pending_result) == 2u);
}

BOOST_AUTO_TEST_CASE(the_next_coroutine_takes_the_frame_of_the_one_before) {
    BOOST_TEST(allocations_in_again(await_a_pending_result) == unless_recycled(2));
}

BOOST_AUTO_TEST_CASE(a_loop_written_as_returned_deferreds_keeps_its_memory) {
    struct Loop {
        Promise<int>& promise;
        Deferred<int> operator()(int n) {
            auto [next, next_promise] = make_deferred<int>();
            promise = std::move(next_promise);
            if (n == 1000) return succeed(n);
            return std::move(next).add_callback(Loop{promise});
        }
    };
    allocations_in([] {
        Promise<int> promise;
        auto [first, first_promise] = make_deferred<int>();
        promise = std::move(first_promise);
        auto last = std::move(first).add_callback(Loop{promise});
        std::size_t most = 0;
        const std::size_t before = live;
        for (int i = 0; i <= 1000; ++i) {
            auto now = std::move(promise);
            now.callback(i);
            most = std::max(most, live - before);
        }
        BOOST_TEST(last.take().value() == 1000);
        BOOST_TEST(most < 10u);
    });
}

BOOST_AUTO_TEST_CASE(waits_with_nothing_to_run_afterwards_are_passed_over) {
    allocations_in([] {
        auto [innermost, innermost_promise] = make_deferred<int>();
        Deferred<int> last = std::move(innermost);
        const std::size_t before = live;
        std::size_t most = 0;
        for (int i = 0; i < 1000; ++i) {
            auto [outer, promise] = make_deferred<int>();
            auto next = std::move(outer).add_callback([&last](int) { return std::move(last); });
            promise.callback(0);
            last = std::move(next);
            most = std::max(most, live - before);
        }
        BOOST_TEST(most < 10u);
        innermost_promise.callback(7);
        BOOST_TEST(last.take().value() == 7);
    });
}

BOOST_AUTO_TEST_CASE(acquiring_a_free_lock_does_not_allocate) {
    DeferredLock lock;
    const auto made = allocations_in([&lock] {
        {
            const auto hold = lock.acquire().take();
        }
        const auto seven = lock.run([] { return 7; });
    });
    BOOST_TEST(made == 0u);
}

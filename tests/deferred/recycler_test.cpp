// What is kept for the next chain: within its bound, right in whichever thread it ends, and given back.
#define BOOST_TEST_MODULE deferred_recycler
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/recycler.hpp"

using namespace plait;
using detail::give_back_recycled;
using detail::largest_recycled;
using detail::recycled_bytes;
using detail::recycled_delete;
using detail::recycled_new;
using detail::recycler_bound;
using detail::recycler_is_on;

BOOST_AUTO_TEST_CASE(each_size_gets_the_room_it_asked_for) {
    std::vector<std::pair<void*, std::size_t>> pieces;
    for (int round = 0; round < 2; ++round) {
        for (std::size_t size = 1; size <= 2 * largest_recycled; ++size) {
            void* piece = recycled_new(size);
            BOOST_REQUIRE(reinterpret_cast<std::uintptr_t>(piece) % __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 0);
            std::memset(piece, static_cast<int>(size % 256), size);
            pieces.emplace_back(piece, size);
        }
        for (auto [piece, size] : pieces) {
            const auto* bytes = static_cast<const unsigned char*>(piece);
            BOOST_REQUIRE(bytes[0] == size % 256);
            BOOST_REQUIRE(bytes[size - 1] == size % 256);
            recycled_delete(piece, size);
        }
        pieces.clear();
    }
    give_back_recycled();
}

BOOST_AUTO_TEST_CASE(what_one_left_the_next_one_takes) {
    if (!recycler_is_on()) return;
    give_back_recycled();
    void* first = recycled_new(200);
    recycled_delete(first, 200);
    BOOST_TEST(recycled_bytes() >= 200u);
    void* second = recycled_new(200);
    BOOST_TEST(second == first);
    BOOST_TEST(recycled_bytes() == 0u);
    recycled_delete(second, 200);
    give_back_recycled();
    BOOST_TEST(recycled_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_thread_keeps_no_more_than_the_bound) {
    std::vector<Promise<int>> promises;
    std::vector<Deferred<int>> deferreds;
    for (int i = 0; i < 20'000; ++i) {
        auto [deferred, promise] = make_deferred<int>();
        deferreds.push_back(std::move(deferred));
        promises.push_back(std::move(promise));
    }
    deferreds.clear();
    promises.clear();
    BOOST_TEST(recycled_bytes() <= recycler_bound);
    BOOST_TEST(recycled_bytes() >= (recycler_is_on() ? recycler_bound / 2 : 0));
    // It is full: what comes now goes to the allocator. Emptied, it takes again.
    recycled_delete(recycled_new(largest_recycled), largest_recycled);
    BOOST_TEST(recycled_bytes() <= recycler_bound);
    give_back_recycled();
    BOOST_TEST(recycled_bytes() == 0u);
    recycled_delete(recycled_new(64), 64);
    BOOST_TEST(recycled_bytes() >= (recycler_is_on() ? 64u : 0u));
    give_back_recycled();
}

BOOST_AUTO_TEST_CASE(larger_pieces_are_not_kept) {
    give_back_recycled();
    recycled_delete(recycled_new(largest_recycled + 100), largest_recycled + 100);
    BOOST_TEST(recycled_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(pieces_may_end_in_another_thread_than_they_were_made_in) {
    std::array<void*, 100> pieces{};
    for (void*& piece : pieces)
        piece = recycled_new(128);
    std::thread other([&] {
        for (void* piece : pieces)
            recycled_delete(piece, 128);
        for (void*& piece : pieces)
            piece = recycled_new(128);
    });
    other.join();
    for (void* piece : pieces)
        recycled_delete(piece, 128);
    give_back_recycled();
}

namespace {
struct EndsLast {
    void* piece = nullptr;
    ~EndsLast() {
        recycled_delete(piece, 100);
        recycled_delete(recycled_new(100), 100);
        kept_at_the_end = recycled_bytes();
    }
    static inline std::size_t kept_at_the_end = 1;
};
thread_local EndsLast ends_last;
}  // namespace

BOOST_AUTO_TEST_CASE(a_thread_that_ends_keeps_nothing_even_of_what_comes_after) {
    std::thread thread([] {
        ends_last.piece = recycled_new(100);  // made before the recycler's own end, so destroyed after it
        recycled_delete(recycled_new(50), 50);
    });
    thread.join();
    BOOST_TEST(EndsLast::kept_at_the_end == 0u);
}

#define BOOST_TEST_MODULE receive_queue
#include "plait/reactor/protocols/receive_queue.hpp"

#include <boost/test/unit_test.hpp>

#include "plait/reactor/testing/cuts.hpp"
#include "plait/reactor/testing/seeded.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT

BOOST_AUTO_TEST_CASE(what_is_taken_is_what_was_pushed_however_both_are_cut) {
    std::string text;
    for (int i = 0; i < 500; ++i)
        text += std::to_string(i) + " ";
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        Seeded random(seed);
        ReceiveQueue queue;
        std::string taken;
        for (const auto& piece : cut_at_random(text, seed, 60)) {
            queue.push(Bytes::copy(piece));
            for (auto size = random.between(0, 80); size > 0 && size <= queue.size(); size = random.between(0, 80)) {
                const std::string expected(queue.peek(size));
                const bool drop = random.chance(0.3);
                taken += drop ? expected : queue.take(size).str();
                if (drop) queue.drop(size);
                BOOST_TEST((drop || taken.ends_with(expected)), "seed " << seed);
            }
            if (random.chance(0.5)) queue.settle();
        }
        BOOST_TEST(queue.size() == text.size() - taken.size());
        taken += queue.take(queue.size()).view();
        BOOST_TEST((taken == text), "seed " << seed);
        BOOST_TEST(queue.empty());
    }
}

BOOST_AUTO_TEST_CASE(bytes_that_wait_let_go_of_the_buffer_they_came_in) {
    ReceiveQueue queue;
    const auto buffer = Bytes::copy(std::string(1000, 'x'));
    const auto* const there = buffer.data();
    queue.push(buffer.slice(0, 10));
    BOOST_TEST((queue.front().data() == there));
    queue.settle();
    BOOST_TEST((queue.front().data() != there));
    BOOST_TEST(queue.size() == 10U);
}

BOOST_AUTO_TEST_CASE(a_queue_is_empty_after_clear) {
    ReceiveQueue queue;
    queue.push(Bytes::copy("abc"));
    queue.settle();
    queue.push(Bytes::copy("def"));
    queue.drop(1);
    queue.clear();
    BOOST_TEST(queue.empty());
    BOOST_TEST(queue.front() == "");
    queue.push(Bytes::copy("new"));
    BOOST_TEST(queue.take(3).view() == "new");
    BOOST_TEST(queue.take(0).empty());
}

BOOST_AUTO_TEST_CASE(what_is_empty_is_not_queued) {
    ReceiveQueue queue;
    queue.push({});
    BOOST_TEST(queue.empty());
    queue.push(Bytes::copy("a"));
    BOOST_TEST(queue.front() == "a");
}

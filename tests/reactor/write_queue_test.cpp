#define BOOST_TEST_MODULE write_queue
#include "plait/reactor/detail/write_queue.hpp"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>

using plait::Bytes;
using plait::detail::WriteQueue;

namespace {

/// What the kernel would be given, of it at most the first `most` bytes.
std::string front(const WriteQueue& queue, std::size_t most = std::string::npos) {
    std::array<iovec, WriteQueue::most_vectors> room;
    std::string text;
    const std::size_t count = queue.gather(room);
    for (std::size_t i = 0; i < count && text.size() < most; ++i)
        text.append(static_cast<const char*>(room[i].iov_base), std::min(room[i].iov_len, most - text.size()));
    return text;
}

std::size_t pieces(const WriteQueue& queue) {
    std::array<iovec, WriteQueue::most_vectors> room;
    return queue.gather(room);
}

}  // namespace

BOOST_AUTO_TEST_CASE(small_writes_are_gathered_into_one_piece) {
    WriteQueue queue;
    std::string expected;
    for (int i = 0; i < 50; ++i) {
        queue.push("word " + std::to_string(i));
        expected += "word " + std::to_string(i);
    }
    BOOST_TEST(pieces(queue) == 1U);
    BOOST_TEST(front(queue) == expected);
    BOOST_TEST(queue.size() == expected.size());
}

BOOST_AUTO_TEST_CASE(slices_are_queued_without_copying) {
    WriteQueue queue;
    const Bytes first = Bytes::own("short, but the first");
    const Bytes large = Bytes::own(std::string(5000, 'x'));
    queue.push(first);
    queue.push(large);
    std::array<iovec, 4> room;
    BOOST_TEST(queue.gather(room) == 2U);
    BOOST_TEST(room[0].iov_base == static_cast<const void*>(first.data()));
    BOOST_TEST(room[1].iov_base == static_cast<const void*>(large.data()));
}

BOOST_AUTO_TEST_CASE(order_is_kept_whatever_is_mixed_and_however_it_is_cut) {
    for (std::size_t cut : {1U, 7U, 500U, 4000U}) {
        WriteQueue queue;
        std::string expected;
        std::string written;
        for (std::size_t i = 0; i < 300; ++i) {
            const std::string text(i * 37 % 2000, static_cast<char>('a' + i % 26));
            expected += text;
            if (i % 3 == 0) queue.push(Bytes::copy(text));
            if (i % 3 != 0) queue.push(std::string_view(text));
            if (i % 5 == 0 && queue.size() > cut) {
                written += front(queue, cut);
                queue.consume(cut);
            }
        }
        while (!queue.empty()) {
            const std::string next = front(queue, cut);
            written += next;
            queue.consume(next.size());
        }
        BOOST_TEST((written == expected));
    }
}

BOOST_AUTO_TEST_CASE(text_given_to_the_kernel_is_not_overwritten_by_later_text) {
    WriteQueue queue;
    queue.push("first");
    std::array<iovec, 2> room;
    BOOST_TEST(queue.gather(room) == 1U);
    queue.push("second");
    BOOST_TEST(std::string_view(static_cast<const char*>(room[0].iov_base), room[0].iov_len) == "first");
    queue.consume(5);
    BOOST_TEST(front(queue) == "second");
}

BOOST_AUTO_TEST_CASE(one_call_gets_no_more_vectors_than_the_kernel_takes) {
    WriteQueue queue;
    for (int i = 0; i < 3000; ++i)
        queue.push(Bytes::own(std::string(600, 'x')));
    BOOST_TEST(pieces(queue) == WriteQueue::most_vectors);
    queue.consume(2000 * 600);
    BOOST_TEST(pieces(queue) == 1000U);
}

BOOST_AUTO_TEST_CASE(an_emptied_queue_lets_go_of_what_it_held) {
    static int released = 0;
    struct Noted : plait::detail::BytesBlock {
        Noted()
            : BytesBlock([](plait::detail::BytesBlock* block) noexcept {
                  ++released;
                  delete static_cast<Noted*>(block);
              }) {}
    };
    WriteQueue queue;
    auto* block = new Noted;
    queue.push(Bytes::share("abc", 3, block));
    queue.push(Bytes::share("def", 3, block));
    block->references.fetch_sub(1);
    queue.consume(2);
    BOOST_TEST(released == 0);
    queue.consume(4);
    BOOST_TEST(released == 1);
    BOOST_TEST(queue.empty());
}

#define BOOST_TEST_MODULE block_pool
#include "plait/reactor/detail/block_pool.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <vector>

using plait::Bytes;
using plait::detail::BlockPool;

namespace {

Bytes read(BlockPool& pool, std::string_view text) {
    const auto room = pool.room();
    BOOST_REQUIRE(room.size() >= text.size());
    std::memcpy(room.data(), text.data(), text.size());
    return pool.take(text.size());
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_block_that_nobody_kept_is_used_again_from_its_start) {
    BlockPool pool;
    const char* const start = pool.room().data();
    for (int i = 0; i < 100; ++i) {
        const Bytes slice = read(pool, std::string(5000, 'x'));
        BOOST_TEST(static_cast<const void*>(slice.data()) == static_cast<const void*>(start));
    }
    BOOST_TEST(pool.room().size() == BlockPool::block_size);
}

BOOST_AUTO_TEST_CASE(kept_slices_never_change_and_share_blocks) {
    BlockPool pool;
    std::vector<Bytes> kept;
    for (int i = 0; i < 1000; ++i)
        kept.push_back(read(pool, "piece " + std::to_string(i)));
    for (int i = 0; i < 1000; ++i)
        BOOST_TEST(kept[static_cast<std::size_t>(i)].view() == "piece " + std::to_string(i));
    BOOST_TEST(kept[1].data() - kept[0].data() == 7);
}

BOOST_AUTO_TEST_CASE(a_read_never_has_too_little_room) {
    BlockPool pool;
    std::vector<Bytes> kept;
    for (int i = 0; i < 200; ++i) {
        BOOST_TEST(pool.room().size() >= BlockPool::least_room);
        kept.push_back(pool.take(std::min<std::size_t>(pool.room().size(), 9000)));
    }
}

BOOST_AUTO_TEST_CASE(slices_outlive_the_pool) {
    Bytes kept;
    {
        BlockPool pool;
        kept = read(pool, "still here");
    }
    BOOST_TEST(kept.view() == "still here");
}

#define BOOST_TEST_MODULE zk_frames

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "plait/reactor/testing/cuts.hpp"
#include "plait/reactor/testing/fault_plan.hpp"
#include "plait/zk/proto/frames.hpp"
#include "plait/zk/proto/jute.hpp"

using plait::Bytes;
using namespace plait::testing;
using namespace plait::zk::proto;

namespace {

std::string framed(const std::string& body) {
    std::string text(4, '\0');
    Writer(text.data()).int32(static_cast<std::int32_t>(body.size()));
    return text + body;
}

std::vector<std::string> split(const Pieces& pieces) {
    FrameSplitter splitter(1 << 20);
    std::vector<std::string> bodies;
    for (const auto& piece : pieces) {
        splitter.feed(Bytes::copy(piece));
        for (Frame frame; splitter.next(frame);)
            bodies.emplace_back(frame.body);
    }
    BOOST_TEST(splitter.buffered() == 0u);
    return bodies;
}

const std::vector<std::string> bodies{"first", "", std::string(300, 'x'), "y", std::string(70'000, 'z')};

std::string stream() {
    std::string text;
    for (const auto& body : bodies)
        text += framed(body);
    return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_stream_gives_the_same_frames_however_it_is_cut) {
    for (const auto& pieces : ways_to_cut(stream()))
        BOOST_TEST(split(pieces) == bodies, boost::test_tools::per_element());
    for (const auto seed : seeds(200))
        BOOST_TEST(split(cut_at_random(stream(), seed, 1 + seed * 200)) == bodies, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_frame_in_one_piece_is_not_copied) {
    FrameSplitter splitter(100);
    const auto chunk = Bytes::copy(framed("hello"));
    splitter.feed(chunk);
    Frame frame;
    BOOST_REQUIRE(splitter.next(frame));
    BOOST_TEST((frame.body.data() == chunk.data() + 4));
    const auto kept = frame.owner->slice_of(frame.body);
    BOOST_TEST(!splitter.next(frame));
    BOOST_TEST(kept.view() == "hello");
}

BOOST_AUTO_TEST_CASE(a_slice_of_a_gathered_frame_outlives_the_splitter) {
    Bytes kept;
    {
        FrameSplitter splitter(100);
        Frame frame;
        splitter.feed(Bytes::copy(framed("hello").substr(0, 6)));
        BOOST_TEST(!splitter.next(frame));
        splitter.feed(Bytes::copy(framed("hello").substr(6) + framed("again")));
        BOOST_REQUIRE(splitter.next(frame));
        kept = frame.owner->slice_of(frame.body);
        BOOST_REQUIRE(splitter.next(frame));
        BOOST_TEST(frame.body == "again");
    }
    BOOST_TEST(kept.view() == "hello");
}

BOOST_AUTO_TEST_CASE(a_length_above_the_limit_or_below_zero_is_refused_before_anything_is_gathered) {
    for (const std::string& prefix : {std::string("\0\0\0\x65", 4), std::string("\x7f\xff\xff\xff"),
                                      std::string("\xff\xff\xff\xff"), std::string("\x80\0\0\0", 4)}) {
        Frame frame;
        FrameSplitter whole(100);
        whole.feed(Bytes::copy(prefix));
        BOOST_CHECK_THROW(whole.next(frame), DecodeError);

        FrameSplitter bytewise(100);
        for (std::size_t i = 0; i < 3; ++i) {
            bytewise.feed(Bytes::copy(prefix.substr(i, 1)));
            BOOST_TEST(!bytewise.next(frame));
        }
        bytewise.feed(Bytes::copy(prefix.substr(3)));
        BOOST_CHECK_THROW(bytewise.next(frame), DecodeError);
    }
}

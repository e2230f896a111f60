#include "plait/tests/fuzz/fuzz.hpp"
#include "plait/zk/proto/frames.hpp"
#include "plait/zk/proto/jute.hpp"

namespace plait::fuzz {

namespace {

constexpr std::size_t limit = 64;

std::string frames(const Pieces& pieces) {
    zk::proto::FrameSplitter splitter(limit);
    std::string said;
    try {
        for (const auto& piece : pieces) {
            splitter.feed(Bytes::copy(piece));
            for (zk::proto::Frame frame; splitter.next(frame);) {
                expect(frame.body.size() <= limit, "no frame is longer than the limit");
                said.append(std::to_string(frame.body.size())).append(":").append(frame.body).append("\n");
            }
            expect(splitter.buffered() <= limit + 4, "no more than a frame is kept");
        }
    } catch (const zk::proto::DecodeError& refused) {
        said.append(refused.what());
    }
    return said;
}

}  // namespace

void one_input(std::string_view input) {
    const auto ways = ways_to_cut(input);
    const auto whole = frames(ways.front());
    for (const auto& pieces : ways)
        expect_same(frames(pieces), whole, "frames are the same however they are cut");
}

}  // namespace plait::fuzz

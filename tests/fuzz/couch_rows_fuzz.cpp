// The body of a view. Limits are small, so that the fuzzer reaches them.
#include "plait/tests/couch_async/split_events.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

void one_input(std::string_view input) {
    using couch_async::events;
    couch_async::SplitLimits small;
    small.row_bytes = 256;
    small.meta_bytes = 256;
    small.depth = 8;
    const auto ways = ways_to_cut(input);
    const auto whole = events(ways.front());
    const auto whole_small = events(ways.front(), small);
    for (const auto& pieces : ways) {
        expect_same(events(pieces, {}, {2, 64}), whole, "rows are the same however a body is cut");
        expect_same(events(pieces, small), whole_small, "limits are met at the same place however a body is cut");
    }
}

}  // namespace plait::fuzz

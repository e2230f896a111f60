// The first byte says which format the rest is in.
#include "plait/reactor/protocols/gzip_decoder.hpp"

#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

namespace {

constexpr std::uint64_t most = 200'000;

std::string decoded(GzipDecoder::Format format, const Pieces& pieces) {
    GzipDecoder decoder(format, {.bytes = most});
    std::string out;
    try {
        for (const auto& piece : pieces) {
            decoder.feed(Bytes::copy(piece));
            for (auto made = decoder.next(); !made.empty(); made = decoder.next())
                out.append(made.view());
            expect(out.size() <= most, "what comes out is bounded");
        }
        decoder.finish();
        return out + "\nwhole";
    } catch (const HttpLimitExceeded&) {
        return "too large";
    } catch (const HttpBadContent&) {
        return "bad";
    }
}

}  // namespace

void one_input(std::string_view input) {
    if (input.empty()) return;
    const auto format = (input.front() & 1) != 0 ? GzipDecoder::Format::gzip : GzipDecoder::Format::deflate;
    const auto ways = ways_to_cut(input.substr(1));
    const auto whole = decoded(format, ways.front());
    for (const auto& pieces : ways)
        expect_same(decoded(format, pieces), whole, "what comes out is the same however it is cut");
}

}  // namespace plait::fuzz

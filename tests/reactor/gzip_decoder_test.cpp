#define BOOST_TEST_MODULE gzip_decoder
#include "plait/reactor/protocols/gzip_decoder.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <vector>

#include "plait/tests/reactor/deflated.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT

namespace {

using Format = GzipDecoder::Format;

/// All that comes out of `pieces`; throws what the decoder throws.
std::string decode(Format format, const std::vector<std::string>& pieces, GzipLimits limits = {}) {
    GzipDecoder decoder(format, limits);
    std::string out;
    for (const auto& piece : pieces) {
        decoder.feed(Bytes::copy(piece));
        for (auto made = decoder.next(); !made.empty(); made = decoder.next())
            out += made.view();
    }
    decoder.finish();
    return out;
}

std::vector<std::string> cut(const std::string& text, std::size_t most) {
    std::mt19937 random(7);  // NOLINT: the same cuts each run
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = most == 1 ? 1 : 1 + random() % most;
        pieces.push_back(text.substr(at, size));
        at += size;
    }
    return pieces;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_went_in_comes_out_however_it_is_cut) {
    for (const auto& text : {std::string(), std::string("x"), numbered_text(300'000), std::string(200'000, 'z')}) {
        for (const std::size_t most : {std::size_t(1), std::size_t(50), std::size_t(1) << 20}) {
            BOOST_TEST((decode(Format::gzip, cut(gzipped(text), most)) == text));
            BOOST_TEST((decode(Format::deflate, cut(zlibbed(text), most)) == text));
            BOOST_TEST((decode(Format::deflate, cut(deflated(text), most)) == text));
        }
    }
}

BOOST_AUTO_TEST_CASE(members_may_follow_each_other) {
    const auto both = gzipped("one ") + gzipped("") + gzipped("two");
    BOOST_TEST(decode(Format::gzip, {both}) == "one two");
    BOOST_TEST(decode(Format::gzip, cut(both, 1)) == "one two");
}

BOOST_AUTO_TEST_CASE(what_comes_before_the_damage_comes_out_however_it_is_cut) {
    const auto text = numbered_text(1000);
    auto wrong = gzipped(text);
    wrong[wrong.size() - 5] ^= 1;  // of the check behind the bytes
    for (const std::size_t most : {std::size_t(1), std::size_t(50), std::size_t(1) << 20}) {
        GzipDecoder decoder(Format::gzip);
        std::string out;
        const auto decode_all = [&] {
            for (const auto& piece : cut(wrong, most)) {
                decoder.feed(Bytes::copy(piece));
                for (auto made = decoder.next(); !made.empty(); made = decoder.next())
                    out += made.view();
            }
        };
        BOOST_CHECK_THROW(decode_all(), HttpBadContent);
        BOOST_TEST(out == text);
        BOOST_CHECK_THROW(decoder.next(), HttpBadContent);
        BOOST_CHECK_THROW(decoder.finish(), HttpBadContent);
    }
}

BOOST_AUTO_TEST_CASE(nothing_is_nothing) {
    BOOST_TEST(decode(Format::gzip, {}) == "");
    BOOST_TEST(decode(Format::deflate, {""}) == "");
}

BOOST_AUTO_TEST_CASE(every_cut_is_noticed) {
    const auto whole = gzipped("some text, some more text");
    for (std::size_t size = 1; size < whole.size(); ++size)
        BOOST_CHECK_THROW(decode(Format::gzip, {whole.substr(0, size)}), HttpBadContent);
    const auto raw = deflated("some text, some more text");
    for (std::size_t size = 1; size < raw.size(); ++size)
        BOOST_CHECK_THROW(decode(Format::deflate, {raw.substr(0, size)}), HttpBadContent);
}

BOOST_AUTO_TEST_CASE(damage_is_noticed) {
    const auto whole = gzipped(numbered_text(1000));
    for (const std::size_t at : {std::size_t(0), std::size_t(2), whole.size() / 2, whole.size() - 6}) {
        auto damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
        BOOST_CHECK_THROW(decode(Format::gzip, {damaged}), HttpBadContent);
    }
    BOOST_CHECK_THROW(decode(Format::gzip, {whole + "x"}), HttpBadContent);
    BOOST_CHECK_THROW(decode(Format::gzip, {whole, "x"}), HttpBadContent);
    BOOST_CHECK_THROW(decode(Format::deflate, {zlibbed("x") + "x"}), HttpBadContent);
    BOOST_CHECK_THROW(decode(Format::gzip, {"plain text"}), HttpBadContent);
}

BOOST_AUTO_TEST_CASE(what_comes_out_is_bounded) {
    const auto bomb = gzipped(std::string(30'000'000, '\0'));
    GzipLimits limits;
    BOOST_CHECK_THROW(decode(Format::gzip, {bomb}, limits), HttpLimitExceeded);
    limits.ratio = 0;
    BOOST_TEST(decode(Format::gzip, {bomb}, limits).size() == 30'000'000U);
    limits.bytes = 1'000'000;
    BOOST_CHECK_THROW(decode(Format::gzip, {bomb}, limits), HttpLimitExceeded);
    limits.bytes = 30'000'000;
    BOOST_TEST(decode(Format::gzip, {bomb}, limits).size() == 30'000'000U);
}

BOOST_AUTO_TEST_CASE(pieces_are_small_however_much_is_to_come) {
    GzipDecoder decoder(Format::gzip);
    decoder.feed(Bytes::own(gzipped(std::string(3'000'000, 'x'))));
    for (auto piece = decoder.next(); !piece.empty(); piece = decoder.next())
        BOOST_TEST(piece.size() <= 32U * 1024);
}

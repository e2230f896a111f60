#include "plait/couch_async/detail/structural_scan.hpp"

#include <algorithm>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace plait::couch_async::detail {
namespace {

/// One byte in each of eight lanes: the high bit of each lane where it equals `wanted`.
std::uint64_t lanes_equal(std::uint64_t word, unsigned char wanted) noexcept {
    constexpr std::uint64_t low7 = 0x7F7F7F7F7F7F7F7F;
    const std::uint64_t difference = word ^ (0x0101010101010101 * wanted);
    return ~(((difference & low7) + low7) | difference | low7);
}

/// The high bits of the eight lanes, side by side.
std::uint64_t gather_high_bits(std::uint64_t lanes) noexcept {
    return (lanes >> 7) * 0x0102040810204080 >> 56;
}

std::uint64_t load_little_endian(const char* at) noexcept {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    return word;
}

BlockBits classify_portable(const char* text) noexcept {
    BlockBits bits{};
    for (int i = 0; i < 8; ++i) {
        const std::uint64_t word = load_little_endian(text + 8 * i);
        const std::uint64_t lower = word | 0x2020202020202020;
        const std::uint64_t marks = lanes_equal(lower, '{') | lanes_equal(lower, '}');
        const std::uint64_t controls = lanes_equal(word & 0xE0E0E0E0E0E0E0E0, 0);
        bits.quotes |= gather_high_bits(lanes_equal(word, '"')) << 8 * i;
        bits.backslashes |= gather_high_bits(lanes_equal(word, '\\')) << 8 * i;
        bits.marks |= gather_high_bits(marks) << 8 * i;
        bits.controls |= gather_high_bits(controls) << 8 * i;
    }
    return bits;
}

/// All of a text in blocks of 64; the rest is padded with spaces, which mean nothing in or out of strings.
template <class Classify>
void scan_blocks(const char* text, std::size_t size, std::uint32_t base, ScanCarry& carry, ScanOutput& out,
                 Classify classify) {
    std::uint64_t* quote_word = out.quotes;
    while (size != 0) {
        char padded[64];
        const char* block = text;
        if (size < 64) {
            std::memset(padded, ' ', sizeof padded);
            std::memcpy(padded, text, size);
            block = padded;
        }
        const std::size_t taken = std::min<std::size_t>(size, 64);
        BlockBits bits = classify(block);
        // A backslash as the last byte escapes a byte that is not here yet, not the padding.
        ScanCarry next = carry;
        const std::uint64_t escaped = escaped_bytes(bits.backslashes, next);
        if (taken < 64) next.escaped = escaped >> taken & 1;
        const std::uint64_t quotes = bits.quotes & ~escaped;
        carry.escaped = next.escaped;
        carry.saw_backslash = next.saw_backslash;
        const bool goes_on = finish_block(bits, quotes, parity_by_shifts(quotes), base, quote_word++, carry, out);
        out.end = write_marks(out.end, bits.marks, base);
        if (!goes_on) return;
        text += taken;
        base += static_cast<std::uint32_t>(taken);
        size -= taken;
    }
}

#if defined(__SSE2__)
BlockBits classify_sse2(const char* text) noexcept {
    BlockBits bits{};
    for (int i = 0; i < 4; ++i) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + 16 * i));
        const auto mask = [i](__m128i equal) noexcept {
            return static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(equal))) << 16 * i;
        };
        const auto is = [](__m128i where, char wanted) noexcept {
            return _mm_cmpeq_epi8(where, _mm_set1_epi8(wanted));
        };
        const __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
        const __m128i brackets = _mm_or_si128(is(lower, '{'), is(lower, '}'));
        const __m128i last_control = _mm_set1_epi8(0x1F);
        bits.quotes |= mask(is(bytes, '"'));
        bits.backslashes |= mask(is(bytes, '\\'));
        bits.marks |= mask(brackets);
        bits.controls |= mask(_mm_cmpeq_epi8(_mm_max_epu8(bytes, last_control), last_control));
    }
    return bits;
}

void run_sse2(const char* text, std::size_t size, std::uint32_t base, ScanCarry& carry, ScanOutput& out) {
    scan_blocks(text, size, base, carry, out, classify_sse2);
}
#endif

ScanFunction choose() noexcept {
    for (ScanFunction candidate : {scan_avx512(), scan_avx2(), scan_sse2()})
        if (candidate != nullptr) return candidate;
    return scan_portable;
}

}  // namespace

void scan_portable(const char* text, std::size_t size, std::uint32_t base, ScanCarry& carry, ScanOutput& out) {
    scan_blocks(text, size, base, carry, out, classify_portable);
}

ScanFunction scan_sse2() noexcept {
#if defined(__SSE2__)
    return run_sse2;
#else
    return nullptr;
#endif
}

ScanFunction best_scan() noexcept {
    static const ScanFunction best = choose();
    return best;
}

}  // namespace plait::couch_async::detail

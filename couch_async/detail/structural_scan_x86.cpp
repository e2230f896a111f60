// The scans with AVX2 and AVX-512. Built on every x86-64, whatever the compiler's flags, and chosen at run time.
#include <array>
#include <cstring>

#include "plait/couch_async/detail/structural_scan.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define PLAIT_AVX2 [[gnu::target("avx2,pclmul,bmi,popcnt")]]
#define PLAIT_AVX512 [[gnu::target("avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,pclmul,bmi,popcnt")]]

namespace plait::couch_async::detail {
namespace {

/// Parity by carry-less multiplication with all ones: one instruction instead of six dependent shifts.
PLAIT_AVX2 inline std::uint64_t parity_by_clmul(std::uint64_t bits) noexcept {
    const __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<long long>(bits)), _mm_set1_epi8(-1), 0);
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}

PLAIT_AVX2 inline std::uint64_t both(__m256i low, __m256i high) noexcept {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
           static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32;
}

PLAIT_AVX2 inline __m256i is(__m256i bytes, char wanted) noexcept {
    return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(wanted));
}

PLAIT_AVX2 inline __m256i is_mark(__m256i bytes) noexcept {
    const __m256i lower = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
    return _mm256_or_si256(is(lower, '{'), is(lower, '}'));
}

PLAIT_AVX2 inline __m256i is_control(__m256i bytes) noexcept {
    const __m256i last = _mm256_set1_epi8(0x1F);
    return _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, last), last);
}

PLAIT_AVX2 inline BlockBits classify_avx2(const char* text) noexcept {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + 32));
    return {both(is(low, '"'), is(high, '"')), both(is(low, '\\'), is(high, '\\')), both(is_mark(low), is_mark(high)),
            both(is_control(low), is_control(high))};
}

/// What is left when less than a block is.
void scan_rest(const char* text, std::size_t size, std::uint32_t base, std::uint64_t* quotes, ScanCarry& carry,
               ScanOutput& out) {
    if (size == 0) return;
    ScanOutput rest{out.marks, out.end, quotes};
    scan_portable(text, size, base, carry, rest);
    out.end = rest.end;
    out.bad = rest.bad;
}

PLAIT_AVX2 void run_avx2(const char* text, std::size_t size, std::uint32_t base, ScanCarry& carry, ScanOutput& out) {
    std::uint64_t* quote_word = out.quotes;
    for (; size >= 64; size -= 64, text += 64, base += 64) {
        BlockBits bits = classify_avx2(text);
        const std::uint64_t quotes = bits.quotes & ~escaped_bytes(bits.backslashes, carry);
        const bool goes_on = finish_block(bits, quotes, parity_by_clmul(quotes), base, quote_word++, carry, out);
        out.end = write_marks(out.end, bits.marks, base);
        if (!goes_on) return;
    }
    scan_rest(text, size, base, quote_word, carry, out);
}

PLAIT_AVX512 inline BlockBits classify_avx512(const char* text) noexcept {
    const __m512i bytes = _mm512_loadu_si512(text);
    const __m512i lower = _mm512_or_si512(bytes, _mm512_set1_epi8(0x20));
    const std::uint64_t marks =
        _mm512_cmpeq_epi8_mask(lower, _mm512_set1_epi8('{')) | _mm512_cmpeq_epi8_mask(lower, _mm512_set1_epi8('}'));
    return {_mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"')), _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\')),
            marks, _mm512_cmplt_epu8_mask(bytes, _mm512_set1_epi8(0x20))};
}

PLAIT_AVX512 inline void store_16(std::uint32_t* out, __m512i bases, __m128i bytes) noexcept {
    _mm512_storeu_si512(out, _mm512_add_epi32(bases, _mm512_maskz_cvtepu8_epi32(0xFFFF, bytes)));
}

/// The numbers of the set bits, packed and widened, sixteen a store.
PLAIT_AVX512 inline std::uint32_t* compress_marks(std::uint32_t* out, std::uint64_t marks, std::uint32_t base,
                                                  __m512i numbers) noexcept {
    const int count = std::popcount(marks);
    const __m512i packed = _mm512_maskz_compress_epi8(marks, numbers);
    const __m512i bases = _mm512_set1_epi32(static_cast<int>(base));
    store_16(out, bases, __builtin_shufflevector(packed, packed, 0, 1));
    if (count > 16) [[unlikely]] {
        alignas(64) std::uint8_t bytes[64];
        _mm512_store_si512(bytes, packed);
        for (int at = 16; at < count; at += 16)
            store_16(out + at, bases, _mm_load_si128(reinterpret_cast<const __m128i*>(bytes + at)));
    }
    return out + count;
}

PLAIT_AVX512 void run_avx512(const char* text, std::size_t size, std::uint32_t base, ScanCarry& carry,
                             ScanOutput& out) {
    alignas(64) static constexpr auto bit_numbers = [] {
        std::array<std::uint8_t, 64> numbers{};
        for (std::uint8_t i = 0; i < 64; ++i)
            numbers[i] = i;
        return numbers;
    }();
    const __m512i numbers = _mm512_load_si512(bit_numbers.data());
    std::uint64_t* quote_word = out.quotes;
    std::uint32_t* end = out.end;
    for (; size >= 64; size -= 64, text += 64, base += 64) {
        BlockBits bits = classify_avx512(text);
        const std::uint64_t quotes = bits.quotes & ~escaped_bytes(bits.backslashes, carry);
        const bool goes_on = finish_block(bits, quotes, parity_by_clmul(quotes), base, quote_word++, carry, out);
        end = compress_marks(end, bits.marks, base, numbers);
        if (!goes_on) break;
    }
    out.end = end;
    if (out.bad == ScanOutput::no_position) scan_rest(text, size, base, quote_word, carry, out);
}

bool runs_avx2() noexcept {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("popcnt");
}

}  // namespace

ScanFunction scan_avx2() noexcept {
    return runs_avx2() ? run_avx2 : nullptr;
}

ScanFunction scan_avx512() noexcept {
    const bool runs = runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2");
    return runs ? run_avx512 : nullptr;
}

}  // namespace plait::couch_async::detail

#else

namespace plait::couch_async::detail {

ScanFunction scan_avx2() noexcept {
    return nullptr;
}
ScanFunction scan_avx512() noexcept {
    return nullptr;
}

}  // namespace plait::couch_async::detail

#endif

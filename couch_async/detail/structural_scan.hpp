// The first of two passes over rows: which bytes of a text are brackets outside strings, and which are quotes that open
// or close one. Knows nothing of nesting or grammar; a text is scanned in pieces and the carry takes strings and
// escapes across the cuts.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace plait::couch_async::detail {

/// What one piece leaves to the next.
struct ScanCarry {
    std::uint64_t in_string = 0;  ///< all ones: the piece ended within a string
    std::uint64_t escaped = 0;    ///< 1: the first byte of the next piece is escaped
    bool saw_backslash = false;   ///< there was a backslash; for the caller to reset
};

struct ScanOutput {
    static constexpr std::uint32_t no_position = 0xFFFFFFFF;

    std::uint32_t* marks;   ///< positions of { } [ ] outside strings; room for one a byte and 16 more
    std::uint32_t* end;     ///< one past the last mark written
    std::uint64_t* quotes;  ///< one word for each 64 bytes, a bit for each quote that opens or closes a string
    /// The first byte no JSON text has where it is: a control character in a string, a backslash outside. Marks and
    /// quotes stop before it.
    std::uint32_t bad = no_position;
};

/// Scans `size` bytes at `text`. Marks count from `base`.
using ScanFunction = void (*)(const char* text, std::size_t size, std::uint32_t base, ScanCarry& carry,
                              ScanOutput& out);

void scan_portable(const char* text, std::size_t size, std::uint32_t base, ScanCarry& carry, ScanOutput& out);

/// Null where the compiler cannot build it or the processor cannot run it.
ScanFunction scan_sse2() noexcept;
ScanFunction scan_avx2() noexcept;
ScanFunction scan_avx512() noexcept;

/// The fastest of the above that runs here; chosen once.
ScanFunction best_scan() noexcept;

// What follows is shared by the implementations, which differ in how they look at 64 bytes only.

/// A bit for each of 64 bytes.
struct BlockBits {
    std::uint64_t quotes;
    std::uint64_t backslashes;
    std::uint64_t marks;     ///< { } [ ] wherever they are
    std::uint64_t controls;  ///< below 0x20
};

/// Which bytes of the block have a backslash before them that is not escaped itself.
[[gnu::always_inline]] inline std::uint64_t escaped_bytes(std::uint64_t backslashes, ScanCarry& carry) noexcept {
    std::uint64_t escaped = carry.escaped;
    if (backslashes == 0) [[likely]] {
        carry.escaped = 0;
        return escaped;
    }
    carry.saw_backslash = true;
    std::uint64_t left = backslashes & ~escaped;
    carry.escaped = 0;
    while (left != 0) {
        const std::uint64_t first = left & (0 - left);
        const std::uint64_t next = first << 1;
        if (next == 0) carry.escaped = 1;
        escaped |= next;
        left &= ~(first | next);
    }
    return escaped;
}

/// Bit i is the parity of bits 0..i: ones from each opening quote up to before its closing quote.
[[gnu::always_inline]] inline std::uint64_t parity_by_shifts(std::uint64_t bits) noexcept {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^= bits << 32;
    return bits;
}

/// Writes the positions of the bits of `marks`. Eight at a time without asking how many there are: rows have fewer in a
/// block, and a wrong guess by the processor costs more than the extra writes.
[[gnu::always_inline]] inline std::uint32_t* write_marks(std::uint32_t* out, std::uint64_t marks,
                                                         std::uint32_t base) noexcept {
    const int count = std::popcount(marks);
    for (int i = 0; i < 8; ++i) {
        out[i] = base + static_cast<std::uint32_t>(std::countr_zero(marks));
        marks &= marks - 1;
    }
    for (int i = 8; i < count; ++i) {
        out[i] = base + static_cast<std::uint32_t>(std::countr_zero(marks));
        marks &= marks - 1;
    }
    return out + count;
}

/// Second half of a block. `quotes` are its unescaped quotes, `parity` their parity. Marks outside strings are left in
/// `block`. False where a bad byte ends the scan.
[[gnu::always_inline]] inline bool finish_block(BlockBits& block, std::uint64_t quotes, std::uint64_t parity,
                                                std::uint32_t base, std::uint64_t* quote_word, ScanCarry& carry,
                                                ScanOutput& out) noexcept {
    const std::uint64_t in_string = parity ^ carry.in_string;
    const std::uint64_t bad = (block.controls & in_string) | (block.backslashes & ~in_string);
    block.marks &= ~in_string;
    carry.in_string = 0 - (in_string >> 63);
    if (bad != 0) [[unlikely]] {
        const std::uint64_t before = (bad & (0 - bad)) - 1;
        out.bad = base + static_cast<std::uint32_t>(std::countr_zero(bad));
        quotes &= before;
        block.marks &= before;
    }
    *quote_word = quotes;
    return bad == 0;
}

}  // namespace plait::couch_async::detail

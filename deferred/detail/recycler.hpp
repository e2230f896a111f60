// Memory for what comes and goes with every chain: Cores, their arenas' blocks, coroutine frames, gathered parts. What
// one leaves the next one takes, without the allocator. Not a pool: nothing is set aside before it was used once, and
// what does not fit goes to the allocator as before.
#pragma once

#include <cstddef>

namespace plait::detail {

/// Bytes that a thread may keep for reuse; also the most that one which has ended its work holds on to.
inline constexpr std::size_t recycler_bound = 256 * 1024;
/// Larger pieces are not kept.
inline constexpr std::size_t largest_recycled = 1024;

/// At the alignment of a plain `new`. Throws std::bad_alloc.
void* recycled_new(std::size_t size);

/// Gives back what recycled_new(size) gave, in any thread: it is kept by the thread that gives it back, up to the
/// bound. Lifetime: what a thread kept goes back to the allocator when the thread ends, or with give_back_recycled().
void recycled_delete(void* memory, std::size_t size) noexcept;

/// Gives all that this thread kept back to the allocator.
void give_back_recycled() noexcept;

/// Bytes this thread keeps at present.
std::size_t recycled_bytes() noexcept;

/// False under the address sanitizer: there each piece goes back at once, so that a use after its end is found.
bool recycler_is_on() noexcept;

}  // namespace plait::detail

// Cuts: a text in pieces, as a network may deliver it: for tests that a parser reads the same however it is fed.
// Not a transport; see fault_plan.hpp for connections that cut by themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace plait::testing {

/// Pieces own their bytes, each in memory of just its size, so that the address sanitizer sees a read beyond one.
using Pieces = std::vector<std::string>;

/// Pieces of `size` bytes; the last may be shorter. Throws std::invalid_argument for a size of 0.
Pieces cut_every(std::string_view text, std::size_t size);

/// Pieces of 1 to `longest` bytes. The same seed gives the same cuts, on every machine. Throws std::invalid_argument
/// for a longest of 0.
Pieces cut_at_random(std::string_view text, std::uint64_t seed, std::size_t longest = 16);

/// Whole, byte by byte, in two at every place (of a text up to 1000 bytes), and in `random` random ways from `seed` on.
std::vector<Pieces> ways_to_cut(std::string_view text, std::uint64_t seed = 1, int random = 20);

}  // namespace plait::testing

// Seeded: random numbers for tests that are the same again for the same seed, with every compiler and on every machine.
// Not for secrets, and not for statistics.
#pragma once

#include <cstdint>

namespace plait::testing {

/// The generator called SplitMix64. The standard's distributions differ from one library to the next; these do not.
class Seeded {
public:
    explicit Seeded(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }

    /// A number of [low, high]. Precondition: low <= high, and not the whole range of numbers.
    std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept { return low + next() % (high - low + 1); }

    /// True in `probability` of all cases; 0 is never, 1 always.
    bool chance(double probability) noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability; }

private:
    std::uint64_t state_;
};

}  // namespace plait::testing

// Verdict: what the mirrors hold against what the view has. Reads the journal itself rather than asking the mirrors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_set>
#include <vector>

#include "checkpoint.hpp"

namespace rig {

struct Verdict {
    std::uint64_t expected = 0;
    std::uint64_t mirrored = 0;
    std::uint64_t lost = 0;
    std::uint64_t repeated = 0;
    std::uint64_t strange = 0;  ///< rows nobody expected

    bool good() const noexcept { return lost == 0 && repeated == 0 && strange == 0; }
};

/// Compares the rows that `checkpoint` counts with the ids that the view has.
Verdict judge(const std::filesystem::path& journal, const view_mirror::Checkpoint& checkpoint,
              const std::unordered_set<std::string>& expected);

}  // namespace rig

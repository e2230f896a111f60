// FaultPlan: what goes wrong on a connection in memory: split, late, lost, changed, cut off, by a seed.
// Not the connection: see connected_pair.hpp and MemoryNetwork::set_faults().
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace plait::testing {

/// How likely each fault is whenever bytes are carried a step; 0 never, 1 always. The same plan and the same protocols
/// give the same run, everywhere. A test that tries many seeds has it printed when it fails:
///
///     for (std::uint64_t seed : seeds(100)) {
///         const FaultPlan plan{.seed = seed, .split = 0.5, .delay = 0.2};
///         BOOST_TEST_CONTEXT(plan) { ... }
///     }
struct FaultPlan {
    std::uint64_t seed = 0;
    double split = 0;    ///< only some of the bytes are carried, the others in later steps
    double delay = 0;    ///< none are carried for 1 to longest_delay steps
    double drop = 0;     ///< what is carried never arrives, and nobody is told
    double corrupt = 0;  ///< one bit is turned round
    double close = 0;    ///< the connection breaks: both ends see ConnectionLost
    std::uint64_t longest_delay = 5;

    /// "FaultPlan{.seed = 7, .split = 0.5}": as it is written in a test, with what is not 0.
    std::string str() const;
};

std::ostream& operator<<(std::ostream& out, const FaultPlan& plan);

/// The seeds 1 to `count`. When the environment variable PLAIT_TEST_SEED is set: that one alone, to look at one run.
/// Throws std::invalid_argument when it is no number.
std::vector<std::uint64_t> seeds(std::uint64_t count);

}  // namespace plait::testing

// open_descriptors: for tests of what is given back. Not how many a process may open: that is descriptor_limit.hpp.
#pragma once

#include <cstddef>
#include <filesystem>

namespace plait::testing {

/// Open descriptors of this process.
inline std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        ++count;
    return count - 1;  // the iterator's own
}

}  // namespace plait::testing

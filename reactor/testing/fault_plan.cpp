#include "plait/reactor/testing/fault_plan.hpp"

#include <cstdlib>
#include <ostream>

#include <fmt/format.h>

namespace plait::testing {

std::string FaultPlan::str() const {
    auto text = fmt::format("FaultPlan{{.seed = {}", seed);
    const auto add = [&text](const char* name, double probability) {
        if (probability > 0) text += fmt::format(", .{} = {}", name, probability);
    };
    add("split", split);
    add("delay", delay);
    add("corrupt", corrupt);
    add("close", close);
    if (longest_delay != FaultPlan().longest_delay) text += fmt::format(", .longest_delay = {}", longest_delay);
    return text + "}";
}

std::ostream& operator<<(std::ostream& out, const FaultPlan& plan) {
    return out << plan.str();
}

std::vector<std::uint64_t> seeds(std::uint64_t count) {
    if (const char* const one = std::getenv("PLAIT_TEST_SEED")) return {std::strtoull(one, nullptr, 10)};
    std::vector<std::uint64_t> all;
    for (std::uint64_t seed = 1; seed <= count; ++seed)
        all.push_back(seed);
    return all;
}

}  // namespace plait::testing

#include "plait/reactor/testing/fault_plan.hpp"

#include <charconv>
#include <cstdlib>
#include <ostream>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace plait::testing {

std::string FaultPlan::str() const {
    auto text = fmt::format("FaultPlan{{.seed = {}", seed);
    const auto add = [&text](const char* name, double probability) {
        if (probability > 0) text += fmt::format(", .{} = {}", name, probability);
    };
    add("split", split);
    add("delay", delay);
    add("drop", drop);
    add("corrupt", corrupt);
    add("close", close);
    if (longest_delay != FaultPlan().longest_delay) text += fmt::format(", .longest_delay = {}", longest_delay);
    return text + "}";
}

std::ostream& operator<<(std::ostream& out, const FaultPlan& plan) {
    return out << plan.str();
}

std::vector<std::uint64_t> seeds(std::uint64_t count) {
    if (const char* const one = std::getenv("PLAIT_TEST_SEED")) {
        std::uint64_t seed = 0;
        const std::string_view text(one);
        const auto read = std::from_chars(text.begin(), text.end(), seed);
        if (read.ec != std::errc() || read.ptr != text.end())
            throw std::invalid_argument("PLAIT_TEST_SEED=" + std::string(text) + " is no number");
        return {seed};
    }
    std::vector<std::uint64_t> all;
    for (std::uint64_t seed = 1; seed <= count; ++seed)
        all.push_back(seed);
    return all;
}

}  // namespace plait::testing

#include "plait/reactor/testing/memory_reactor.hpp"

#include <algorithm>
#include <stdexcept>

namespace plait::testing {

namespace {
constexpr int most_rounds = 10'000;
}  // namespace

void MemoryReactor::settle() {
    for (int round = 0; round < most_rounds; ++round) {
        network.flush();
        clock.advance(Duration::zero());
        if (!network.pump()) return;
    }
    throw std::runtime_error("MemoryReactor::settle: timers and bytes set each other off for ever");
}

void MemoryReactor::pass(Duration time, Duration step) {
    if (step <= Duration::zero()) throw std::invalid_argument("MemoryReactor::pass: steps must take time");
    settle();
    for (Duration passed{}; passed < time; passed += step) {
        clock.advance(std::min(step, time - passed));
        settle();
    }
}

}  // namespace plait::testing

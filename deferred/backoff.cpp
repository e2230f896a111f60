#include "plait/deferred/backoff.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "plait/deferred/errors.hpp"

namespace plait {

namespace {

void require(bool sensible, const char* sentence) {
    if (!sensible) throw UsageError(sentence);
}

// One question to the system a thread; after that seeds only have to differ.
std::uint64_t fresh_seed() {
    thread_local std::mt19937_64 seeds{std::random_device()()};
    return seeds();
}

double nanoseconds(Duration duration) {
    return static_cast<double>(duration.count());
}

}  // namespace

Backoff::Backoff(const BackoffPolicy& policy)
    : policy_(policy), delay_(nanoseconds(policy.initial)), random_(policy.seed ? *policy.seed : fresh_seed()) {
    require(policy.initial >= Duration::zero(), "BackoffPolicy::initial is negative: a delay is zero or more.");
    require(policy.cap >= policy.initial, "BackoffPolicy::cap is below the initial delay.");
    require(std::isfinite(policy.factor) && policy.factor >= 1, "BackoffPolicy::factor is below 1 or not a number.");
    require(policy.jitter >= 0 && policy.jitter <= 1, "BackoffPolicy::jitter is not between 0 and 1.");
}

Duration Backoff::next() {
    const double cap = nanoseconds(policy_.cap);
    const double low = delay_ * (1 - policy_.jitter);
    const double high = std::min(delay_ * (1 + policy_.jitter), cap);
    const double chosen = low + ((high - low) * random());
    delay_ = std::min(delay_ * policy_.factor, cap);
    ++given_;
    return chosen >= cap ? policy_.cap : Duration(static_cast<Duration::rep>(chosen));
}

void Backoff::reset() noexcept {
    delay_ = nanoseconds(policy_.initial);
    given_ = 0;
}

// SplitMix64: eight bytes of state, any seed is good, and the same numbers with every standard library.
double Backoff::random() noexcept {
    random_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = random_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    mixed ^= mixed >> 31U;
    return static_cast<double>(mixed >> 11U) * 0x1p-53;
}

}  // namespace plait

// Histogram: how long something took, over and over, in buckets that double. Not exact: a quantile is right to within
// its bucket, a factor of two.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "plait/deferred/clock.hpp"

namespace plait {

/// Counts durations. Bucket i holds those of at least 2^(i-1) and less than 2^i nanoseconds; bucket 0 those of zero.
/// Recording is a handful of instructions and never allocates. A plain value: copying one is a snapshot.
/// Threads: one at a time.
class Histogram {
public:
    /// The last bucket, which begins at about five hours, takes all that is longer, too.
    static constexpr std::size_t bucket_count = 46;

    void record(Duration taken) noexcept {
        const auto nanoseconds = taken.count() > 0 ? static_cast<std::uint64_t>(taken.count()) : 0;
        const auto bucket = static_cast<std::size_t>(std::bit_width(nanoseconds));
        ++counts_[bucket < bucket_count ? bucket : bucket_count - 1];
        sum_ += nanoseconds;
        if (nanoseconds > longest_) longest_ = nanoseconds;
        ++count_;
    }

    std::uint64_t count() const noexcept { return count_; }
    Duration sum() const noexcept { return Duration(static_cast<Duration::rep>(sum_)); }
    Duration longest() const noexcept { return Duration(static_cast<Duration::rep>(longest_)); }

    /// How many are in this bucket. Precondition: bucket < bucket_count.
    std::uint64_t in_bucket(std::size_t bucket) const noexcept { return counts_[bucket]; }
    /// What its durations stay below.
    static constexpr Duration bucket_end(std::size_t bucket) noexcept { return Duration(Duration::rep{1} << bucket); }

    /// The duration that `share` of all stayed below: 0.5 for the median, 0.99 for the slowest hundredth. Interpolated
    /// within its bucket, never more than longest(); zero when nothing was recorded.
    /// Precondition: 0 <= share <= 1.
    Duration quantile(double share) const noexcept;

private:
    std::array<std::uint64_t, bucket_count> counts_{};
    std::uint64_t count_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t longest_ = 0;
};

}  // namespace plait

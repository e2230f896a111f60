// Histograms: how large something was, or how long it took, over and over, in buckets that double. Not exact: a
// quantile is right to within its bucket, a factor of two.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "plait/deferred/clock.hpp"

namespace plait {

/// Counts numbers. Bucket i holds those of at least 2^(i-1) and less than 2^i; bucket 0 holds the zeros.
/// Recording is a handful of instructions and never allocates. A plain value: copying one is a snapshot.
/// Threads: one at a time.
class CountHistogram {
public:
    /// The last bucket takes all that is larger.
    static constexpr std::size_t bucket_count = 46;

    void record(std::uint64_t number) noexcept {
        const auto bucket = static_cast<std::size_t>(std::bit_width(number));
        ++counts_[bucket < bucket_count ? bucket : bucket_count - 1];
        sum_ += number;
        if (number > largest_) largest_ = number;
        ++count_;
    }

    std::uint64_t count() const noexcept { return count_; }
    std::uint64_t sum() const noexcept { return sum_; }
    std::uint64_t largest() const noexcept { return largest_; }

    /// How many are in this bucket. Precondition: bucket < bucket_count.
    std::uint64_t in_bucket(std::size_t bucket) const noexcept { return counts_[bucket]; }
    /// What its numbers stay below.
    static constexpr std::uint64_t bucket_end(std::size_t bucket) noexcept { return std::uint64_t{1} << bucket; }

    /// The number that `share` of all stayed below: 0.5 for the median, 0.99 for the largest hundredth. Interpolated
    /// within its bucket, never more than largest(); zero when nothing was recorded.
    /// Precondition: 0 <= share <= 1.
    std::uint64_t quantile(double share) const noexcept;

private:
    std::array<std::uint64_t, bucket_count> counts_{};
    std::uint64_t count_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t largest_ = 0;
};

/// The same for durations, in nanoseconds; the last bucket begins at about five hours. What is below none counts as
/// none.
class Histogram {
public:
    static constexpr std::size_t bucket_count = CountHistogram::bucket_count;

    void record(Duration taken) noexcept {
        nanoseconds_.record(taken.count() > 0 ? static_cast<std::uint64_t>(taken.count()) : 0);
    }

    std::uint64_t count() const noexcept { return nanoseconds_.count(); }
    Duration sum() const noexcept { return to_duration(nanoseconds_.sum()); }
    Duration longest() const noexcept { return to_duration(nanoseconds_.largest()); }
    std::uint64_t in_bucket(std::size_t bucket) const noexcept { return nanoseconds_.in_bucket(bucket); }
    static constexpr Duration bucket_end(std::size_t bucket) noexcept {
        return to_duration(CountHistogram::bucket_end(bucket));
    }
    Duration quantile(double share) const noexcept { return to_duration(nanoseconds_.quantile(share)); }

private:
    static constexpr Duration to_duration(std::uint64_t nanoseconds) noexcept {
        return Duration(static_cast<Duration::rep>(nanoseconds));
    }

    CountHistogram nanoseconds_;
};

}  // namespace plait

#include "plait/reactor/histogram.hpp"

#include <algorithm>

namespace plait {

std::uint64_t CountHistogram::quantile(double share) const noexcept {
    const double wanted = share * static_cast<double>(count_);
    double before = 0;
    for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
        const auto here = static_cast<double>(counts_[bucket]);
        if (here > 0 && before + here >= wanted) {
            const auto end = static_cast<double>(bucket_end(bucket));
            const double begin = bucket == 0 ? 0 : end / 2;
            const double inside = begin + (end - begin) * (wanted - before) / here;
            return bucket == 0 ? 0 : std::min(static_cast<std::uint64_t>(inside), largest_);
        }
        before += here;
    }
    return largest_;
}

}  // namespace plait

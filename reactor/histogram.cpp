#include "plait/reactor/histogram.hpp"

#include <algorithm>

namespace plait {

Duration Histogram::quantile(double share) const noexcept {
    const double wanted = share * static_cast<double>(count_);
    double before = 0;
    for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
        const auto here = static_cast<double>(counts_[bucket]);
        if (here > 0 && before + here >= wanted) {
            const double end = static_cast<double>(bucket_end(bucket).count());
            const double begin = bucket == 0 ? 0 : end / 2;
            const double inside = begin + (end - begin) * (wanted - before) / here;
            return std::min(Duration(static_cast<Duration::rep>(inside)), longest());
        }
        before += here;
    }
    return longest();
}

}  // namespace plait

#include "plait/deferred/detail/with_timeout.hpp"

#include <cstdio>

namespace plait::detail {

Failure timed_out(const TimeLimit& limit) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%g", std::chrono::duration<double>(limit.limit).count());
    return make_failure(TimeoutError(limit.what + " took longer than " + seconds + " s"));
}

}  // namespace plait::detail

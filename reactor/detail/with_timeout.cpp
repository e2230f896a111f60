#include "plait/reactor/detail/with_timeout.hpp"

#include <fmt/format.h>

namespace plait::detail {

Failure timed_out(const TimeLimit& limit) {
    const double seconds = std::chrono::duration<double>(limit.limit).count();
    return make_failure(TimeoutError(fmt::format("{} took longer than {:g} s", limit.what, seconds)));
}

}  // namespace plait::detail

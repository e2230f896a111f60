#include "plait/deferred/detail/with_timeout.hpp"

#include <cstdio>

namespace plait::detail {

std::unique_ptr<TimeLimit> limit_time(Clock& clock, Duration limit, Core* core) {
    auto state = std::make_unique<TimeLimit>(TimeLimit{limit});
    state->timer = clock.call_later(limit, [core, &passed = state->passed] {
        passed = true;  // the cancelling may end the chain, and with it this
        cancel(core);
    });
    return state;
}

Failure timed_out(const std::string& what, Duration limit, SourceLocation added) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%g", std::chrono::duration<double>(limit).count());
    return make_failure(TimeoutError(what + " took longer than " + seconds + " s"), added);
}

}  // namespace plait::detail

#include "plait/reactor/protocols/timeout_mixin.hpp"

#include <utility>

#include "plait/reactor/protocol.hpp"

namespace plait {

TimeoutMixin::~TimeoutMixin() = default;

std::optional<Duration> TimeoutMixin::set_timeout(std::optional<Duration> limit) {
    const auto before = std::exchange(limit_, limit);
    if (!limit) {
        call_.cancel();
    } else if (call_.active()) {
        call_.reset(*limit);
    } else {
        call_ = clock_.call_later(*limit, [this] { timeout_connection(); });
    }
    return before;
}

void TimeoutMixin::reset_timeout() {
    if (limit_ && call_.active()) call_.reset(*limit_);
}

void TimeoutMixin::timeout_connection() {
    protocol_.transport().lose_connection();
}

}  // namespace plait

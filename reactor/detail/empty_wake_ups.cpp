#include "plait/reactor/detail/empty_wake_ups.hpp"

#include <poll.h>

namespace plait::detail {
namespace {

constexpr int most_in_a_row = 16;

}  // namespace

bool EmptyWakeUps::was_shut_down(int fd) noexcept {
    if (++in_a_row_ < most_in_a_row) return false;
    in_a_row_ = 0;
    pollfd state{fd, POLLRDHUP, 0};
    return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP)) != 0;
}

}  // namespace plait::detail

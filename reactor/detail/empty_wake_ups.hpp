// EmptyWakeUps: tells a socket that others empty faster from one that was shut down behind our back. Not for streams:
// those are told of their end.
#pragma once

namespace plait::detail {

/// A listening or datagram socket that something else in this program, or who shares it, shut down is readable for ever
/// and may say no more than that nothing is there.
class EmptyWakeUps {
public:
    /// There was something.
    void reset() noexcept { in_a_row_ = 0; }

    /// There was nothing. Returns whether the socket was shut down; asks the kernel only after many in a row.
    bool was_shut_down(int fd) noexcept;

private:
    int in_a_row_ = 0;
};

}  // namespace plait::detail

// The sockets that systemd has opened for this process, as its environment tells. Not the sockets' owner.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace plait::detail {

/// Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES; null for what is not set.
class SystemdSockets {
public:
    static constexpr int first_fd = 3;

    SystemdSockets(const char* listen_pid, const char* listen_fds, const char* listen_fdnames, pid_t self);

    /// The descriptor. Both throw CannotListen, which says what there is instead.
    int find(std::size_t index) const;
    int find(const std::string& name) const;

private:
    [[noreturn]] void refuse(const std::string& wanted) const;

    std::vector<std::string> names_;  ///< one for each, empty if it has none
    std::string why_none_;
};

}  // namespace plait::detail

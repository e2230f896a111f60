// Wakeup: a descriptor that any thread, or a signal handler, can make readable. Carries no message.
#pragma once

#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

/// Destroying it closes the descriptor.
class Wakeup {
public:
    /// Throws std::system_error when the process is out of descriptors.
    Wakeup();

    int fd() const noexcept { return fd_.get(); }

    /// Makes it readable. Threads: any; async-signal-safe.
    void set() noexcept;

    /// Makes it unreadable again.
    void clear() noexcept;

private:
    UniqueFd fd_;
};

}  // namespace plait::detail

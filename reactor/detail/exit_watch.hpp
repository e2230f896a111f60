// ExitWatch: one child's exit, learnt and reaped, and signals to it until then. By a pidfd where the system has them,
// else by its number and SIGCHLD. Knows nothing else of the child.
#pragma once

#include <sys/types.h>

#include <optional>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/detail/io_watch.hpp"
#include "plait/reactor/process_errors.hpp"
#include "plait/reactor/signals.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

class ReactorCore;

/// Destroying it before the exit hands the child to reap_orphans().
class ExitWatch final : private EventHandler {
public:
    /// Calls `on_exit` once, in a turn; it may not destroy the watch.
    ExitWatch(ReactorCore& core, pid_t child, UniqueFunction<void(const ExitStatus&)> on_exit);
    ExitWatch(const ExitWatch&) = delete;
    ExitWatch& operator=(const ExitWatch&) = delete;
    ~ExitWatch();

    /// Returns: 0 or the errno. ESRCH also where somebody else has taken the status of a child that has exited: its
    /// number is free then, and perhaps another's.
    int send_signal(int number) noexcept;
    /// Likewise to the group that it leads.
    int send_signal_to_group(int number) noexcept;

    /// Kills the child and waits for it, a second at most. Returns how it ended; `on_exit` is not called any more.
    ExitStatus kill_and_wait() noexcept;

private:
    void event_ready(IOFlags flags) noexcept override;
    void check() noexcept;
    std::optional<ExitStatus> reap() noexcept;
    std::optional<ExitStatus> wait_for_killed() noexcept;

    ReactorCore& core_;
    pid_t child_;  ///< 0 once reaped
    UniqueFunction<void(const ExitStatus&)> on_exit_;
    UniqueFd pidfd_;
    std::optional<IOWatch> watch_;
    SignalSubscription signal_;  ///< without a pidfd
    DelayedCall first_check_;    ///< likewise: it may have exited before we listened
};

/// Kills a child that could not be watched, and waits for it.
void end_unwatched_child(pid_t child) noexcept;

/// Reaps children whose reactors have gone. Called where children are started.
/// Threads: any.
void reap_orphans() noexcept;

}  // namespace plait::detail

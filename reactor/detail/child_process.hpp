// ChildProcess: a running child as the reactor keeps it: its exit, its pipes, and what its protocol is told when.
// Not the starting of it: that is child_start.hpp, with the options read in process.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plait/reactor/detail/exit_watch.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/stream_ends.hpp"
#include "plait/reactor/process.hpp"
#include "plait/reactor/protocol.hpp"

namespace plait::detail {

/// Our end of one of the child's descriptors.
struct ChildEnd {
    int child_fd;
    StreamEnds ends;
};

/// Lifetime: owns itself, until the child has exited and all its descriptors are closed; destroyed at the end of that
///           turn.
class ChildProcess final : public ProcessTransport, public Doomed, private Flushable, private Resource {
public:
    struct Started {
        pid_t pid;
        std::string program;  ///< for messages
        std::vector<ChildEnd> ends;
        UniqueFd terminal;  ///< our end again, to change its size by
        bool leads_group;
    };

    /// If it throws, nothing of `started` is left but the child, which is the caller's to end.
    ChildProcess(ReactorCore& core, Started started, std::shared_ptr<ProcessProtocol> protocol);
    ~ChildProcess() override = default;

    std::optional<pid_t> pid() const noexcept override;
    std::optional<ExitStatus> status() const noexcept override { return status_; }
    Transport& descriptor(int child_fd) const override;
    void close_descriptor(int child_fd) override;
    void lose_connection() override;
    void pause_producing() override;
    void resume_producing() override;
    void signal_process(int number) override;
    void signal_group(int number) override;
    void set_window_size(WindowSize size) override;

private:
    class Pipe;

    Pipe* find(int child_fd) const noexcept;
    void flush() noexcept override;
    void reactor_destroyed() noexcept override;
    void reactor_stopped() noexcept override;
    std::string describe() const override;

    void tell_made() noexcept;
    void exited(const ExitStatus& status) noexcept;
    void pipe_lost(int child_fd, const Failure& reason) noexcept;
    void end_if_due() noexcept;
    void require_running(int number, const std::string& whom) const;
    void require_sent(int error, int number, const std::string& whom) const;
    std::string name() const;

    ReactorCore& core_;
    const pid_t pid_;
    const std::string program_;
    const bool leads_group_;
    const bool has_terminal_;
    bool made_told_ = false;
    bool ended_ = false;
    std::size_t open_pipes_ = 0;
    std::shared_ptr<ProcessProtocol> protocol_;
    std::vector<std::shared_ptr<Pipe>> pipes_;
    UniqueFd terminal_;
    std::optional<ExitStatus> status_;
    std::optional<Failure> reason_;
    std::optional<ExitWatch> exit_;  ///< always, once constructed
};

}  // namespace plait::detail

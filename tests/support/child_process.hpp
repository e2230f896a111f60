// A program run by a test, in a process group of its own. Not Plait's own process support: plain POSIX, so that a fault
// in the reactor cannot hide in the tests of the reactor.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plait::support {

/// What to run. `command[0]` is looked up on the PATH.
struct Command {
    std::vector<std::string> arguments;
    std::filesystem::path log;             ///< Gets standard output and standard error, appended.
    std::vector<std::string> environment;  ///< `NAME=value`, added to this process's.
};

/// How a program ended: `status` 0 to 255 from exit, or 128 + the signal that killed it, as a shell counts.
struct Exit {
    int status;
};

/// A running program.
///
/// The destructor kills the whole process group and waits for it; what the program started itself dies with it in any
/// case. The program is killed too when the thread that started it ends, so a crashed test leaves nothing behind.
class ChildProcess {
public:
    /// Fails: with std::runtime_error when the program cannot be started, saying why.
    explicit ChildProcess(Command command);
    ~ChildProcess();
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&& other) noexcept;

    pid_t pid() const noexcept { return pid_; }
    bool running();

    /// Everything the program has printed, including what an earlier one printed to the same log.
    std::string log() const;

    /// Waits until the program ends. Nothing when it has not within `limit`.
    std::optional<Exit> wait(std::chrono::milliseconds limit);

    /// Waits until `text` is in the log.
    /// Fails: with std::runtime_error that shows the end of the log, when the program ended or `limit` passed first.
    void wait_for_log(std::string_view text, std::chrono::milliseconds limit);

    /// Sends a signal to the process group. Nothing happens once the program has ended.
    void signal(int number);

    /// SIGSTOP and SIGCONT: its sockets stay open, and nothing answers. pause() returns when all of it has stopped.
    /// Fails: with std::runtime_error when it has not within ten seconds.
    void pause();
    void resume();

    /// SIGKILL, and waits for the end.
    void kill();

    /// SIGTERM, and waits; SIGKILL after `patience`. Gives how it ended.
    Exit stop(std::chrono::milliseconds patience = std::chrono::seconds(10));

private:
    bool stopped_or_ended_within(std::chrono::milliseconds limit) const;
    void reap();

    std::string name_;
    std::filesystem::path log_;
    pid_t pid_ = -1;
    int pidfd_ = -1;
    std::optional<Exit> exit_;
};

/// The last lines of a log, for error messages.
std::string last_lines(std::string_view log, int count = 20);

/// True when `command` is an executable on the PATH.
bool on_path(const std::string& command);

}  // namespace plait::support

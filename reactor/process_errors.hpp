// How child processes fail to start and how they end, as types to catch. Messages name the program and the cause.
// Not here: what goes wrong with their pipes, which are connections like others (errors.hpp).
#pragma once

#include <optional>
#include <string>

#include "plait/deferred/errors.hpp"

namespace plait {

/// Base of what goes wrong with child processes.
class ProcessError : public Error {
public:
    using Error::Error;
};

/// A child process could not be started; nothing of it is left.
class SpawnError : public ProcessError {
public:
    using ProcessError::ProcessError;
};
/// There is no such program.
class ProgramNotFound : public SpawnError {
public:
    using SpawnError::SpawnError;
};
/// There is, but it may not be run, or is none.
class ProgramNotExecutable : public SpawnError {
public:
    using SpawnError::SpawnError;
};

/// A signal was sent to a process that has ended.
class ProcessExitedAlready : public ProcessError {
public:
    using ProcessError::ProcessError;
};

/// A process whose output was collected wrote more than was allowed, and was ended for it.
class ProcessOutputTooLong : public ProcessError {
public:
    using ProcessError::ProcessError;
};

/// How a process ended. Both optionals are empty when somebody else took the status: a program that ignores SIGCHLD or
/// waits for all children itself.
struct ExitStatus {
    std::optional<int> exit_code;
    std::optional<int> signal;  ///< that ended it
    bool core_dumped = false;

    bool success() const noexcept { return exit_code == 0; }
    friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

/// Why there is no process any more; what ProcessProtocol is told.
class ProcessEnded : public ProcessError {
public:
    ProcessEnded(const std::string& sentence, ExitStatus status) : ProcessError(sentence), status_(status) {}
    const ExitStatus& status() const noexcept { return status_; }

private:
    ExitStatus status_;
};
/// It exited with code 0.
class ProcessDone : public ProcessEnded {
public:
    using ProcessEnded::ProcessEnded;
};
/// It exited with another code, or a signal ended it.
class ProcessTerminated : public ProcessEnded {
public:
    using ProcessEnded::ProcessEnded;
};

}  // namespace plait

// Running a program for what it says: its output, its exit code, or both, as a Deferred.
// Not for talking to it while it runs: that is process.hpp.
#pragma once

#include <cstddef>
#include <string>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/reactor/process_errors.hpp"
#include "plait/reactor/process_options.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait {

struct CollectOptions {
    /// Written to its standard input, which is then closed.
    std::string input = {};
    /// Of each of output and error output; a program that writes more is ended.
    std::size_t most_output = 16 * 1024 * 1024;
    /// Between asking a program to end (SIGTERM) and ending it (SIGKILL).
    Duration grace = std::chrono::seconds(2);
};

struct ProcessResult {
    std::string output;
    std::string error_output;
    int exit_code = 0;
};

/// Runs a program to its end and collects what it writes to 1 and 2.
///
/// Fires:  when it has exited and its descriptors are closed, with any exit code.
/// Fails:  with SpawnError; ProcessTerminated when a signal ended it; ProcessOutputTooLong; std::invalid_argument; with
///         ReactorStopped when the reactor is stopped or destroyed before, which ends the program as Cancel does.
/// Cancel: ends the program, with its group if it leads one: SIGTERM, and SIGKILL after the grace. Dropping likewise;
///         neither waits for it.
/// Source: getProcessOutputAndValue of Twisted.
Deferred<ProcessResult> process_output_and_value(Reactor& reactor, ProcessOptions options, CollectOptions collect = {});

/// What it writes to 1. A program that exits with another code than 0 is a failure here: ProcessTerminated, with the
/// end of what it wrote to 2. Else as above.
Deferred<std::string> process_output(Reactor& reactor, ProcessOptions options, CollectOptions collect = {});

/// Its exit code; what it writes is thrown away. Else as above.
Deferred<int> process_value(Reactor& reactor, ProcessOptions options, CollectOptions collect = {});

}  // namespace plait

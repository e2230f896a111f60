// A program as an endpoint: its standard input and output are the connection. For what is spoken over a pipe: an agent
// behind "ssh host", a language server, a helper of one's own.
// Not for one's own descriptors or terminals: that is process.hpp. Not a shell: nothing is expanded.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/bytes.hpp"
#include "plait/reactor/endpoint.hpp"
#include "plait/reactor/process_errors.hpp"
#include "plait/reactor/process_options.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait {

struct ProcessEndpointOptions {
    /// Gets what the program writes to its error output. Without it that is read and thrown away. Either way its end,
    /// up to 400 bytes, is quoted when the program fails. What this throws is reported as an unhandled failure.
    std::function<void(const Bytes& data)> error_output{};

    /// How long a program whose connection is closed may leave alone what was written to it, or take to exit; then it
    /// is asked to (SIGTERM), and after as long again killed (SIGKILL). And how long its error output is waited for
    /// when it has exited and something else holds that open.
    Duration grace = std::chrono::seconds(5);
};

/// Starts a program for each connection: what the protocol writes the program reads, and what it writes is received.
///
/// The transport is like any other, with half-close, time-outs, producers and back-pressure both ways:
///
///     end of its output         read_connection_lost(), whatever else it does
///     lose_write_connection()   ends its input; what it answers is still received
///     lose_connection()         ends its input after what is queued, and lets it come to its own end: what it writes
///                               now is read and thrown away
///     abort_connection()        kills it (SIGKILL)
///
/// connection_lost() comes when it has exited and all that it wrote was received, with the exit status as the reason:
///
///     ConnectionDone            code 0
///     ProcessTerminated         another code or a signal, with status(), and the end of its error output
///     ConnectionLost            code 0, but it had not taken all that was written
///     others                    as over TCP: ConnectionAborted, ConnectionTimedOut, what the protocol threw
///
/// What it started, and what holds its output open when it has exited, is still heard, until the connection is closed.
/// Signals go to the whole group when it leads one (`new_group`, `new_session`).
///
/// `options`: 0 and 1 are the connection's. 2 is handled as said above, or as you name it: `null`, or `inherited(2)`
/// for ours. Further descriptors may be `null` or `inherited`.
///
/// connect() fails with SpawnError where others fail with ConnectError. Its factory is asked before the program is
/// started, with the program's name. Cancelled, it ends the program as a lapsed `grace` does.
/// Throws: std::invalid_argument for a terminal, and for descriptors that cannot be given to one program after the
///         other.
/// Lifetime: the reactor outlives its use. Stopped, it loses the connection and has the program end as it does when
///           `grace` is over; destroyed, it kills it.
/// Source: ProcessEndpoint of Twisted.
std::shared_ptr<ClientEndpoint> process_client_endpoint(Reactor& reactor, ProcessOptions options,
                                                        ProcessEndpointOptions more = {});

}  // namespace plait

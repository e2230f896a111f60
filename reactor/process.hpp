// Child processes: start one, talk to it through pipes or a terminal, and be told how it ended.
// Not a shell: nothing in program and arguments is expanded. For "run it and give me what it says" see
// process_output.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "plait/deferred/failure.hpp"
#include "plait/reactor/bytes.hpp"
#include "plait/reactor/process_errors.hpp"
#include "plait/reactor/process_options.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/transport.hpp"

namespace plait {

/// A child process as its ProcessProtocol sees it.
///
/// Lifetime: owned by the reactor until process_ended; the protocol may use it from when spawn_process returns until
///           process_ended returns. All calls are allowed from inside the protocol's callbacks; none of them calls it.
/// Threads:  the reactor's.
class ProcessTransport {
public:
    ProcessTransport() = default;
    ProcessTransport(const ProcessTransport&) = delete;
    ProcessTransport& operator=(const ProcessTransport&) = delete;

    /// None once the process is known to have exited: the number may be another's then.
    virtual std::optional<pid_t> pid() const noexcept = 0;

    /// How it ended; none while it runs.
    virtual std::optional<ExitStatus> status() const noexcept = 0;

    /// The connection to one of the child's descriptors, for everything that a Transport can: `drained()`, producers,
    /// `pause_producing()`. One that is closed swallows all. Valid until the protocol's child_connection_lost for it.
    /// Throws UsageError when there is none for it: no such descriptor, or not one of ours to read or write.
    virtual Transport& descriptor(int child_fd) const = 0;

    /// Queues `data` for the child to read. Throws as descriptor() does.
    void write_to_child(int child_fd, Bytes data) { descriptor(child_fd).write(std::move(data)); }
    void write_to_child(int child_fd, std::string_view text) { descriptor(child_fd).write(text); }
    /// The same to its standard input, 0.
    void write(Bytes data) { write_to_child(0, std::move(data)); }
    void write(std::string_view text) { write_to_child(0, text); }

    /// Closes our end, after what is queued for it. Does nothing when there is none, or it is closed.
    virtual void close_descriptor(int child_fd) = 0;
    void close_stdin() { close_descriptor(0); }
    void close_stdout() { close_descriptor(1); }
    void close_stderr() { close_descriptor(2); }
    /// Closes all of them. The process is not ended by that unless it ends itself.
    virtual void lose_connection() = 0;

    /// Stops and restarts delivery from all of the child's descriptors: it has to wait when it has filled its pipes.
    virtual void pause_producing() = 0;
    virtual void resume_producing() = 0;

    /// Sends a signal: by number, or by name: "TERM", "SIGTERM". It reaches this process or nobody, also where
    /// something else has waited for the child and its number is another's by now. Throws ProcessExitedAlready;
    /// std::invalid_argument for what is no signal; ProcessError when the system does not allow it.
    virtual void signal_process(int number) = 0;
    void signal_process(std::string_view name);
    /// The same to the group it leads. Throws UsageError unless it was started with one of its own.
    virtual void signal_group(int number) = 0;

    /// Tells a child with a terminal that its window is that large now. Throws UsageError when it has none.
    virtual void set_window_size(WindowSize size) = 0;

protected:
    ~ProcessTransport() = default;
};

/// What to do with a child process. Derive from it.
///
/// Order: connection_made, then data and losses of its descriptors, process_exited once, and process_ended once when it
/// has exited and all descriptors are closed: a process that has exited may still be heard, and a grandchild may keep
/// its descriptors open for longer. An exception from child_data_received closes that descriptor with it as the
/// reason; one from another callback is reported as an unhandled failure.
///
/// Lifetime: shared by the transport until process_ended has returned. It may let go of itself from any of its
///           callbacks. A child whose protocol nobody else keeps runs on, and is never left a zombie.
/// Source:   IProcessProtocol of Twisted.
class ProcessProtocol {
public:
    ProcessProtocol() = default;
    ProcessProtocol(const ProcessProtocol&) = delete;
    ProcessProtocol& operator=(const ProcessProtocol&) = delete;
    virtual ~ProcessProtocol() = default;

    /// For transports.
    void make_connection(ProcessTransport* transport) noexcept { transport_ = transport; }

    /// The process runs, or did.
    virtual void connection_made() {}

    /// It wrote to one of its descriptors. The default calls out_received for 1 and err_received for 2.
    virtual void child_data_received(int child_fd, const Bytes& data);
    virtual void out_received(const Bytes& data) { static_cast<void>(data); }
    virtual void err_received(const Bytes& data) { static_cast<void>(data); }

    /// One of the descriptors is closed, by the child or by us. `reason` holds a ConnectionClosed.
    virtual void child_connection_lost(int child_fd, const Failure& reason) {
        static_cast<void>(child_fd);
        static_cast<void>(reason);
    }

    /// It has exited. `reason` holds a ProcessDone or a ProcessTerminated.
    virtual void process_exited(const Failure& reason) { static_cast<void>(reason); }

    /// It has exited and all is read. The same reason. The last call.
    virtual void process_ended(const Failure& reason) { static_cast<void>(reason); }

    /// The process. Throws InvalidState before spawn_process and after process_ended.
    ProcessTransport& transport() const;
    bool connected() const noexcept { return transport_ != nullptr; }

private:
    ProcessTransport* transport_ = nullptr;
};

/// Starts a program. `protocol->transport()` works when this returns; its callbacks come in later turns. The child has
/// no descriptors but those it is given, no signal blocked, and none handled in another way than the system's.
///
/// The exit is learnt from the system without touching SIGCHLD, where it knows pidfd_open (Linux 5.3); else by
/// Reactor::on_signal.
///
/// Reactor::stop() closes our ends of a child's descriptors, with all else that is open, and leaves the child alone: it
/// finds its input ended and its output unheard, or its terminal hung up. Its exit is told in the next run. Destroying
/// the reactor kills children that still run (SIGKILL, the whole group of one that leads one), waits for them, a second
/// for each at most, and makes all calls that are due. To end children in good order, do it before: in a trigger before
/// "shutdown".
///
/// Throws SpawnError naming the program and the cause: ProgramNotFound, ProgramNotExecutable, no such directory or
///        user, no descriptors left; nothing of it is left then. std::invalid_argument for options that make no sense;
///        UsageError when the protocol has a process already.
/// Source: IReactorProcess of Twisted.
void spawn_process(Reactor& reactor, ProcessOptions options, std::shared_ptr<ProcessProtocol> protocol);

}  // namespace plait

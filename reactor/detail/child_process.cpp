#include "plait/reactor/detail/child_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/pseudo_terminal.hpp"
#include "plait/reactor/detail/signal_registry.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/detail/stream_connection.hpp"
#include "plait/reactor/errors.hpp"

namespace plait::detail {
namespace {

Failure reason_for(const std::string& name, const ExitStatus& status) {
    if (status.success()) return make_failure(ProcessDone(name + " exited in good order", status));
    if (status.exit_code)
        return make_failure(ProcessTerminated(name + " exited with code " + std::to_string(*status.exit_code), status));
    if (!status.signal)
        return make_failure(ProcessTerminated(
            name +
                " has exited, and something else took its status: SIGCHLD is ignored, or all children are waited for",
            status));
    const char* core = status.core_dumped ? ", and its core was dumped" : "";
    return make_failure(ProcessTerminated(name + " was ended by " + signal_name(*status.signal) + core, status));
}

}  // namespace

/// The protocol of one descriptor: hands all on.
class ChildProcess::Pipe final : public Protocol {
public:
    Pipe(ChildProcess& process, int child_fd) : process_(process), child_fd_(child_fd) {}

    int child_fd() const noexcept { return child_fd_; }

    void data_received(const Bytes& data) override {
        process_.tell_made();
        process_.protocol_->child_data_received(child_fd_, data);
    }
    void connection_lost(const Failure& reason) override { process_.pipe_lost(child_fd_, reason); }

private:
    ChildProcess& process_;  // outlives the connection: it waits for it
    int child_fd_;
};

ChildProcess::ChildProcess(ReactorCore& core, Started started, std::shared_ptr<ProcessProtocol> protocol)
    : core_(core),
      pid_(started.pid),
      program_(std::move(started.program)),
      leads_group_(started.leads_group),
      has_terminal_(static_cast<bool>(started.terminal)),
      protocol_(std::move(protocol)),
      terminal_(std::move(started.terminal)) {
    std::vector<std::unique_ptr<StreamConnection>> connections;
    connections.reserve(started.ends.size());
    pipes_.reserve(started.ends.size());
    for (ChildEnd& end : started.ends) {
        const Address ours{"our end of descriptor " + std::to_string(end.child_fd) + " of " + name(), 0};
        const Address theirs{"descriptor " + std::to_string(end.child_fd) + " of " + name(), 0};
        pipes_.push_back(std::make_shared<Pipe>(*this, end.child_fd));
        connections.push_back(StreamConnection::prepare(core_, std::move(end.ends), ours, theirs, pipes_.back()));
    }
    exit_.emplace(core_, pid_, [this](const ExitStatus& status) { exited(status); });
    // Nothing below can fail: a watch that was destroyed would leave the child to reap_orphans(), and a connection that
    // had begun would go on without us.
    core_.add_resource(*this);
    open_pipes_ = connections.size();
    for (auto& connection : connections)
        static_cast<void>(connection.release()->begin());
    protocol_->make_connection(this);
    core_.queue_flush(*this);  // that turn tells the protocol
}

std::string ChildProcess::name() const {
    return program_ + " (process " + std::to_string(pid_) + ")";
}

std::optional<pid_t> ChildProcess::pid() const noexcept {
    return status_ ? std::nullopt : std::optional(pid_);
}

// --- what the protocol asks for

/// A terminal is all three standard descriptors.
ChildProcess::Pipe* ChildProcess::find(int child_fd) const noexcept {
    if (has_terminal_ && child_fd >= 0 && child_fd <= 2) child_fd = 1;
    for (const auto& pipe : pipes_)
        if (pipe->child_fd() == child_fd) return pipe.get();
    return nullptr;
}

Transport& ChildProcess::descriptor(int child_fd) const {
    if (const Pipe* pipe = find(child_fd)) return pipe->transport();
    throw UsageError(name() + " has no descriptor " + std::to_string(child_fd) +
                     " that we read or write: name it in ProcessOptions::descriptors");
}

void ChildProcess::close_descriptor(int child_fd) {
    if (const Pipe* pipe = find(child_fd)) pipe->transport().lose_connection();
}

void ChildProcess::lose_connection() {
    for (const auto& pipe : pipes_)
        pipe->transport().lose_connection();
}

void ChildProcess::pause_producing() {
    for (const auto& pipe : pipes_)
        pipe->transport().pause_producing();
}

void ChildProcess::resume_producing() {
    for (const auto& pipe : pipes_)
        pipe->transport().resume_producing();
}

void ChildProcess::signal_process(int number) {
    require_running(number, name());
    require_sent(exit_->send_signal(number), number, name());
}

void ChildProcess::signal_group(int number) {
    if (!leads_group_) throw UsageError(name() + " leads no group of its own: start it with ProcessOptions::new_group");
    const std::string whom = "the group of " + name();
    // It may live on without its leader, but then its number is no longer kept from being used again.
    require_running(number, whom);
    require_sent(exit_->send_signal_to_group(number), number, whom);
}

void ChildProcess::require_running(int number, const std::string& whom) const {
    if (status_) throw ProcessExitedAlready("cannot send " + signal_name(number) + " to " + whom + ": it has exited");
}

void ChildProcess::require_sent(int error, int number, const std::string& whom) const {
    if (error == 0) return;
    if (error == EINVAL) throw std::invalid_argument("there is no signal " + std::to_string(number));
    if (error == ESRCH)
        throw ProcessExitedAlready("cannot send " + signal_name(number) + " to " + whom + ": it has exited");
    throw ProcessError("cannot send " + signal_name(number) + " to " + whom + ": " + error_text(error));
}

void ChildProcess::set_window_size(WindowSize size) {
    if (!has_terminal_) throw UsageError(name() + " has no terminal: start it with ProcessOptions::terminal");
    if (terminal_) resize_terminal(terminal_.get(), size);
}

std::string ChildProcess::describe() const {
    if (status_) return name() + ", which has exited, to have its descriptors closed";
    return name() + " to exit";
}

// --- what happens

void ChildProcess::flush() noexcept {
    tell_made();
    end_if_due();
}

void ChildProcess::tell_made() noexcept {
    if (std::exchange(made_told_, true)) return;
    contain([this] { protocol_->connection_made(); });
}

void ChildProcess::exited(const ExitStatus& status) noexcept {
    status_ = status;  // first: it is reaped, and its number may be another's
    reason_ = reason_for(name(), status);
    tell_made();
    core_.doing("process_exited", protocol_.get());
    contain([this] { protocol_->process_exited(*reason_); });
    end_if_due();
}

void ChildProcess::pipe_lost(int child_fd, const Failure& reason) noexcept {
    tell_made();
    --open_pipes_;
    if (child_fd == 1) terminal_.reset();
    contain([&] { protocol_->child_connection_lost(child_fd, reason); });
    // Not at once: this pipe is still on the stack, and the last words of others may be waiting beside it.
    core_.queue_flush(*this);
}

void ChildProcess::end_if_due() noexcept {
    if (!status_ || open_pipes_ > 0 || std::exchange(ended_, true)) return;
    ListHook<ResourceTag>::unlink();
    ListHook<FlushTag>::unlink();
    core_.doing("process_ended", protocol_.get());
    contain([this] { protocol_->process_ended(*reason_); });
    protocol_->make_connection(nullptr);
    core_.destroy_later(std::unique_ptr<Doomed>(this));
}

void ChildProcess::reactor_destroyed() noexcept {
    if (!status_) {
        if (leads_group_) exit_->send_signal_to_group(SIGKILL);
        exited(exit_->kill_and_wait());
    }
    if (!ended_) core_.add_resource(*this);  // the pipes are on that list, too; the last of them ends this
}

/// Its pipes are closed with all that is open. The child itself is left alone, and its exit told when it comes.
void ChildProcess::reactor_stopped() noexcept {
    core_.add_resource(*this);
}

}  // namespace plait::detail

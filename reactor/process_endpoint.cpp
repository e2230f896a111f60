#include "plait/reactor/process_endpoint.hpp"

#include <algorithm>
#include <csignal>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/maybe.hpp"
#include "plait/reactor/detail/connect_tcp.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/transport_timeouts.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/process.hpp"

namespace plait {
namespace {

using Kind = ChildDescriptor::Kind;

constexpr std::size_t most_quoted = 400;

/// The last of what a program said, for the sentence that tells of its end.
class LastWords {
public:
    void add(std::string_view text) {
        text_ += text.substr(text.size() - std::min(text.size(), most_quoted));
        seen_ += text.size();
        if (text_.size() > 2 * most_quoted) text_.erase(0, text_.size() - most_quoted);
    }

    /// ": permission denied"; nothing if it said nothing.
    std::string str() const {
        const std::size_t end = text_.find_last_not_of(" \n\r\t");
        if (end == std::string::npos) return {};
        const std::size_t from = end + 1 > most_quoted ? end + 1 - most_quoted : 0;
        return (from > 0 || seen_ > text_.size() ? ": … " : ": ") + text_.substr(from, end + 1 - from);
    }

private:
    std::string text_;
    std::size_t seen_ = 0;
};

/// A running program as the protocol's Transport.
///
///     open -- lose_connection, both its ends closed --> closing: waits for its exit
///      |         grace over, cancelled, protocol threw, timed out --> asked to end: SIGTERM, nothing is heard any more
///      +-- abort_connection, grace over once more --> killed: SIGKILL
///
/// Lifetime: the process keeps it until it has ended.
class ProcessConnection final : public ProcessProtocol, public Transport {
public:
    ProcessConnection(Reactor& reactor, const ProcessOptions& options, ProcessEndpointOptions more,
                      std::shared_ptr<Protocol> above)
        : reactor_(reactor),
          program_(options.program),
          leads_group_(options.new_group || options.new_session),
          more_(std::move(more)),
          above_(std::move(above)) {}

    /// Once the program was started.
    Deferred<std::shared_ptr<Protocol>> connecting() {
        program_ += " (process " + std::to_string(transport().pid().value_or(0)) + ")";
        auto [deferred, promise] = make_deferred<std::shared_ptr<Protocol>>([this] {
            if (made_) return;  // it is the protocol's
            above_.reset();
            ask_to_end();
        });
        promise_ = std::move(promise);
        return std::move(deferred);
    }

    // What the process tells.
    void connection_made() override;
    void child_data_received(int child_fd, const Bytes& data) override;
    void child_connection_lost(int child_fd, const Failure& reason) override;
    void process_exited(const Failure& reason) override;
    void process_ended(const Failure& reason) override;

    // What the protocol asks for.
    void write(Bytes data) override {
        count_written([&] { input().write(std::move(data)); });
    }
    void write(std::string_view text) override {
        count_written([&] { input().write(text); });
    }
    using Transport::write;
    void write_sequence(std::span<const Bytes> pieces) override {
        count_written([&] { input().write_sequence(pieces); });
    }
    void lose_connection() override;
    void lose_write_connection() override {
        ending_write_ = true;
        input().lose_connection();
    }
    void abort_connection() override;
    bool disconnecting() const noexcept override { return closing_; }
    void pause_producing() override {
        if (!closing_) output().pause_producing();
    }
    void resume_producing() override { output().resume_producing(); }
    void register_producer(Producer& producer) override { input().register_producer(producer); }
    void unregister_producer() override { input().unregister_producer(); }
    void set_write_watermarks(std::size_t low, std::size_t high) override { input().set_write_watermarks(low, high); }
    std::size_t write_buffered() const noexcept override { return input().write_buffered(); }
    Deferred<> drained() override { return input().drained(); }
    Address host() const override { return {"our end of " + program_, 0}; }
    Address peer() const override { return {program_, 0}; }
    void set_no_delay(bool) override {}
    void set_keep_alive(bool) override {}
    using Transport::set_keep_alive;
    std::uint64_t bytes_received() const noexcept override { return received_; }
    std::uint64_t bytes_sent() const noexcept override { return input_open_ ? input().bytes_sent() : sent_; }
    void set_idle_timeout(Duration limit) override { timeouts().set_idle(limit); }
    void set_write_timeout(Duration limit) override { timeouts().set_write(limit); }

private:
    Transport& input() const { return transport().descriptor(0); }
    Transport& output() const { return transport().descriptor(1); }

    template <typename Write>
    void count_written(Write write);
    template <typename Call>
    bool guarded(Call call);
    detail::TransportTimeouts& timeouts();
    void output_ended(const Failure& reason);
    void end_if_both_closed();
    void fail_with(const Failure& reason);
    void ask_to_end();
    void hang_up();
    void send(int number);
    void wait_a_while();
    void grace_over();
    Failure final_reason(const Failure& exit) const;
    void tell_lost(const Failure& reason);

    Reactor& reactor_;
    std::string program_;
    const bool leads_group_;
    const ProcessEndpointOptions more_;
    std::shared_ptr<Protocol> above_;
    Promise<std::shared_ptr<Protocol>> promise_;
    bool made_ = false;
    bool input_open_ = true;
    bool output_open_ = true;
    bool ending_write_ = false;
    bool closing_ = false;
    bool hung_up_ = false;  ///< the ends of its descriptors are of our doing
    bool asked_ = false;    ///< to end
    bool exited_ = false;
    bool lost_writes_ = false;
    std::uint64_t received_ = 0;
    std::uint64_t written_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t sent_before_ = 0;  ///< when the grace began
    std::optional<Failure> reason_;  ///< that is not its exit
    LastWords last_words_;
    DelayedCall timer_;
    std::unique_ptr<detail::TransportTimeouts> timeouts_;  ///< none until asked for
};

void ProcessConnection::connection_made() {
    if (!promise_.wanted()) return;
    if (reactor_.core().closing()) {
        above_.reset();
        return promise_.errback(ConnectError("cannot connect to " + program_ + ": the reactor was destroyed"));
    }
    made_ = true;
    const std::shared_ptr<Protocol> above = above_;
    if (!guarded([&] { above->make_connection(*this); })) return promise_.errback(*reason_);
    if (promise_.wanted()) promise_.callback(above);
}

void ProcessConnection::child_data_received(int child_fd, const Bytes& data) {
    if (child_fd == 2) {
        last_words_.add(data.view());
        if (more_.error_output) contain([&] { more_.error_output(data); });
        return;
    }
    if (!made_ || closing_) return;
    received_ += data.size();
    const std::shared_ptr<Protocol> above = above_;
    guarded([&] { above->data_received(data); });
}

void ProcessConnection::child_connection_lost(int child_fd, const Failure& reason) {
    if (child_fd == 0) {
        sent_ = input().bytes_sent();
        input_open_ = false;
        if (!hung_up_ && sent_ < written_) lost_writes_ = true;
    }
    if (child_fd == 1) output_ended(reason);
    end_if_both_closed();
}

void ProcessConnection::output_ended(const Failure& reason) {
    output_open_ = false;
    if (hung_up_) return;
    if (reason.check<ConnectionDone>() == nullptr) {  // its exit is not the reason, and may not be heard of for long
        fail_with(reason);
        return tell_lost(reason);
    }
    if (!made_ || closing_) return;
    const std::shared_ptr<Protocol> above = above_;
    guarded([&] { above->read_connection_lost(); });
}

/// As over TCP, both together are the end.
void ProcessConnection::end_if_both_closed() {
    if (!input_open_ && !output_open_) lose_connection();
}

void ProcessConnection::process_exited(const Failure&) {
    exited_ = true;
    if (!closing_) return;  // its output may have more to say
    if (!hung_up_ && input().write_buffered() > 0) lost_writes_ = true;
    hang_up();
    wait_a_while();
}

void ProcessConnection::process_ended(const Failure& reason) {
    timer_.cancel();
    tell_lost(final_reason(reason));
}

void ProcessConnection::tell_lost(const Failure& reason) {
    timeouts_.reset();
    const std::shared_ptr<Protocol> above = std::exchange(above_, nullptr);
    if (made_ && above != nullptr) above->lose_connection(reason);
}

Failure ProcessConnection::final_reason(const Failure& exit) const {
    if (reason_) return *reason_;
    const auto& ended = *exit.check<ProcessEnded>();
    if (!ended.status().success())
        return make_failure(ProcessTerminated(ended.what() + last_words_.str(), ended.status()));
    if (lost_writes_)
        return make_failure(ConnectionLost(program_ + " exited in good order, but had not taken all that was written"));
    return make_failure(ConnectionDone("the connection to " + program_ + " was closed in good order"));
}

// --- what the protocol asks for

/// Notes what the program will have to take. What is written when its input is closed is lost, unless that was closed
/// by us.
template <typename Write>
void ProcessConnection::count_written(Write write) {
    if (!input_open_ && !ending_write_ && !closing_) lost_writes_ = true;
    const std::size_t before = input().write_buffered();
    write();
    written_ += input().write_buffered() - before;
}

void ProcessConnection::lose_connection() {
    if (std::exchange(closing_, true)) return;
    input().lose_connection();
    output().resume_producing();
    if (exited_) hang_up();
    wait_a_while();
}

void ProcessConnection::abort_connection() {
    if (!reason_) reason_ = make_failure(ConnectionAborted("the connection to " + program_ + " was aborted"));
    closing_ = true;
    asked_ = true;
    hang_up();
    send(SIGKILL);
    wait_a_while();
}

detail::TransportTimeouts& ProcessConnection::timeouts() {
    if (timeouts_ == nullptr)
        timeouts_ = std::make_unique<detail::TransportTimeouts>(
            reactor_,
            [this] { return detail::TransportTimeouts::Traffic{bytes_received(), bytes_sent(), write_buffered()}; },
            [this](const std::string& what) {
                fail_with(make_failure(ConnectionTimedOut("the connection to " + program_ + " " + what)));
            });
    return *timeouts_;
}

// --- the end

template <typename Call>
bool ProcessConnection::guarded(Call call) {
    try {
        call();
        return true;
    } catch (...) {
        fail_with(Failure::current());
        return false;
    }
}

void ProcessConnection::fail_with(const Failure& reason) {
    if (!reason_) reason_ = reason;
    ask_to_end();
}

void ProcessConnection::ask_to_end() {
    closing_ = true;
    if (std::exchange(asked_, true)) return;
    hang_up();
    send(SIGTERM);
    wait_a_while();
}

void ProcessConnection::hang_up() {
    hung_up_ = true;
    input().abort_connection();
    output().abort_connection();
}

void ProcessConnection::send(int number) {
    if (exited_) return;
    contain([&] {
        try {
            leads_group_ ? transport().signal_group(number) : transport().signal_process(number);
        } catch (const ProcessExitedAlready&) {  // as was wanted
        }
    });
}

void ProcessConnection::wait_a_while() {
    sent_before_ = bytes_sent();
    timer_ = reactor_.call_later(more_.grace, [this] { grace_over(); });
}

void ProcessConnection::grace_over() {
    if (exited_) return transport().lose_connection();  // somebody else holds its error output
    if (asked_) return send(SIGKILL);
    if (bytes_sent() != sent_before_) return wait_a_while();  // it is still taking what was written
    ask_to_end();
}

// --- the endpoint

[[noreturn]] void refuse(const std::string& program, const std::string& why) {
    throw std::invalid_argument("cannot make an endpoint of \"" + program + "\": " + why);
}

void check(const ProcessOptions& options) {
    if (options.terminal) refuse(options.program, "a terminal changes what goes through it");
    for (const auto& [child_fd, descriptor] : options.descriptors) {
        const std::string number = std::to_string(child_fd);
        const Kind kind = descriptor.kind();
        const bool shared = kind == Kind::inherited || kind == Kind::null;
        if (child_fd < 2 && kind != (child_fd == 0 ? Kind::written : Kind::read))
            refuse(options.program, "its descriptor " + number + " is the connection's");
        if (child_fd == 2 && !shared && kind != Kind::read)
            refuse(options.program, "its error output can be read, null or inherited");
        if (child_fd > 2 && !shared) refuse(options.program, "its descriptor " + number + " can be null or inherited");
    }
}

std::map<int, ChildDescriptor> descriptors_of(const ProcessOptions& options) {
    std::map<int, ChildDescriptor> result = standard_descriptors();
    if (options.descriptors.contains(2)) result.erase(2);  // as it is named below; else it is read
    for (const auto& [child_fd, descriptor] : options.descriptors) {
        if (child_fd < 2) continue;
        if (descriptor.kind() == Kind::read) result.emplace(child_fd, ChildDescriptor::read());
        if (descriptor.kind() == Kind::null) result.emplace(child_fd, ChildDescriptor::null());
        if (descriptor.kind() == Kind::inherited)
            result.emplace(child_fd, ChildDescriptor::inherited(descriptor.ours()));
    }
    return result;
}

/// For one program more. All members are named, so that the compiler tells of one that is added.
ProcessOptions another(const ProcessOptions& options) {
    [[maybe_unused]] const auto& [program, arguments, called, inherit_environment, environment, working_directory,
                                  descriptors, terminal, uid, gid, new_group, new_session] = options;
    return {program, arguments, called, inherit_environment, environment, working_directory, descriptors_of(options),
            {},      uid,       gid,    new_group,           new_session};
}

class ProcessEndpoint final : public ClientEndpoint {
public:
    ProcessEndpoint(Reactor& reactor, ProcessOptions options, ProcessEndpointOptions more)
        : reactor_(reactor), options_(std::move(options)), more_(std::move(more)) {}

    Deferred<std::shared_ptr<Protocol>> connect(std::shared_ptr<Factory> factory) override {
        return maybe_deferred([&] {
            std::shared_ptr<Protocol> above = detail::build_for(*factory, {options_.program, 0});
            const auto connection = std::make_shared<ProcessConnection>(reactor_, options_, more_, std::move(above));
            spawn_process(reactor_, another(options_), connection);
            return connection->connecting();
        });
    }

private:
    Reactor& reactor_;
    const ProcessOptions options_;
    const ProcessEndpointOptions more_;
};

}  // namespace

std::shared_ptr<ClientEndpoint> process_client_endpoint(Reactor& reactor, ProcessOptions options,
                                                        ProcessEndpointOptions more) {
    check(options);
    return std::make_shared<ProcessEndpoint>(reactor, std::move(options), std::move(more));
}

}  // namespace plait

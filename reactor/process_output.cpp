#include "plait/reactor/process_output.hpp"

#include <csignal>
#include <memory>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/process.hpp"

namespace plait {

namespace {

constexpr std::size_t quoted_at_failure = 400;

enum class Keep { all, nothing };

/// Lifetime: the process keeps it until it has ended, also when nobody wants the result any more.
class Collector final : public ProcessProtocol, private detail::Resource {
public:
    Collector(Reactor& reactor, std::string program, bool leads_group, CollectOptions collect, Keep keep)
        : reactor_(reactor),
          program_(std::move(program)),
          leads_group_(leads_group),
          collect_(std::move(collect)),
          keep_(keep) {}

    Deferred<ProcessResult> result() {
        auto [deferred, promise] = make_deferred<ProcessResult>([this] { end_process(); });
        promise_ = std::move(promise);
        return std::move(deferred);
    }

    /// Before the process is started: it is told of the reactor's end while the process still runs.
    void stand_on(Reactor& reactor) { reactor.core().add_resource(*this); }

    void begin(bool has_input) {
        if (!has_input) return;
        if (!collect_.input.empty()) transport().write(Bytes::own(std::move(collect_.input)));
        transport().close_stdin();
    }

    void out_received(const Bytes& data) override { collect(result_.output, data, "output"); }
    void err_received(const Bytes& data) override { collect(result_.error_output, data, "error output"); }

    void process_ended(const Failure& reason) override {
        detail::Resource::unlink();
        killing_.cancel();
        const ExitStatus status = reason.check<ProcessEnded>()->status();
        Promise<ProcessResult> promise = std::move(promise_);
        if (!promise.wanted()) return;
        if (failure_) return promise.errback(*failure_);
        if (!status.exit_code) return promise.errback(reason);
        result_.exit_code = *status.exit_code;
        promise.callback(std::move(result_));
    }

private:
    /// Also when it stops, which closes the pipes: what would come of it is not all that the program said.
    void reactor_destroyed() noexcept override {
        end_process();
        Promise<ProcessResult> promise = std::move(promise_);
        if (promise.wanted())
            promise.errback(make_failure(ReactorStopped(program_ + " was ended: its reactor was stopped before")));
    }
    std::string describe() const override { return "the output of " + program_; }

    void collect(std::string& into, const Bytes& data, const char* what) {
        if (keep_ == Keep::nothing || ending_) return;
        if (data.size() > collect_.most_output - into.size()) {
            failure_ = make_failure(
                ProcessOutputTooLong(program_ + " was ended: its " + what + " passed the limit of " +
                                     std::to_string(collect_.most_output) + " bytes (CollectOptions::most_output)"));
            return end_process();
        }
        into += data.view();
    }

    void end_process() noexcept {
        if (std::exchange(ending_, true) || !connected()) return;
        send(SIGTERM);
        contain([this] {
            killing_ = reactor_.call_later(collect_.grace, [this] { send(SIGKILL); });
            transport().lose_connection();
        });
    }

    void send(int number) noexcept {
        contain([&] {
            try {
                leads_group_ ? transport().signal_group(number) : transport().signal_process(number);
            } catch (const ProcessExitedAlready&) {  // as was wanted
            }
        });
    }

    Reactor& reactor_;
    const std::string program_;
    const bool leads_group_;
    CollectOptions collect_;
    const Keep keep_;
    bool ending_ = false;
    ProcessResult result_;
    std::optional<Failure> failure_;
    DelayedCall killing_;
    Promise<ProcessResult> promise_;
};

bool is_written(const ProcessOptions& options, int child_fd) {
    const auto found = options.descriptors.find(child_fd);
    return found != options.descriptors.end() && found->second.kind() == ChildDescriptor::Kind::written;
}

Deferred<ProcessResult> run(Reactor& reactor, ProcessOptions options, CollectOptions collect, Keep keep) {
    if (options.terminal) {
        return fail<ProcessResult>(std::invalid_argument("cannot collect the output of " + options.program +
                                                         " from a terminal: its input has no end there"));
    }
    auto collector = std::make_shared<Collector>(reactor, options.program, options.new_group || options.new_session,
                                                 std::move(collect), keep);
    const bool has_input = is_written(options, 0);
    collector->stand_on(reactor);
    try {
        spawn_process(reactor, std::move(options), collector);
        collector->begin(has_input);
    } catch (...) {
        return fail<ProcessResult>(Failure::current());
    }
    return collector->result();
}

std::string end_of(const std::string& text) {
    const std::size_t end = text.find_last_not_of(" \n\r\t");
    if (end == std::string::npos) return {};
    const std::string_view whole = std::string_view(text).substr(0, end + 1);
    const bool cut = whole.size() > quoted_at_failure;
    return (cut ? ": … " : ": ") + std::string(cut ? whole.substr(whole.size() - quoted_at_failure) : whole);
}

}  // namespace

Deferred<ProcessResult> process_output_and_value(Reactor& reactor, ProcessOptions options, CollectOptions collect) {
    return run(reactor, std::move(options), std::move(collect), Keep::all);
}

Deferred<std::string> process_output(Reactor& reactor, ProcessOptions options, CollectOptions collect) {
    std::string program = options.program;
    return run(reactor, std::move(options), std::move(collect), Keep::all)
        .add_callback([program = std::move(program)](ProcessResult result) {
            if (result.exit_code == 0) return std::move(result.output);
            ExitStatus status;
            status.exit_code = result.exit_code;
            throw ProcessTerminated(
                program + " exited with code " + std::to_string(result.exit_code) + end_of(result.error_output),
                status);
        });
}

Deferred<int> process_value(Reactor& reactor, ProcessOptions options, CollectOptions collect) {
    return run(reactor, std::move(options), std::move(collect), Keep::nothing)
        .add_callback([](const ProcessResult& result) { return result.exit_code; });
}

}  // namespace plait

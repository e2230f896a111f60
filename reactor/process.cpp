#include "plait/reactor/process.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <set>
#include <stdexcept>
#include <utility>

#include "plait/reactor/detail/child_process.hpp"
#include "plait/reactor/detail/child_start.hpp"
#include "plait/reactor/detail/pseudo_terminal.hpp"
#include "plait/reactor/detail/socket.hpp"

namespace plait {

namespace {

constexpr int most_descriptor = 1'000'000;
constexpr const char* usual_path = "/usr/local/bin:/usr/bin:/bin";

[[noreturn]] void refuse(const std::string& program, const std::string& why) {
    throw std::invalid_argument("cannot start \"" + program + "\": " + why);
}

void check(const ProcessOptions& options) {
    const auto is_text = [&](const std::string& text, const char* what) {
        if (text.find('\0') != std::string::npos) refuse(options.program, std::string(what) + " holds a zero byte");
    };
    if (options.program.empty()) refuse(options.program, "no program is named");
    is_text(options.program, "the program's name");
    is_text(options.called, "what it is called");
    is_text(options.working_directory, "its working directory");
    for (const std::string& argument : options.arguments)
        is_text(argument, "an argument");
    for (const auto& [name, value] : options.environment) {
        is_text(name, "a variable's name");
        is_text(value, "a variable's value");
        if (name.empty() || name.find('=') != std::string::npos)
            refuse(options.program, "\"" + name + "\" is no name of an environment variable");
    }
    for (const auto& [child_fd, descriptor] : options.descriptors)
        if (child_fd < 0 || child_fd > most_descriptor)
            refuse(options.program, "there is no descriptor " + std::to_string(child_fd));
}

std::vector<std::string> environment_of(const ProcessOptions& options) {
    std::vector<std::string> result;
    for (char** each = options.inherit_environment ? environ : nullptr; each != nullptr && *each != nullptr; ++each) {
        const std::string_view text(*each);
        if (!options.environment.contains(std::string(text.substr(0, text.find('='))))) result.emplace_back(text);
    }
    for (const auto& [name, value] : options.environment)
        result.emplace_back(name).append(1, '=').append(value);
    return result;
}

std::string search_path(const ProcessOptions& options) {
    if (const auto own = options.environment.find("PATH"); own != options.environment.end()) return own->second;
    const char* ours = std::getenv("PATH");
    return ours != nullptr ? ours : usual_path;
}

/// The descriptors of both sides, on their way to where they are wanted.
struct Wiring {
    const std::string& program;
    std::vector<detail::ChildPlan::Descriptor> plan;
    std::vector<detail::ChildEnd> ours;
    std::vector<UniqueFd> childs;  ///< closed here once the child has them
    UniqueFd terminal_again;
    int terminal = -1;

    [[noreturn]] void failed(const std::string& what) const {
        const int error = errno;
        throw SpawnError("cannot start " + program + ": no " + what + " for it: " + detail::error_text(error));
    }

    void give(int child_fd, UniqueFd fd) {
        plan.push_back({child_fd, fd.get()});
        childs.push_back(std::move(fd));
    }

    void make_pipe(int child_fd, bool child_reads) {
        int both[2];
        if (::pipe2(both, O_CLOEXEC) != 0) failed("pipe");
        UniqueFd in(both[0]);
        UniqueFd out(both[1]);
        ::fcntl(child_reads ? out.get() : in.get(), F_SETFL, O_NONBLOCK);
        detail::StreamEnds ends;
        ends.kind = detail::StreamEnds::Kind::files;
        (child_reads ? ends.out : ends.in) = std::move(child_reads ? out : in);
        ours.push_back({child_fd, std::move(ends)});
        give(child_fd, std::move(child_reads ? in : out));
    }

    void make_terminal(WindowSize size) {
        detail::PseudoTerminal made = detail::open_pseudo_terminal(size);
        if (!made.ours) failed("terminal");
        terminal_again.reset(::fcntl(made.ours.get(), F_DUPFD_CLOEXEC, 0));
        if (!terminal_again) failed("terminal");
        terminal = made.childs.get();
        detail::StreamEnds ends;
        ends.kind = detail::StreamEnds::Kind::device;
        ends.in = std::move(made.ours);
        ours.push_back({1, std::move(ends)});
        for (int child_fd = 0; child_fd < 3; ++child_fd)
            plan.push_back({child_fd, terminal});
        childs.push_back(std::move(made.childs));
    }

    void connect(int child_fd, const ChildDescriptor& descriptor) {
        switch (descriptor.kind()) {
            case ChildDescriptor::Kind::written:
                return make_pipe(child_fd, true);
            case ChildDescriptor::Kind::read:
                return make_pipe(child_fd, false);
            case ChildDescriptor::Kind::inherited:
            case ChildDescriptor::Kind::given:
                plan.push_back({child_fd, descriptor.ours()});
                return;
            case ChildDescriptor::Kind::null: {
                UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
                if (!null) failed("/dev/null");
                return give(child_fd, std::move(null));
            }
        }
    }
};

Wiring wire(const ProcessOptions& options) {
    Wiring wiring{options.program, {}, {}, {}, {}, -1};
    if (options.terminal) wiring.make_terminal(*options.terminal);
    for (const auto& [child_fd, descriptor] : options.descriptors)
        if (!options.terminal || child_fd > 2) wiring.connect(child_fd, descriptor);
    return wiring;
}

detail::ChildPlan plan_for(const ProcessOptions& options, const Wiring& wiring) {
    detail::ChildPlan plan;
    plan.program = options.program;
    plan.paths = detail::program_paths(options.program, search_path(options));
    plan.arguments.push_back(options.called.empty() ? options.program : options.called);
    plan.arguments.insert(plan.arguments.end(), options.arguments.begin(), options.arguments.end());
    plan.environment = environment_of(options);
    plan.directory = options.working_directory;
    plan.descriptors = wiring.plan;
    plan.identity = detail::identity_for(options.uid, options.gid);
    plan.terminal = wiring.terminal;
    plan.new_group = options.new_group;
    plan.new_session = options.new_session || options.terminal;
    return plan;
}

}  // namespace

std::map<int, ChildDescriptor> standard_descriptors() {
    std::map<int, ChildDescriptor> result;
    result.emplace(0, ChildDescriptor::written());
    result.emplace(1, ChildDescriptor::read());
    result.emplace(2, ChildDescriptor::read());
    return result;
}

void ProcessTransport::signal_process(std::string_view name) {
    std::string_view bare = name;
    if (bare.substr(0, 3) == "SIG") bare.remove_prefix(3);
    for (int number = 1; number < NSIG; ++number) {
        const char* each = ::sigabbrev_np(number);
        if (each != nullptr && bare == each) return signal_process(number);
    }
    throw std::invalid_argument("there is no signal \"" + std::string(name) + "\"; they are called TERM, KILL, HUP …");
}

void ProcessProtocol::child_data_received(int child_fd, const Bytes& data) {
    if (child_fd == 1) out_received(data);
    if (child_fd == 2) err_received(data);
}

ProcessTransport& ProcessProtocol::transport() const {
    if (transport_ == nullptr) throw InvalidState("this protocol has no process: it was not started, or has ended");
    return *transport_;
}

void spawn_process(Reactor& reactor, ProcessOptions options, std::shared_ptr<ProcessProtocol> protocol) {
    check(options);
    if (protocol == nullptr) refuse(options.program, "it needs a protocol");
    if (reactor.core().closing())
        throw SpawnError("cannot start " + options.program + ": the reactor is being destroyed");
    if (protocol->connected())
        throw UsageError("cannot start " + options.program + ": its protocol has a process already");
    detail::reap_orphans();
    Wiring wiring = wire(options);
    const detail::ChildPlan plan = plan_for(options, wiring);
    const pid_t child = detail::start_child(plan);
    try {
        detail::ChildProcess::Started started{child, options.program, std::move(wiring.ours),
                                              std::move(wiring.terminal_again), plan.new_group || plan.new_session};
        // Owns itself until the process has ended.
        static_cast<void>(new detail::ChildProcess(reactor.core(), std::move(started), std::move(protocol)));
    } catch (...) {
        detail::end_unwatched_child(child);
        throw SpawnError("cannot start " + options.program +
                         ": its descriptors and its exit cannot be watched: " + Failure::current().message());
    }
}

}  // namespace plait

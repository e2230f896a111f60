#include "plait/reactor/detail/child_start.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/process_errors.hpp"

namespace plait::detail {
namespace {

enum class Step { none, session, group, terminal, descriptors, groups, gid, uid, directory, program };

/// The plan in the form of system calls. Shared by parent and child, which only notes how far it came.
struct Launch {
    const ChildPlan* plan;
    std::vector<char*> arguments;
    std::vector<char*> environment;
    std::vector<int> moved;  ///< room for where descriptors are kept out of each other's way
    sigset_t no_signals;

    Step failed = Step::none;
    int error = 0;
};

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (const std::string& text : texts)
        result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

// --- in the child. Everything here runs in the parent's memory, on a stack of its own: no allocation, no locks, no
// exceptions, and system calls that glibc would spread over the parent's threads are made directly.

void reset_signals() noexcept {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number)
        ::sigaction(number, &action, nullptr);  // some cannot be changed, and need not be
}

void close_from(unsigned first, unsigned last) noexcept {
    if (first > last || ::syscall(SYS_close_range, first, last, 0U) == 0) return;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = 65536;
    for (unsigned fd = first; fd <= last && fd < limit.rlim_cur; ++fd)
        ::close(static_cast<int>(fd));
}

bool arrange_descriptors(Launch& launch) noexcept {
    const auto& wanted = launch.plan->descriptors;
    const int above = wanted.empty() ? 0 : wanted.back().child + 1;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        launch.moved[i] = ::fcntl(wanted[i].ours, F_DUPFD_CLOEXEC, above);
        if (launch.moved[i] < 0) return false;
    }
    unsigned next = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (::dup2(launch.moved[i], wanted[i].child) < 0) return false;
        const auto number = static_cast<unsigned>(wanted[i].child);
        if (number > next) close_from(next, number - 1);
        next = number + 1;
    }
    close_from(next, ~0U);
    return true;
}

int switch_identity(Launch& launch) noexcept {
    const ChildPlan::Identity& identity = launch.plan->identity;
    if (!identity.uid && !identity.gid) return 0;
    launch.failed = Step::groups;
    if (::syscall(SYS_setgroups, identity.groups.size(), identity.groups.data()) != 0) return errno;
    launch.failed = Step::gid;
    if (identity.gid && ::syscall(SYS_setgid, *identity.gid) != 0) return errno;
    launch.failed = Step::uid;
    if (identity.uid && ::syscall(SYS_setuid, *identity.uid) != 0) return errno;
    return 0;
}

// Functions that exec or _exit leave for good: what a sanitizer notes when it enters them is never taken back.
#define PLAIT_NEVER_RETURNS __attribute__((no_sanitize_address, no_sanitize_thread))

/// Returns: the errno that says most about why none of the paths is a program.
PLAIT_NEVER_RETURNS int execute(const Launch& launch) noexcept {
    int worst = ENOENT;
    for (const std::string& path : launch.plan->paths) {
        ::execve(path.c_str(), launch.arguments.data(), launch.environment.data());
        if (errno == ENOENT || errno == ENOTDIR) continue;
        worst = errno;
        if (errno != EACCES) break;
    }
    return worst;
}

PLAIT_NEVER_RETURNS int try_all(Launch& launch) noexcept {
    const ChildPlan& plan = *launch.plan;
    reset_signals();
    launch.failed = Step::session;
    if (plan.new_session && ::setsid() < 0) return errno;
    launch.failed = Step::group;
    if (plan.new_group && !plan.new_session && ::setpgid(0, 0) != 0) return errno;
    launch.failed = Step::terminal;
    if (plan.terminal >= 0 && ::ioctl(plan.terminal, TIOCSCTTY, 0) != 0) return errno;
    launch.failed = Step::descriptors;
    if (!arrange_descriptors(launch)) return errno;
    if (const int error = switch_identity(launch); error != 0) return error;
    launch.failed = Step::directory;
    if (!plan.directory.empty() && ::chdir(plan.directory.c_str()) != 0) return errno;
    launch.failed = Step::program;
    ::sigprocmask(SIG_SETMASK, &launch.no_signals, nullptr);
    return execute(launch);
}

PLAIT_NEVER_RETURNS int run_in_child(void* argument) {
    auto& launch = *static_cast<Launch*>(argument);
    launch.error = try_all(launch);
    ::_exit(127);
}

#undef PLAIT_NEVER_RETURNS

// --- in the parent

/// A stack for the child; it needs it until the program runs, which is until clone() returns.
class ChildStack {
public:
    ChildStack()
        : start_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}
    ChildStack(const ChildStack&) = delete;
    ChildStack& operator=(const ChildStack&) = delete;
    ~ChildStack() {
        if (*this) ::munmap(start_, size);
    }

    explicit operator bool() const noexcept { return start_ != MAP_FAILED; }
    void* top() const noexcept { return static_cast<char*>(start_) + size; }

private:
    static constexpr std::size_t size = 256 * 1024;
    void* start_;
};

/// No signal handler may run in the child while it shares our memory.
class SignalsBlocked {
public:
    SignalsBlocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

std::string step_text(const Launch& launch) {
    const ChildPlan& plan = *launch.plan;
    switch (launch.failed) {
        case Step::session:
            return "no session of its own could be made";
        case Step::group:
            return "no process group of its own could be made";
        case Step::terminal:
            return "its terminal could not be made that of its session";
        case Step::descriptors:
            return "its descriptors could not be put in place";
        case Step::groups:
            return "its groups could not be set";
        case Step::gid:
            return "it cannot run as group " + std::to_string(*plan.identity.gid);
        case Step::uid:
            return "it cannot run as user " + std::to_string(*plan.identity.uid);
        case Step::directory:
            return "its working directory " + plan.directory + " cannot be entered";
        case Step::none:
        case Step::program:
            break;
    }
    return {};
}

[[noreturn]] void report(const Launch& launch) {
    const std::string& program = launch.plan->program;
    const std::string start = "cannot start " + program + ": ";
    if (launch.failed != Step::program) throw SpawnError(start + step_text(launch) + ": " + error_text(launch.error));
    if (launch.error == ENOENT && program.find('/') == std::string::npos)
        throw ProgramNotFound(start + "there is no program of that name in PATH");
    if (launch.error == ENOENT)
        throw ProgramNotFound(start + "there is no such file, or what it names as its interpreter is not there");
    if (launch.error == EACCES || launch.error == ENOEXEC || launch.error == EISDIR || launch.error == ELIBBAD)
        throw ProgramNotExecutable(start + error_text(launch.error));
    throw SpawnError(start + error_text(launch.error));
}

}  // namespace

std::vector<std::string> program_paths(const std::string& program, const std::string& search) {
    if (program.find('/') != std::string::npos) return {program};
    std::vector<std::string> result;
    std::string_view left = search;
    for (bool more = true; more;) {
        const std::size_t colon = left.find(':');
        more = colon != std::string_view::npos;
        const std::string_view directory = left.substr(0, colon);
        result.push_back(directory.empty() ? "./" + program : std::string(directory) + '/' + program);
        if (more) left.remove_prefix(colon + 1);
    }
    return result;
}

ChildPlan::Identity identity_for(std::optional<uid_t> uid, std::optional<gid_t> gid) {
    ChildPlan::Identity result{uid, gid, {}};
    if (uid) {
        std::array<char, 16384> room;
        passwd entry{};
        passwd* found = nullptr;
        if (::getpwuid_r(*uid, &entry, room.data(), room.size(), &found) == 0 && found != nullptr) {
            if (!gid) result.gid = entry.pw_gid;
            int count = 64;
            result.groups.resize(static_cast<std::size_t>(count));
            if (::getgrouplist(entry.pw_name, *result.gid, result.groups.data(), &count) < 0) {
                result.groups.resize(static_cast<std::size_t>(count));
                ::getgrouplist(entry.pw_name, *result.gid, result.groups.data(), &count);
            }
            result.groups.resize(static_cast<std::size_t>(count));
        }
    }
    if (result.groups.empty() && result.gid) result.groups.push_back(*result.gid);
    return result;
}

pid_t start_child(const ChildPlan& plan) {
    Launch launch;
    launch.plan = &plan;
    launch.arguments = pointers_to(plan.arguments);
    launch.environment = pointers_to(plan.environment);
    launch.moved.resize(plan.descriptors.size());
    sigemptyset(&launch.no_signals);

    const ChildStack stack;
    pid_t child = -1;
    int error = ENOMEM;
    if (stack) {
        const SignalsBlocked blocked;
        child = ::clone(run_in_child, stack.top(), CLONE_VM | CLONE_VFORK | SIGCHLD, &launch);
        error = errno;
    }
    if (child < 0) throw SpawnError("cannot start " + plan.program + ": no process for it: " + error_text(error));
    if (launch.error == 0) return child;
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    report(launch);
}

}  // namespace plait::detail

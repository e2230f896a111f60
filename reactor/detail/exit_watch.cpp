#include "plait/reactor/detail/exit_watch.hpp"

#include <poll.h>
#include <sys/wait.h>

// glibc 2.36 declares it for C alone.
extern "C" {
#include <sys/pidfd.h>
}

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <utility>
#include <vector>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::detail {
namespace {

constexpr int longest_wait_for_killed = 1000;  // milliseconds; longer only where a device does not answer

std::mutex orphans_mutex;
std::vector<pid_t> orphans;

ExitStatus decode(int status) noexcept {
    ExitStatus result;
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) {
        result.signal = WTERMSIG(status);
        result.core_dumped = WCOREDUMP(status) != 0;
    }
    return result;
}

pid_t look_at(pid_t child, int* status) noexcept {
    pid_t got = -1;
    do
        got = ::waitpid(child, status, WNOHANG);
    while (got < 0 && errno == EINTR);
    return got;
}

/// Nobody has taken its status: the number is its own.
bool is_unreaped(pid_t child) noexcept {
    siginfo_t about{};
    return ::waitid(P_PID, static_cast<id_t>(child), &about, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void orphan(pid_t child) noexcept {
    contain([&] {
        const std::lock_guard lock(orphans_mutex);
        orphans.push_back(child);
    });
}

}  // namespace

ExitWatch::ExitWatch(ReactorCore& core, pid_t child, UniqueFunction<void(const ExitStatus&)> on_exit)
    : core_(core), child_(child), on_exit_(std::move(on_exit)), pidfd_(::pidfd_open(child, 0)) {
    if (pidfd_) {
        watch_.emplace(core_.iops(), pidfd_.get(), static_cast<EventHandler&>(*this));
        watch_->watch(IOFlags::read);
        return;
    }
    signal_ = core_.reactor().on_signal(SIGCHLD, [this](int) { check(); });
    first_check_ = core_.reactor().call_later(Duration::zero(), [this] { check(); });
}

ExitWatch::~ExitWatch() {
    if (child_ != 0 && !reap()) orphan(child_);
}

void ExitWatch::event_ready(IOFlags) noexcept {
    const ReactorCore::Turn turn(core_);
    check();
}

void ExitWatch::check() noexcept {
    const std::optional<ExitStatus> status = reap();
    if (!status) return;
    watch_.reset();
    pidfd_.reset();
    signal_ = SignalSubscription();
    contain([&] { on_exit_(*status); });
}

/// Returns: nothing when the child runs, or has been reaped here before.
std::optional<ExitStatus> ExitWatch::reap() noexcept {
    if (child_ == 0) return std::nullopt;
    int status = 0;
    const pid_t got = look_at(child_, &status);
    if (got == 0) return std::nullopt;
    child_ = 0;
    return got > 0 ? decode(status) : ExitStatus{};  // ECHILD: somebody else has its status
}

int ExitWatch::send_signal(int number) noexcept {
    // By a pidfd it reaches this child or nobody.
    if (pidfd_ && ::pidfd_send_signal(pidfd_.get(), number, nullptr, 0) == 0) return 0;
    if (pidfd_ && errno != ENOSYS) return errno;
    if (child_ == 0 || !is_unreaped(child_)) return ESRCH;
    return ::kill(child_, number) == 0 ? 0 : errno;
}

int ExitWatch::send_signal_to_group(int number) noexcept {
    if (child_ == 0 || !is_unreaped(child_)) return ESRCH;
    return ::kill(-child_, number) == 0 ? 0 : errno;
}

ExitStatus ExitWatch::kill_and_wait() noexcept {
    if (child_ == 0) return {};
    send_signal(SIGKILL);
    watch_.reset();
    signal_ = SignalSubscription();
    first_check_.cancel();
    return wait_for_killed().value_or(ExitStatus{std::nullopt, SIGKILL, false});
}

std::optional<ExitStatus> ExitWatch::wait_for_killed() noexcept {
    if (pidfd_) {
        pollfd exit{pidfd_.get(), POLLIN, 0};
        ::poll(&exit, 1, longest_wait_for_killed);
        return reap();
    }
    std::optional<ExitStatus> status = reap();
    for (int waited = 0; !status && waited < longest_wait_for_killed; ++waited) {
        ::poll(nullptr, 0, 1);
        status = reap();
    }
    return status;
}

void end_unwatched_child(pid_t child) noexcept {
    ::kill(child, SIGKILL);
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void reap_orphans() noexcept {
    const std::lock_guard lock(orphans_mutex);
    std::erase_if(orphans, [](pid_t child) {
        int status = 0;
        return look_at(child, &status) != 0;
    });
}

}  // namespace plait::detail

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

pid_t wait_for(pid_t child, int* status, int options) noexcept {
    pid_t got = -1;
    do
        got = ::waitpid(child, status, options);
    while (got < 0 && errno == EINTR);
    return got;
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
    if (child_ != 0 && !reap(WNOHANG)) orphan(child_);
}

void ExitWatch::event_ready(IOFlags) noexcept {
    const ReactorCore::Turn turn(core_);
    check();
}

void ExitWatch::check() noexcept {
    const std::optional<ExitStatus> status = reap(WNOHANG);
    if (!status) return;
    watch_.reset();
    pidfd_.reset();
    signal_ = SignalSubscription();
    contain([&] { on_exit_(*status); });
}

/// Returns: nothing when the child runs, or has been reaped here before.
std::optional<ExitStatus> ExitWatch::reap(int options) noexcept {
    if (child_ == 0) return std::nullopt;
    int status = 0;
    const pid_t got = wait_for(child_, &status, options);
    if (got == 0) return std::nullopt;
    child_ = 0;
    return got > 0 ? decode(status) : ExitStatus{};  // ECHILD: somebody else has its status
}

ExitStatus ExitWatch::kill_and_wait() noexcept {
    if (child_ == 0) return {};
    ::kill(child_, SIGKILL);
    if (pidfd_) {
        pollfd exit{pidfd_.get(), POLLIN, 0};
        ::poll(&exit, 1, longest_wait_for_killed);
    }
    watch_.reset();
    signal_ = SignalSubscription();
    first_check_.cancel();
    const auto status = reap(pidfd_ ? WNOHANG : 0);
    return status.value_or(ExitStatus{std::nullopt, SIGKILL, false});
}

void reap_orphans() noexcept {
    const std::lock_guard lock(orphans_mutex);
    std::erase_if(orphans, [](pid_t child) {
        int status = 0;
        return wait_for(child, &status, WNOHANG) != 0;
    });
}

}  // namespace plait::detail

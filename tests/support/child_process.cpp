#include "plait/tests/support/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "plait/tests/support/deadline.hpp"
#include "plait/tests/support/temporary_directory.hpp"

namespace plait::support {

namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (auto& text : texts)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

std::vector<std::string> with_this_environment(std::vector<std::string> added) {
    for (char** entry = environ; *entry != nullptr; ++entry)
        added.emplace_back(*entry);
    return added;
}

/// Becomes the program. Runs between fork and exec, so it may only make system calls. Returns errno.
int become(char* const* arguments, char* const* environment, int log, pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    const int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) return errno;
    execvpe(arguments[0], arguments, environment);
    return errno;
}

int open_pidfd(pid_t pid) {
    return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

}  // namespace

ChildProcess::ChildProcess(Command command) : name_(command.arguments.at(0)), log_(std::move(command.log)) {
    auto environment_texts = with_this_environment(std::move(command.environment));
    const auto arguments = pointers(command.arguments);
    const auto environment = pointers(environment_texts);
    const int log = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0) throw std::runtime_error("cannot open the log " + log_.string() + ": " + std::strerror(errno));

    // The child reports a failed exec through a pipe that a successful one closes.
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) throw std::runtime_error("no pipe: " + std::string(std::strerror(errno)));
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ == 0) {
        const int error = become(arguments.data(), environment.data(), log, parent);
        [[maybe_unused]] const auto written = write(report[1], &error, sizeof error);
        _exit(127);
    }
    setpgid(pid_, pid_);  // Both sides: whoever is first, the group is there when the constructor returns.
    close(log);
    close(report[1]);
    int error = pid_ < 0 ? errno : 0;
    if (pid_ > 0 && read(report[0], &error, sizeof error) == sizeof error) waitpid(pid_, nullptr, 0);
    close(report[0]);
    if (error != 0) throw std::runtime_error("cannot start " + name_ + ": " + std::strerror(error));
    pidfd_ = open_pidfd(pid_);
}

ChildProcess::~ChildProcess() {
    kill();
    if (pidfd_ >= 0) close(pidfd_);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : name_(std::move(other.name_)),
      log_(std::move(other.log_)),
      pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      exit_(other.exit_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(log_, other.log_);
    std::swap(pid_, other.pid_);
    std::swap(pidfd_, other.pidfd_);
    std::swap(exit_, other.exit_);
    return *this;
}

bool ChildProcess::running() {
    return !wait(std::chrono::milliseconds(0)).has_value();
}

std::string ChildProcess::log() const {
    return read_file(log_);
}

std::optional<Exit> ChildProcess::wait(std::chrono::milliseconds limit) {
    if (exit_ || pid_ < 0) return exit_;
    const Deadline deadline(limit);
    pollfd ended{pidfd_, POLLIN, 0};
    while (poll(&ended, 1, deadline.left_ms()) < 0 && errno == EINTR)
        continue;
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_) reap();
    return exit_;
}

void ChildProcess::wait_for_log(std::string_view text, std::chrono::milliseconds limit) {
    const Deadline deadline(limit);
    for (;;) {
        const bool ended = !running();
        const auto printed = log();
        if (printed.find(text) != std::string::npos) return;
        const auto end_of_log = "; the end of what it printed:\n" + last_lines(printed);
        if (ended) throw std::runtime_error(name_ + " ended without printing '" + std::string(text) + "'" + end_of_log);
        if (deadline.passed()) {
            throw_waited(name_ + " to print '" + std::string(text) + "'" + end_of_log, limit);
        }
        pause_between_tries();
    }
}

void ChildProcess::signal(int number) {
    if (pid_ > 0 && !exit_) ::kill(-pid_, number);
}

void ChildProcess::pause() {
    // Its threads stop one after the other, and one that still runs may answer: it has stopped when all of them have.
    // A program caught between vfork and exec never does, for its child has stopped first: it goes on and is asked
    // again.
    wait_until("all threads of " + name_ + " to stop", std::chrono::seconds(10), [this] {
        signal(SIGSTOP);
        if (stopped_or_ended_within(std::chrono::milliseconds(200))) return true;
        signal(SIGCONT);
        return false;
    });
}

void ChildProcess::resume() {
    signal(SIGCONT);
}

bool ChildProcess::stopped_or_ended_within(std::chrono::milliseconds limit) const {
    if (pid_ <= 0 || exit_) return true;
    for (const Deadline deadline(limit);; pause_between_tries()) {
        siginfo_t info{};
        waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT);
        if (info.si_pid == pid_) return true;
        if (deadline.passed()) return false;
    }
}

void ChildProcess::kill() {
    if (pid_ > 0 && !exit_) reap();
}

Exit ChildProcess::stop(std::chrono::milliseconds patience) {
    signal(SIGCONT);
    signal(SIGTERM);
    if (!wait(patience)) kill();
    return exit_.value_or(Exit{0});
}

void ChildProcess::reap() {
    ::kill(-pid_, SIGKILL);  // What it started dies with it; until it is waited for, nobody else can have its number.
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR)
        continue;
    exit_ = Exit{WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)};
}

std::string last_lines(std::string_view log, int count) {
    auto start = log.size();
    while (start > 0 && (log[start - 1] != '\n' || start == log.size() || --count > 0))
        --start;
    return std::string(log.substr(start));
}

bool on_path(const std::string& command) {
    const char* path = std::getenv("PATH");
    std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (access((folder + "/" + command).c_str(), X_OK) == 0) return true;
    }
    return false;
}

}  // namespace plait::support

#include "plait/reactor/testing/loop_conformance.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <system_error>

#include "plait/reactor/detail/loop_lab.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::testing {

namespace {

using detail::LoopCheck;
using detail::LoopLab;
using MakeLoop = UniqueFunction<std::unique_ptr<IOPS>()>;

/// What it found, a line each.
std::string found_here(const LoopCheck& check, MakeLoop& make) {
    std::string lines;
    try {
        LoopLab lab(make());
        check.run(lab);
        for (const std::string& complaint : lab.complaints())
            lines += complaint + '\n';
    } catch (const std::exception& error) {
        lines += std::string("it threw: ") + error.what() + '\n';
    }
    return lines;
}

[[noreturn]] void be_the_child(const LoopCheck& check, MakeLoop& make, int pipe) {
    ::prctl(PR_SET_DUMPABLE, 0);  // what has crashed is a sentence soon, and not a core first
    // A test framework's handlers would jump back into the test.
    for (const int fatal : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE})
        std::signal(fatal, SIG_DFL);
    const std::string lines = found_here(check, make);
    std::size_t written = 0;
    while (written < lines.size()) {
        const ssize_t got = ::write(pipe, lines.data() + written, lines.size() - written);
        if (got > 0)
            written += static_cast<std::size_t>(got);
        else if (errno != EINTR)
            break;
    }
    ::_exit(0);
}

/// All that comes through `pipe` until it is closed. False when that was not in time.
bool read_all(int pipe, std::chrono::milliseconds limit, std::string& text) {
    using Time = std::chrono::steady_clock;
    const Time::time_point end = Time::now() + limit;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Time::now()).count();
        if (left <= 0) return false;
        pollfd watched{pipe, POLLIN, 0};
        if (::poll(&watched, 1, static_cast<int>(left)) <= 0) continue;
        char room[4096];
        const ssize_t got = ::read(pipe, room, sizeof room);
        if (got == 0) return true;
        if (got > 0) text.append(room, static_cast<std::size_t>(got));
    }
}

std::string found_in_a_child(const LoopCheck& check, MakeLoop& make, std::chrono::milliseconds limit) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "no pipe to check a loop with");
    const UniqueFd from(ends[0]);
    UniqueFd to(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "no process to check a loop in");
    if (child == 0) be_the_child(check, make, to.get());
    to.reset();

    std::string lines;
    const bool in_time = read_all(from.get(), limit, lines);
    if (!in_time) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!in_time) {
        lines += "it did not end within " + std::to_string(limit.count()) +
                 " ms: something due was not told, or stop_watching() did not end start_watching()\n";
    } else if (WIFSIGNALED(status)) {
        lines += std::string("it crashed: ") + ::strsignal(WTERMSIG(status)) + '\n';
    } else if (WEXITSTATUS(status) != 0) {
        lines += "it ended the process with status " + std::to_string(WEXITSTATUS(status)) + '\n';
    }
    return lines;
}

void add_sentences(std::vector<std::string>& all, const char* check, const std::string& lines) {
    for (std::size_t start = 0; start < lines.size();) {
        const std::size_t end = lines.find('\n', start);
        std::string sentence = std::string(check) + ": " + lines.substr(start, end - start);
        if (all.empty() || all.back() != sentence) all.push_back(std::move(sentence));
        start = end + 1;
    }
}

}  // namespace

std::vector<std::string> check_loop(MakeLoop make, LoopCheckOptions options) {
    std::vector<LoopCheck> checks = detail::descriptor_checks();
    const auto add = [&checks](const std::vector<LoopCheck>& more) {
        checks.insert(checks.end(), more.begin(), more.end());
    };
    add(detail::timer_checks());
    add(detail::running_checks());
    if (options.several_events_on_one_descriptor) add(detail::shared_descriptor_checks());

    std::vector<std::string> complaints;
    for (const LoopCheck& check : checks) {
        if (!options.only.empty() && options.only != check.name) continue;
        const std::string lines =
            options.in_own_process ? found_in_a_child(check, make, options.time_limit) : found_here(check, make);
        add_sentences(complaints, check.name, lines);
    }
    return complaints;
}

}  // namespace plait::testing

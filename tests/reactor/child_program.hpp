// A part of a test that runs in a forked child, since it uses up what the process has; and what a process has computed.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace plait::testing {

/// User and kernel time of this process.
inline long cpu_microseconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1'000'000 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

/// What `program` returns in a child; 99 when it throws, 128 and the number of the signal that ends it, -1 without a
/// child.
inline int code_of_child(int (*program)()) {
    const pid_t child = ::fork();
    if (child == 0) {
        int code = 99;
        try {
            code = program();
        } catch (...) {
        }
        std::_Exit(code);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace plait::testing

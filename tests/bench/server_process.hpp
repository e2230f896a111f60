// A server in a process of its own, for the benchmarks that count what a server computes. It shares one processor with
// its load, so that it always finds work ready and what else the machine does counts for little; unless a benchmark
// puts its load on another.
#pragma once

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <ctime>
#include <stdexcept>

namespace plait::bench {

/// Stays where it is when there is no such processor.
inline void pin_to_processor(unsigned which) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(which, &set);
    static_cast<void>(::sched_setaffinity(0, sizeof set, &set));
}

inline void pin_to_one_processor() {
    pin_to_processor(0);
}

/// Killed at the end.
class ServerProcess {
public:
    /// `serve` listens on a free port of 127.0.0.1, writes that port (a std::uint16_t) to the descriptor it is given,
    /// and serves for ever.
    explicit ServerProcess(void (*serve)(int)) {
        int announce[2];
        if (::pipe(announce) != 0) throw std::runtime_error("pipe failed");
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            pin_to_one_processor();
            serve(announce[1]);
        }
        ::close(announce[1]);
        const bool announced = ::read(announce[0], &port_, sizeof port_) == sizeof port_;
        ::close(announce[0]);
        if (!announced) throw std::runtime_error("a server did not start");
    }
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;
    ~ServerProcess() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    std::uint16_t port() const noexcept { return port_; }

    /// Seconds it has computed, kernel time included.
    double processor_time() const {
        clockid_t clock;
        timespec time{};
        if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
            throw std::runtime_error("a server is gone");
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
    }

private:
    pid_t pid_ = -1;
    std::uint16_t port_ = 0;
};

}  // namespace plait::bench

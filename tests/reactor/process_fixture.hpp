// A reactor, and a protocol that notes what a child process does. For the tests of processes.
#pragma once

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plait/reactor/errors.hpp"
#include "plait/reactor/process.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "plait/tests/support/temporary_directory.hpp"

namespace plait::testing {

struct ProcessRecorder : ProcessProtocol {
    std::vector<std::string> events;
    std::string out;
    std::string err;
    std::string others;  ///< from further descriptors
    std::optional<Failure> exited;
    std::optional<Failure> ended;

    std::function<void(ProcessRecorder&)> when_made = [](ProcessRecorder&) {};
    std::function<void(ProcessRecorder&)> when_data = [](ProcessRecorder&) {};
    std::function<void(ProcessRecorder&)> when_exited = [](ProcessRecorder&) {};
    std::function<void(ProcessRecorder&)> when_ended = [](ProcessRecorder&) {};

    void connection_made() override {
        events.push_back("made");
        when_made(*this);
    }
    void child_data_received(int child_fd, const Bytes& data) override {
        if (child_fd > 2) others += data.view();
        ProcessProtocol::child_data_received(child_fd, data);
        when_data(*this);
    }
    void out_received(const Bytes& data) override { out += data.view(); }
    void err_received(const Bytes& data) override { err += data.view(); }
    void child_connection_lost(int child_fd, const Failure&) override {
        events.push_back("closed " + std::to_string(child_fd));
    }
    void process_exited(const Failure& reason) override {
        exited = reason;
        events.push_back("exited");
        when_exited(*this);
    }
    void process_ended(const Failure& reason) override {
        ended = reason;
        events.push_back("ended");
        when_ended(*this);
    }

    ExitStatus status() const { return ended->check<ProcessEnded>()->status(); }
    bool has(std::string_view event) const {
        for (const std::string& each : events)
            if (each == event) return true;
        return false;
    }
};

inline ProcessOptions shell(const std::string& script) {
    ProcessOptions options;
    options.program = "sh";
    options.arguments = {"-c", script};
    return options;
}

/// No child of this process is left, dead or alive. One that is dead stays for the reactor to reap.
inline bool no_children() {
    siginfo_t about{};
    return ::waitid(P_ALL, 0, &about, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

/// It has ended. Where process 1 reaps nobody, as in many a container, an orphan stays as a zombie.
inline bool gone(pid_t process) {
    return ::kill(process, 0) != 0 ||
           support::read_file("/proc/" + std::to_string(process) + "/stat").find(") Z ") != std::string::npos;
}

/// What a program waits for before it goes on.
class Gate {
public:
    /// A command of the shell that ends when the gate is open.
    std::string passed() const { return "while ! [ -e '" + file() + "' ]; do sleep 0.01; done"; }
    void open() const { std::ofstream(file()).put('\n'); }

private:
    std::string file() const { return (folder_.path() / "open").string(); }

    support::TemporaryDirectory folder_;
};

struct ProcessFixture {
    Reactor reactor;
    std::shared_ptr<ProcessRecorder> child = std::make_shared<ProcessRecorder>();

    void wait(const std::function<bool()>& condition) { run_until(reactor, condition); }
    void wait_ended() {
        wait([&] { return child->ended.has_value(); });
    }
    /// A whole run that ends at once.
    void stop() {
        reactor.call_soon([this] { reactor.stop(); });
        reactor.run();
    }
    void run(ProcessOptions options) {
        spawn_process(reactor, std::move(options), child);
        wait_ended();
    }
};

}  // namespace plait::testing

// A real server under a test: started, stopped, killed, frozen and started again on the same port with the same data.
// Knows nothing of any server in particular; ZooKeeperServer and the others are made of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "plait/tests/support/child_process.hpp"

namespace plait::support {

/// How to run one server.
struct ServerPlan {
    std::string name;      ///< For error messages.
    std::string packages;  ///< What to install when the program is missing.
    Command command;
    std::function<bool()> answers;  ///< True once it serves. Asked again and again.
    std::chrono::milliseconds patience = std::chrono::seconds(60);
};

/// One server that may be running or not. The destructor kills it.
class ServerProcess {
public:
    explicit ServerProcess(ServerPlan plan) : plan_(std::move(plan)) {}

    /// Starts it and waits until it answers.
    /// Fails: with std::runtime_error when it cannot be started, ends, or does not answer in time; the text says what
    ///        to install, or shows the end of the server's log.
    void start();

    /// The two halves of start(), for servers that wait for each other.
    void launch();
    void wait_until_it_answers();

    /// SIGTERM, and waits for the end; SIGKILL after `patience`. Whether it ended without that.
    bool stop(std::chrono::milliseconds patience = std::chrono::seconds(10));

    /// SIGKILL: what a power cut looks like from outside.
    void kill();

    void restart();

    /// SIGSTOP and SIGCONT: connections still open, and nothing answers.
    void pause() { process_.value().pause(); }
    void resume() { process_.value().resume(); }

    bool running() { return process_ && process_->running(); }
    pid_t pid() const { return process_.value().pid(); }
    std::string log() const;

private:
    ServerPlan plan_;
    std::optional<ChildProcess> process_;
};

}  // namespace plait::support

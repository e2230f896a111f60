// MirrorProcess: a view_mirror as a process: started, asked, killed, stopped. For tests/integration and tools/demo.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/tests/support/child_process.hpp"

namespace rig {

/// One view_mirror process. Destroying it kills it.
class MirrorProcess {
public:
    struct Setting {
        std::filesystem::path program;
        std::filesystem::path directory;  ///< journal and logs
        std::string zk;
        std::string session_seconds = "2";
    };

    MirrorProcess(const Setting& setting, std::string name);

    const std::string& name() const noexcept { return name_; }

    /// What it says of itself; empty when it does not answer.
    plait::Deferred<std::string> status(plait::Reactor& reactor) const;

    /// The first line of its answer to `question`. Fails as `view_mirror::ask`.
    plait::Deferred<std::string> ask(plait::Reactor& reactor, std::string question) const;

    /// SIGKILL: nothing is cleaned up.
    void kill() { process_->kill(); }

    /// SIGSTOP and SIGCONT: its connections stay open, and it does nothing.
    void pause() { process_->pause(); }
    void resume() { process_->resume(); }

    /// SIGTERM, as Ctrl-C does; gives its exit status.
    int stop() { return process_->stop().status; }

    bool running() const { return process_->running(); }
    std::string log() const { return process_->log(); }

private:
    std::string name_;
    std::uint16_t port_;
    std::unique_ptr<plait::support::ChildProcess> process_;
};

}  // namespace rig

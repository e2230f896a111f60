#include "mirror_process.hpp"

#include "ask.hpp"
#include "plait/tests/support/loopback.hpp"

namespace rig {

using plait::Deferred;
using plait::Reactor;

MirrorProcess::MirrorProcess(const Setting& setting, std::string name)
    : name_(std::move(name)), port_(plait::support::free_port()) {
    plait::support::Command command;
    command.arguments = {setting.program.string(),
                         "run",
                         "--zk",
                         setting.zk,
                         "--data",
                         (setting.directory / "journal").string(),
                         "--listen",
                         "127.0.0.1:" + std::to_string(port_),
                         "--name",
                         name_,
                         "--session-timeout",
                         setting.session_seconds};
    command.log = setting.directory / (name_ + ".log");
    process_ = std::make_unique<plait::support::ChildProcess>(std::move(command));
}

Deferred<std::string> MirrorProcess::ask(Reactor& reactor, std::string question) const {
    return view_mirror::ask(reactor, {"127.0.0.1", port_}, std::move(question));
}

Deferred<std::string> MirrorProcess::status(Reactor& reactor) const {
    return ask(reactor, "status").add_errback([](const plait::Failure&) { return std::string(); });
}

}  // namespace rig

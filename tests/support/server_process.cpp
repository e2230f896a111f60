#include "plait/tests/support/server_process.hpp"

#include <csignal>
#include <stdexcept>

#include "plait/tests/support/deadline.hpp"
#include "plait/tests/support/temporary_directory.hpp"

namespace plait::support {

void ServerProcess::start() {
    launch();
    wait_until_it_answers();
}

void ServerProcess::launch() {
    const auto& program = plan_.command.arguments.at(0);
    if (!on_path(program)) {
        throw std::runtime_error(plan_.name + " needs " + program + ", which is not here: install " + plan_.packages +
                                 " (tools/setup test), or run tools/test --no-servers");
    }
    process_.emplace(plan_.command);
}

void ServerProcess::wait_until_it_answers() {
    const Deadline deadline(plan_.patience);
    while (!plan_.answers()) {
        const bool ended = !running();
        if (ended || deadline.passed()) {
            throw std::runtime_error(plan_.name + (ended ? " ended" : " did not answer in time") +
                                     "; the end of its log:\n" + last_lines(log()));
        }
        pause_between_tries();
    }
}

bool ServerProcess::stop(std::chrono::milliseconds patience) {
    return !process_ || process_->stop(patience).status != 128 + SIGKILL;
}

void ServerProcess::kill() {
    if (process_) process_->kill();
}

void ServerProcess::restart() {
    stop();
    start();
}

std::string ServerProcess::log() const {
    return read_file(plan_.command.log);
}

}  // namespace plait::support

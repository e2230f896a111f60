// Child processes: runs a program for each argument, all at once, and shows what each wrote and how it ended.
//
//     spawn 'echo hello' 'exit 3' 'kill -9 $$'
//     spawn --terminal 'tty; stty size' 'ls --color=auto /'     each in a terminal of its own
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/deferred/gather.hpp"
#include "plait/reactor/process.hpp"
#include "plait/reactor/react.hpp"

namespace {

/// Passes a program's words on with its name before each piece.
class Shown : public plait::ProcessProtocol {
public:
    Shown(std::string name, bool terminal, plait::Promise<> done)
        : name_(std::move(name)), terminal_(terminal), done_(std::move(done)) {}

private:
    void connection_made() override {
        if (!terminal_) return transport().close_stdin();
        transport().write("\x04");  // control-D: in a terminal the end of the input is typed
    }
    // With a terminal all of it: there, output and errors are one.
    void out_received(const plait::Bytes& data) override {
        std::printf("%s says %s", name_.c_str(), data.str().c_str());
    }
    void err_received(const plait::Bytes& data) override {
        std::printf("%s complains %s", name_.c_str(), data.str().c_str());
    }
    void process_ended(const plait::Failure& reason) override {
        const plait::ExitStatus& status = reason.check<plait::ProcessEnded>()->status();
        if (status.signal) {
            std::printf("%s was ended by signal %d\n", name_.c_str(), *status.signal);
        } else {
            std::printf("%s ended with %d\n", name_.c_str(), status.exit_code.value_or(-1));
        }
        done_.callback();
    }

    std::string name_;
    bool terminal_;
    plait::Promise<> done_;
};

plait::Deferred<> run(plait::Reactor& reactor, const std::string& script, bool terminal) {
    auto [ended, promise] = plait::make_deferred<>();
    plait::ProcessOptions options{.program = "sh", .arguments = {"-c", script}};
    if (terminal) options.terminal = plait::WindowSize{.columns = 80, .rows = 24};
    plait::spawn_process(reactor, std::move(options), std::make_shared<Shown>(script, terminal, std::move(promise)));
    return std::move(ended);
}

}  // namespace

int main(int argc, char** argv) {
    return plait::react([&](plait::Reactor& reactor) -> plait::Deferred<> {
        const bool terminal = argc > 1 && argv[1] == std::string("--terminal");
        const int first = terminal ? 2 : 1;
        if (first >= argc || argv[first][0] == '-') throw std::runtime_error("usage: spawn [--terminal] PROGRAM...");
        std::vector<plait::Deferred<>> all;
        for (int i = first; i < argc; ++i)
            all.push_back(run(reactor, argv[i], terminal));
        return plait::gather(std::move(all)).add_callback([](const auto&) {});
    });
}

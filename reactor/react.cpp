#include "plait/reactor/react.hpp"

#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "plait/deferred/maybe.hpp"
#include "plait/reactor/detail/signal_registry.hpp"

namespace plait {

namespace {

constexpr int failed = 1;

void complain(std::string text) {
    for (char& c : text)
        if (c == '\n' || c == '\r') c = ' ';
    std::fprintf(stderr, "%s\n", text.c_str());
}

/// One program: main's Deferred, the signals that end it, and the exit code it comes to.
class Program {
public:
    explicit Program(Reactor& reactor) : reactor_(reactor) {
        for (const int number : detail::signals_that_stop())
            signals_.push_back(reactor.on_signal(number, [this](int) { interrupt(); }));
    }

    /// `main` outlives this: a coroutine that has not ended may look at what it captured while it is destroyed.
    int run(UniqueFunction<Deferred<int>(Reactor&)>& main) {
        reactor_.call_soon([this, &main] { start(main); });
        reactor_.run();
        if (!code_) complain("the reactor was stopped before main had ended");
        return code_.value_or(failed);
    }

private:
    void start(UniqueFunction<Deferred<int>(Reactor&)>& main) {
        // What main throws, and an empty Deferred, are its failure like any other.
        running_ = maybe_deferred(main, reactor_).add_both([this](Result<int> ended) { finish(ended); });
        if (interrupted_) running_.cancel();
    }

    void interrupt() {
        // From here on the signals have their default actions again: a second one ends the process.
        interrupted_ = true;
        signals_.clear();
        if (running_.valid()) running_.cancel();
    }

    void finish(const Result<int>& ended) {
        if (ended.has_value()) {
            code_ = ended.value();
        } else if (interrupted_ && ended.failure().check<Cancelled>() != nullptr) {
            code_ = 0;
        } else {
            complain(ended.failure().message());
            code_ = failed;
        }
        if (!reactor_.stopping()) reactor_.stop();
    }

    Reactor& reactor_;
    std::vector<SignalSubscription> signals_;
    Deferred<> running_;
    std::optional<int> code_;
    bool interrupted_ = false;
};

}  // namespace

int react(UniqueFunction<Deferred<>(Reactor&)> main) {
    return react_with_code([&main](Reactor& reactor) { return main(reactor).add_callback([] { return 0; }); });
}

int react_with_code(UniqueFunction<Deferred<int>(Reactor&)> main) {
    try {
        Reactor reactor;
        Program program(reactor);
        return program.run(main);
    } catch (...) {  // no loop to be had
        complain(Failure::current().message());
        return failed;
    }
}

}  // namespace plait

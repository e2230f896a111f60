#include "plait/reactor/testing/clean_reactor.hpp"

#include <chrono>
#include <sstream>

#include "plait/deferred/testing/caught_reports.hpp"

namespace plait::testing {

namespace {

constexpr int turns_to_end_in = 5;

std::vector<std::string> dumped(const Reactor& reactor) {
    std::vector<std::string> left;
    std::istringstream lines(reactor.dump());
    std::string line;
    std::getline(lines, line);  // says only whether more follows
    while (std::getline(lines, line))
        if (const auto begin = line.find_first_not_of(' '); begin != std::string::npos)
            left.push_back(line.substr(begin));
    return left;
}

void expect_none(const std::vector<std::string>& left) {
    if (left.empty()) return;
    std::string sentence = "the test left on its reactor:";
    for (const auto& thing : left)
        sentence += "\n    " + thing;
    throw UnexpectedOutcome(sentence);
}

}  // namespace

std::vector<std::string> left_on(Reactor& reactor, Duration patience) {
    const TimePoint until = reactor.now() + patience;
    for (int turn = 1;; ++turn) {
        reactor.run_until(reactor.sleep(std::chrono::milliseconds(1)));
        if (turn < turns_to_end_in) continue;
        auto left = dumped(reactor);
        if (left.empty() || reactor.now() >= until) return left;
    }
}

std::vector<std::string> left_on(MemoryReactor& memory) {
    memory.settle();
    auto left = memory.network.describe();
    if (const auto calls = memory.clock.pending_calls(); calls != 0)
        left.push_back(std::to_string(calls) + (calls == 1 ? " timed call" : " timed calls"));
    return left;
}

void expect_clean(Reactor& reactor, Duration patience) {
    expect_none(left_on(reactor, patience));
}

void expect_clean(MemoryReactor& memory) {
    expect_none(left_on(memory));
}

}  // namespace plait::testing

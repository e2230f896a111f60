#include "plait/reactor/testing/clean_reactor.hpp"

#include <chrono>
#include <sstream>

#include "plait/deferred/testing/caught_reports.hpp"

namespace plait::testing {

namespace {
constexpr int turns_to_end_in = 5;
}  // namespace

std::vector<std::string> left_on(Reactor& reactor) {
    for (int turn = 0; turn < turns_to_end_in; ++turn)
        reactor.run_until(reactor.sleep(std::chrono::milliseconds(1)));
    std::vector<std::string> left;
    std::istringstream lines(reactor.dump());
    std::string line;
    std::getline(lines, line);  // says only whether more follows
    while (std::getline(lines, line))
        if (const auto begin = line.find_first_not_of(' '); begin != std::string::npos)
            left.push_back(line.substr(begin));
    return left;
}

void expect_clean(Reactor& reactor) {
    const auto left = left_on(reactor);
    if (left.empty()) return;
    std::string sentence = "the test left on its reactor:";
    for (const auto& thing : left)
        sentence += "\n    " + thing;
    throw UnexpectedOutcome(sentence);
}

}  // namespace plait::testing

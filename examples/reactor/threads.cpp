// Blocking work beside a loop: counts the lines of files in threads, several at once, while the loop goes on.
//
//     threads FILE...
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/deferred/gather.hpp"
#include "plait/reactor/react.hpp"
#include "plait/reactor/threads.hpp"

namespace {

// Blocks, and knows nothing of reactors.
long count_lines(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    long lines = 0;
    for (std::string line; std::getline(file, line);)
        ++lines;
    return lines;
}

plait::Deferred<> run(plait::Reactor& reactor, std::vector<std::string> paths) {
    std::vector<plait::Deferred<long>> counts;
    for (const std::string& path : paths)
        counts.push_back(plait::defer_to_thread(reactor, [path] { return count_lines(path); }));
    // A file that cannot be read fails the whole; the others are taken back, or their results dropped.
    const std::vector<long> lines = co_await plait::gather(std::move(counts));
    for (std::size_t i = 0; i < paths.size(); ++i)
        std::printf("%8ld %s\n", lines[i], paths[i].c_str());
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> paths(argv + 1, argv + argc);
    return plait::react([&](plait::Reactor& reactor) { return run(reactor, paths); });
}

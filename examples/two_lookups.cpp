#include <cstdio>
#include <string>

#include "plait/deferred/gather.hpp"
#include "plait/reactor/react.hpp"

using namespace std::chrono_literals;

// Stands in for a client: the answer takes a while.
plait::Deferred<std::string> look_up(plait::Reactor& reactor, std::string name) {
    return reactor.sleep(10ms).add_callback([name] { return "the address of " + name; });
}

plait::Deferred<> run(plait::Reactor& reactor) {
    // Both are asked at once; neither may take longer than a second.
    auto [ours, theirs] = co_await plait::gather(look_up(reactor, "us").add_timeout(reactor, 1s, "looking us up"),
                                                 look_up(reactor, "them").add_timeout(reactor, 1s, "looking them up"));
    std::printf("%s, %s\n", ours.c_str(), theirs.c_str());
}

int main() {
    return plait::react(run);
}

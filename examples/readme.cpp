#include <cstdio>

#include "plait/reactor/react.hpp"
#include "plait/zk/client.hpp"

plait::Deferred<> follow(plait::Reactor& reactor) {
    plait::zk::Client zk(reactor, "127.0.0.1:2181");
    co_await zk.connect();
    for (;;) {
        auto [node, changed] = co_await zk.get_and_watch("/config");
        std::printf("%s\n", node.data.str().c_str());
        co_await std::move(changed);
    }
}

int main() {
    return plait::react(follow);
}

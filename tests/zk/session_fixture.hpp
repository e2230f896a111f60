// What the tests of sessions share: a client on a network in memory, and the states it told of. On top of
// in_memory.hpp; knows no test.
#pragma once

#include <algorithm>
#include <vector>

#include "plait/tests/zk/in_memory.hpp"

namespace plait::zk {

struct SessionFixture : InMemory {
    auto count(Op op) const { return std::count(fake.requests().begin(), fake.requests().end(), op); }

    /// Every state handed to handlers, from now on.
    std::vector<KeeperState> states;
    StateSubscription watch_states() {
        return client->on_state([this](KeeperState state) { states.push_back(state); });
    }
    bool saw(std::vector<KeeperState> expected) const { return states == expected; }
};

}  // namespace plait::zk

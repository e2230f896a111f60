// MemoryReactor: a clock and a network in memory, for tests of clients and servers without sockets and without waiting.
// Not a Reactor: no descriptors, threads or signals. Hand its parts to what takes a Clock and a Connector.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/testing/memory_network.hpp"

namespace plait::testing {

/// Everything that happens in a test, happens by its members.
///
///     MemoryReactor memory;
///     memory.network.listen({"zk1", 2181}, server.factory());
///     zk::Client client(memory.clock, memory.network.connector(), "zk1:2181");
///     memory.get(client.connect());
///     memory.pass(10s);                                  // ten seconds, in no time
///
/// Source: MemoryReactorClock of Twisted.
struct MemoryReactor {
    MemoryReactor() { network.set_clock(clock); }

    ManualClock clock;
    MemoryNetwork network;

    /// Lets everything happen that does so without time passing. Throws std::runtime_error when that does not end.
    void settle();

    /// Lets `time` pass in steps, and all happen that happens meanwhile.
    void pass(Duration time, Duration step = std::chrono::milliseconds(50));

    /// Settles; the value that `deferred` then has. Throws UnexpectedOutcome when it has none, or failed.
    template <typename T>
    T get(Deferred<T> deferred) {
        settle();
        return success_of(deferred);
    }
};

}  // namespace plait::testing

// What a test has left on a reactor, a real one or one in memory: timed calls, connections, ports, look-ups.
// Not bound to a test framework; boost_test.hpp, beside this, makes Boost.Test fail a test that leaves something.
#pragma once

#include <string>
#include <vector>

#include "plait/reactor/reactor.hpp"
#include "plait/reactor/testing/memory_reactor.hpp"

namespace plait::testing {

/// Runs a few turns, so that what is about to end does, and names what is then left, as Reactor::dump() does: "a
/// connection to 127.0.0.1:2181". Empty: nothing. `patience` is for ends that somebody else has to do something for: a
/// server that closes its side. As soon as nothing is left, this returns.
/// Source: DirtyReactorAggregateError of Twisted's trial.
std::vector<std::string> left_on(Reactor& reactor, Duration patience = Duration::zero());

/// Settles, and names the same: "2 timed calls", "a connection to zk1:2181". Ports are no
/// concern of it.
std::vector<std::string> left_on(MemoryReactor& memory);

/// Throws UnexpectedOutcome (caught_reports.hpp), naming each, when something is left.
void expect_clean(Reactor& reactor, Duration patience = Duration::zero());
void expect_clean(MemoryReactor& memory);

}  // namespace plait::testing

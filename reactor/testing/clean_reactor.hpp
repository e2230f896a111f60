// What a test has left on a reactor: timed calls, connections, ports, look-ups.
// Not bound to a test framework; boost_test.hpp, beside this, makes Boost.Test fail a test that leaves something.
#pragma once

#include <string>
#include <vector>

#include "plait/reactor/reactor.hpp"

namespace plait::testing {

/// Runs a few turns, so that what is about to end does, and names what is then left, as Reactor::dump() does: "a
/// connection to 127.0.0.1:2181". Empty: nothing.
/// Source: DirtyReactorAggregateError of Twisted's trial.
std::vector<std::string> left_on(Reactor& reactor);

/// Throws UnexpectedOutcome (caught_reports.hpp), naming each, when something is left.
void expect_clean(Reactor& reactor);

}  // namespace plait::testing

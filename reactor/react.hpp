// react(): the main() of a reactor program. Runs one Deferred to its end and turns its outcome into an exit code.
// Not needed to use a Reactor: Reactor::run() and run_until() are what it is made of.
#pragma once

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait {

/// Makes a Reactor, calls `main` in it, and runs until what it returned has fired.
///
///     int main() { return plait::react([](plait::Reactor& r) -> plait::Deferred<> { co_await r.sleep(1s); }); }
///
/// Returns: 0 for a value; 1 for a failure, which is printed to standard error in one line.
/// SIGINT, unless it is ignored, and SIGTERM cancel `main`'s Deferred, so a coroutine sees Cancelled at its await and
/// may clean up, awaiting what it needs; ending with a value or with Cancelled is then 0. A second signal ends the
/// process at once, as the default would. A program that runs in the background ignores SIGINT because its shell wants
/// that; one that shall heed it all the same calls std::signal(SIGINT, SIG_DFL) first. A reactor that is stopped before
/// `main` has ended is a failure. Source: task.react of Twisted.
///
/// Threads: any, several at once, each with a reactor of its own. Signals belong to the process: the first cancels
///          every `main` that runs, the second ends the process as soon as all have been told of the first.
int react(UniqueFunction<Deferred<>(Reactor&)> main);

/// The same for a `main` whose value is the exit code.
int react_with_code(UniqueFunction<Deferred<int>(Reactor&)> main);

}  // namespace plait

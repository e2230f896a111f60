// check_loop: runs an event loop of yours through everything that the seam asks of one (reactor/iops.hpp), and says in
// sentences which promises it breaks. Needs no test framework, and is no benchmark.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/iops.hpp"

namespace plait::testing {

struct LoopCheckOptions {
    /// For one check. All together take less than a second on a loop that keeps its promises.
    std::chrono::milliseconds time_limit{5'000};

    /// Also that two events may watch one descriptor. No reactor asks for it; the loops that come with Plait can.
    bool several_events_on_one_descriptor = false;

    /// The check of this name alone; all of them when empty.
    std::string only{};

    /// Each check runs in a process of its own, so that a loop that hangs or crashes is a sentence like any other. Not
    /// so under a debugger.
    bool in_own_process = true;
};

/// Returns: a sentence for each promise broken, which opens with the name of the check; none when all are kept.
///
/// `make` is called once a check, in that check's process: it makes a loop that nothing else is in, and whose
/// `start_watching()` runs it. For a loop that others run, derive from your class and run the loop there.
///
///     for (const std::string& complaint : plait::testing::check_loop([] { return std::make_unique<MyLoop>(); }))
///         std::cerr << complaint << '\n';
///
/// "a large number" wants a descriptor above 2,000, and is left out where the process may have none.
///
/// Fails: throws std::system_error when the system gives no process, or no descriptors to check with.
/// Threads: call it while the program has one, since it forks.
std::vector<std::string> check_loop(UniqueFunction<std::unique_ptr<IOPS>()> make, LoopCheckOptions options = {});

}  // namespace plait::testing

// await_in() and await_until(): waiting in a test on a real Reactor, with an end that says what was still awaited.
// Not for tests on a ManualClock: advance that, and ask with success_of().
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::testing {

/// Long enough for a machine that is busy with other tests.
inline constexpr std::chrono::seconds default_patience{20};

namespace inner {

/// Stops the reactor when the time is up.
class Patience {
public:
    Patience(Reactor& reactor, Duration limit, std::string what);
    ~Patience();

    /// Throws TimeoutError if it was this that stopped the reactor.
    void check() const;

private:
    Reactor& reactor_;
    Duration limit_;
    std::string what_;
    std::string left_;
    DelayedCall call_;
};

}  // namespace inner

/// Runs the reactor until `deferred` has fired; its value.
/// Fails:  throws what it failed with; TimeoutError when nothing came within `limit`, which names `what` and everything
///         that the reactor then waited for (Reactor::dump()). The Deferred is then dropped, which cancels it.
/// Source: returning a Deferred from a test of Twisted's trial.
template <typename T>
T await_in(Reactor& reactor, Deferred<T> deferred, Duration limit = default_patience, std::string what = "a Deferred") {
    const inner::Patience patience(reactor, limit, std::move(what));
    try {
        return reactor.run_until(std::move(deferred));
    } catch (...) {
        patience.check();
        throw;
    }
}

/// Runs the reactor until `condition` holds, which is asked every millisecond. For what no Deferred tells of.
/// Fails: TimeoutError as above.
void await_until(Reactor& reactor, UniqueFunction<bool()> condition, Duration limit = default_patience,
                 std::string what = "a condition");

}  // namespace plait::testing

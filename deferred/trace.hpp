// Tracing: which chains live now, what each waits for, who made it, and for how long. For finding what hangs.
// Not a log and not a profile: nothing is kept of what has ended. Costs nothing to speak of while it is off.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/describe.hpp"

namespace plait {

/// Records every chain made from now on, a Promise's or a coroutine's, in every thread; or stops that. What has been
/// recorded stays so until it ends, also after this is off. Chains made before are seen only where recorded ones wait
/// for them. Ready Deferreds are no chains.
///
/// Cost:    off, a flag looked at when a chain is made. On, an allocation, a lock and the time of day for each
///          chain; no more than 100,000 are recorded at a time, the rest is counted.
/// Threads: any.
void set_tracing(bool on) noexcept;
bool tracing() noexcept;

/// Tracing for a scope; the destructor puts it back as it was.
class [[nodiscard]] Tracing {
public:
    explicit Tracing(bool on = true) noexcept : before_(tracing()) { set_tracing(on); }
    Tracing(const Tracing&) = delete;
    Tracing& operator=(const Tracing&) = delete;
    ~Tracing() { set_tracing(before_); }

private:
    bool before_;
};

/// A chain that lives and somebody has, as it was when pending() looked.
struct PendingChain {
    enum class Kind { promise, coroutine };
    enum class State {
        waiting,  ///< for its Promise, for `waits_for`, or at `awaits_at`
        running,  ///< one of its callbacks, or its body, is running now
        paused,   ///< has what it needs, and may not go on
        ready,    ///< has a value that nobody took
        failed,   ///< has a Failure that nobody took
    };

    std::uint64_t id = 0;  ///< unique, and rising in the order of making
    Kind kind = Kind::promise;
    State state = State::waiting;
    std::string name;                             ///< what Deferred::named() said
    SourceLocation made;                          ///< make_deferred() or the coroutine
    std::optional<std::chrono::nanoseconds> age;  ///< none for one made before tracing was on
    std::size_t callbacks = 0;                    ///< waiting to be run
    std::optional<SourceLocation> awaits_at;      ///< the co_await a coroutine is suspended at
    std::uint64_t waits_for = 0;                  ///< the chain that was returned to it or awaited by it; 0: none
    std::uint64_t part_of = 0;                    ///< the chain of the gather() and such that it was given to; 0: none
    std::string failure;                          ///< with its way, Failure::full_message()
};

/// The recorded chains of this thread, and what they wait for, oldest first.
/// Threads: chains are listed by the thread that made them. While tracing is on do not hand a chain over to another
///          thread: looking at it here while it is used there is a race.
std::vector<PendingChain> pending();

/// pending() as a tree: what nobody waits for, and under each what it waits for. Lines of waits longer than 16 are
/// shortened in the middle; at most `most_lines` lines, ending in a line break each.
std::string dump_pending(std::size_t most_lines = 1000);

/// What one Deferred is doing, in a line: its result or what it waits for, and where it was made. Needs no tracing.
///
///     a Deferred made at app.cpp:12 in load, 2 callbacks; waits for a coroutine made at ...
template <typename T>
std::string describe(const Deferred<T>& deferred) {
    return detail::describe_slot(detail::Access::slot(deferred));
}

}  // namespace plait

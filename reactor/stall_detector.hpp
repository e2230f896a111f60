// StallDetector: tells when one callback keeps a reactor's thread from everything else: which, for how long, and where
// it was. Not a profiler: it looks only at what takes too long.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait {

/// A callback that took, or is still taking, longer than the limit.
struct Stall {
    Duration lasted{};                ///< so far
    bool over = false;                ///< the callback has returned
    std::string what;                 ///< which: "data_received of chat::Session", "timed and soon calls", ...
    std::vector<void*> addresses;     ///< the thread's stack when the limit had passed, innermost first
    std::vector<std::string> frames;  ///< the same as "function + 0x12", or "program(+0x1234)" for addr2line

    /// In one line, followed by a line for each frame while it is not over.
    std::string text() const;
};

struct StallDetectorOptions {
    /// Callbacks may take so long. Another thread looks four times in that time.
    Duration limit = std::chrono::milliseconds(100);
    /// The signal that makes the reactor's thread write its stack down; zero: the default, SIGRTMIN + 5. System calls
    /// it interrupts are restarted where the system does that. A handler the program has for it is replaced meanwhile.
    int signal_number = 0;
};

/// Watches one reactor while it lives, with a thread of its own.
///
/// Each stall is told twice: as soon as the limit has passed, from the detector's thread (`over` is false: a callback
/// that never returns is seen, too), and when the callback has returned, from the reactor's thread. One that returns
/// between two looks of the detector is told once, without a stack. Names of functions in the program itself are known
/// if it was linked with -rdynamic (Meson: export_dynamic).
///
/// Fails:    the constructor throws InvalidState when the reactor has a detector already, std::invalid_argument unless
///           the limit is above zero, std::system_error when the system gives no thread, or not the signal; nothing is
///           watched then. What `told` throws is reported as an unhandled failure.
/// Lifetime: destroyed before the reactor, in the reactor's thread, inside its callbacks or outside, but not from
///           `told`.
/// Threads:  made in the reactor's thread. `told` is called in either thread, never in both at once.
class StallDetector {
public:
    using Told = UniqueFunction<void(const Stall&)>;

    /// Prints each stall to standard error.
    explicit StallDetector(Reactor& reactor, StallDetectorOptions options = {});
    StallDetector(Reactor& reactor, StallDetectorOptions options, Told told);
    ~StallDetector();
    StallDetector(const StallDetector&) = delete;
    StallDetector& operator=(const StallDetector&) = delete;

private:
    class Watcher;
    std::unique_ptr<Watcher> watcher_;
};

}  // namespace plait

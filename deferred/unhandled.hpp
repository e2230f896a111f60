// What becomes of a Failure that nobody read: it is reported once, when it is destroyed.
// Not a log: one hook for the program to set, and a counter for tests and metrics.
#pragma once

#include <cstdint>
#include <string_view>

#include "plait/deferred/failure.hpp"

namespace plait {

/// Lives only during the hook's call; copy the Failure to keep it.
struct UnhandledFailure {
    const Failure& failure;
    SourceLocation made;         ///< where the Deferred was made; for a ready one, where its Failure was made
    std::string_view name = {};  ///< what Deferred::named() said, with tracing on (trace.hpp)
};

/// Called in the thread that destroyed the Failure, from a destructor: what it throws is printed and goes no further.
using UnhandledFailureHook = void (*)(const UnhandledFailure&);

/// Replaces the hook and returns the one before. Null brings back the default: on stderr, in one piece, where
/// the Deferred was made and Failure::full_message().
/// Threads: any. One hook for the whole program.
UnhandledFailureHook set_unhandled_failure_hook(UnhandledFailureHook hook) noexcept;

/// How many have been reported since the program started, whatever the hook. Cancelled is neither reported nor counted.
std::uint64_t unhandled_failure_count() noexcept;

namespace detail {
class Core;
/// The same for what a chain held.
void report_unhandled_failure(const Failure& failure, const Core& holder) noexcept;
}  // namespace detail

/// Reports `failure` as Deferred does. For code that has a Failure and nobody to give it to.
void report_unhandled_failure(const Failure& failure, SourceLocation made = SourceLocation::current()) noexcept;

}  // namespace plait

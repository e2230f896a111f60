// What AlreadyFired says: where the second time was; with tracing on where the first was, and where the Promise was
// made. Not the check; Promise makes it. Not other mistakes; those are in misuse.hpp.
#pragma once

#include <cstdint>

#include "plait/deferred/detail/core.hpp"

namespace plait::detail {

/// 0: never fired. 1: fired. Above: fired, and known to the tracing.
using Spent = std::uint32_t;

/// Notes a firing; for a Core with a record.
Spent trace_fired(const Core& core, SourceLocation where) noexcept;

/// `core` is null once the Promise has let go of it.
/// Firings are remembered for a while: the last thousand.
[[noreturn]] void throw_already_fired(const Core* core, Spent spent, SourceLocation again);

/// For a Promise that cannot be fired: returns when its result is to be swallowed, else throws.
void throw_unless_swallowed(const Core* core, Spent spent, SourceLocation again);

}  // namespace plait::detail

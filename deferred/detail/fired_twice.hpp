// What a Promise that was fired remembers for the sentence of AlreadyFired: with tracing on, where it was made and
// fired. Not kept for ever: the last thousand are.
#pragma once

#include <cstdint>

#include "plait/deferred/detail/core.hpp"

namespace plait::detail {

/// 0: never fired. 1: fired. Above: fired, and known to the tracing.
using Spent = std::uint32_t;

/// Notes a firing; for a Core with a record.
Spent trace_fired(const Core& core, SourceLocation where) noexcept;

/// `core` is null once the Promise has let go of it.
[[noreturn]] void throw_already_fired(const Core* core, Spent spent, SourceLocation again);

/// For a Promise that cannot be fired: returns when its result is to be swallowed, else throws.
void throw_unless_swallowed(const Core* core, Spent spent, SourceLocation again);

}  // namespace plait::detail

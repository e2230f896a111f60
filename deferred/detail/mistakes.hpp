// The sentences for Promises fired twice and Deferreds used when empty: with tracing on they say where those were made.
// Not the checks; Promise and Deferred make them.
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

/// `use` as in "was cancelled"; `last` is the Core that has left the Deferred, if any. It may be gone.
[[noreturn]] void throw_empty_deferred(const char* use, const Core* last);

}  // namespace plait::detail

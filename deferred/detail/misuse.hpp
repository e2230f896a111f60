// What Deferred and Promise say when they are used wrongly, out of the way of their templates.
// Not for failures of chains: these are mistakes of whoever makes the call.
#pragma once

#include "plait/deferred/detail/fired_twice.hpp"

namespace plait::detail {

/// InvalidState: an empty Deferred was `what`: "used", "cancelled".
[[noreturn]] void throw_empty_deferred(const char* what);
/// InvalidState: take() came too early.
[[noreturn]] void throw_not_ready();
/// For a Promise that cannot be fired: returns when its result is to be swallowed, else throws AlreadyFired or
/// InvalidState. `core` may be null.
void throw_unless_swallowed(const Core* core, Spent spent, SourceLocation fired);

}  // namespace plait::detail

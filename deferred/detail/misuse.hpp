// What Deferred and Promise say when they are used wrongly, out of the way of their templates.
// Not for failures of chains: these are mistakes of whoever makes the call.
#pragma once

namespace plait::detail {

class Core;

/// InvalidState: an empty Deferred was `what`: "used", "cancelled".
[[noreturn]] void throw_empty_deferred(const char* what);
/// InvalidState: take() came too early.
[[noreturn]] void throw_not_ready();
/// For a Promise that cannot be fired: returns when its result is to be swallowed, else throws AlreadyFired or
/// InvalidState. `core` may be null; `spent`: it had one.
void throw_unless_swallowed(const Core* core, bool spent);

}  // namespace plait::detail

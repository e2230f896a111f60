#include "plait/deferred/detail/misuse.hpp"

#include <string>

#include "plait/deferred/detail/core.hpp"
#include "plait/deferred/errors.hpp"

namespace plait::detail {

void throw_empty_deferred(const char* what) {
    throw InvalidState(std::string("An empty Deferred was ") + what +
                       ": it was default-made, moved from, awaited, or its result was taken.");
}

void throw_not_ready() {
    throw InvalidState("take() was called on a Deferred that is not ready.");
}

void throw_unless_swallowed(const Core* core, Spent spent, SourceLocation fired) {
    if (core != nullptr && core->ignores_results()) return;
    if (core != nullptr || spent != 0) throw_already_fired(core, spent, fired);
    throw InvalidState("An empty Promise was fired: it was default-made or moved from.");
}

}  // namespace plait::detail

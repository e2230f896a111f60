// How one step of a chain adds to the way of a Failure that went through it.
// Not the store: that is Failure itself. Only failing chains come here.
#pragma once

#include "plait/deferred/failure.hpp"

namespace plait::detail {

/// What the exception being handled becomes, thrown by the step added at `added` when it was given `before` (null: a
/// value). The same exception thrown again goes on with its origin and its way.
Failure thrown_by_step(const Failure* before, SourceLocation added) noexcept;

/// Notes the step on `after`, what it ended in, if that is `before` still: moved on (the step was skipped) or handed
/// on. A shared `before` is let go, so that `after` need not be copied.
void note_step(Failure& before, Failure& after, SourceLocation added) noexcept;

}  // namespace plait::detail

// The loop that a Reactor makes when it is given none. Not for users: they hand in a loop. The tests exchange it, to
// run all of them on each loop there is.
#pragma once

#include <memory>

#include "plait/reactor/iops.hpp"

namespace plait::detail {

using LoopMaker = std::unique_ptr<IOPS> (*)();

/// Throws what the maker throws.
std::unique_ptr<IOPS> make_default_loop();

/// From now on default loops come from `maker`; null: libev's, as at first. Returns the one before.
/// Threads: any.
LoopMaker exchange_default_loop(LoopMaker maker) noexcept;

}  // namespace plait::detail

// Watches a mirror's checkpoint znode from outside: how tests and the demonstration know how far a mirror is.
#pragma once

#include <functional>

#include "checkpoint.hpp"
#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/zk/client.hpp"

namespace rig {

inline constexpr const char* checkpoint_path = "/view_mirror/checkpoint";

/// Looks at the checkpoint now and after each change, until `enough` says yes.
///
/// Fires:    with that checkpoint.
/// Fails:    with TimeoutError when nothing changed for a minute, with NoNode when there is no checkpoint, and with
///           what `enough` throws.
/// Lifetime: clock and client must outlive the Deferred.
plait::Deferred<view_mirror::Checkpoint> checkpoint_when(plait::Clock& clock, plait::zk::Client& zk,
                                                         std::function<bool(const view_mirror::Checkpoint&)> enough);

}  // namespace rig

// Watched: what a read found, and a Deferred that fires when it is no longer so.
// One-shot, as ZooKeeper's watches are: read again to go on watching.
#pragma once

#include "plait/deferred/deferred.hpp"
#include "plait/zk/types.hpp"

namespace plait::zk {

/// The result of the `*_and_watch` calls.
///
///     auto [node, changed] = co_await zk.get_and_watch("/config");
///
/// `changed` fires once, with the first change after `value` was read; read again, and watch again, to see what it is
/// now. Changes in between are not told one by one. A connection that was lost and found again makes no difference:
/// the watch is armed again, and fires at once if it missed something.
///
/// Fails:  SessionExpired, AuthFailed or Closed when the session ends first.
/// Cancel: dropping `changed` forgets the watch; the server's event, if one comes, is discarded.
template <typename T>
struct Watched {
    T value;
    Deferred<WatchEvent> changed;
};

}  // namespace plait::zk

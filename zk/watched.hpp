// Watched: what a read found, and a Deferred that fires when it is no longer so.
// Not a subscription: it fires once, as ZooKeeper's watches do; read again to go on watching.
#pragma once

#include "plait/deferred/deferred.hpp"
#include "plait/zk/types.hpp"

namespace plait::zk {

/// The result of the `*_and_watch` calls.
///
///     auto [node, changed] = co_await zk.get_and_watch("/config");
///
/// `changed` fires once, with the first change after `value` was read, and before any later read shows it; read again,
/// and watch again, to see what it is now. Changes in between are not told one by one.
///
/// A connection that was lost and found again is survived: the watch is armed again, and fires at once if the node is
/// not as it was. The event is then made from what the server finds: a node removed and made again while we were away
/// has `data_changed`; one that was missing, was made, and is missing again has nothing.
///
/// Fails:  SessionExpired, AuthFailed or Closed when the session ends first: drop it before close() if it is no longer
///         of interest, or that failure is reported as one that nobody read.
/// Cancel: dropping `changed` forgets the watch; the server's event, if one comes, is discarded.
template <typename T>
struct Watched {
    T value;
    Deferred<WatchEvent> changed;
};

}  // namespace plait::zk

// pause_attempt: what an attempt to connect, to take over or to look up waits with between its steps, where no
// descriptor tells it of the next one. Not Reactor::sleep: the end of a run ends it, and a dump names what waits.
#pragma once

#include <string>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"

namespace plait {
class Reactor;
}  // namespace plait

namespace plait::detail {

/// `what` is for Reactor::dump(): "an attempt to connect to /run/db".
///
/// Fires:  after `delay`; never before this has returned.
/// Fails:  with `ended` when the run ends first or the reactor is destroyed; at once when it is being destroyed.
Deferred<> pause_attempt(Reactor& reactor, Duration delay, std::string what, Failure ended);

}  // namespace plait::detail

// ask(): one question to a mirror's TCP port, one line back. For programs and tests that watch mirrors.
#pragma once

#include <string>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/reactor.hpp"

namespace view_mirror {

/// Fires:  with the first line of the answer.
/// Fails:  with a ConnectError, or with ConnectionDone when the mirror closes without an answer.
/// Cancel: closes the connection.
plait::Deferred<std::string> ask(plait::Reactor& reactor, plait::HostPort mirror, std::string question);

/// The value of `name=value` in a status line; empty when there is none.
std::string field(const std::string& status, const std::string& name);

}  // namespace view_mirror

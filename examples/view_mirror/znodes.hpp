// Znodes that have to be there before a mirror can work.
#pragma once

#include <string>

#include "plait/deferred/deferred.hpp"
#include "plait/zk/client.hpp"

namespace view_mirror {

/// Makes an empty znode unless it is there.
/// Fails: with a sentence when the one above it is missing, the chroot of the connect string among them.
plait::Deferred<> ensure(plait::zk::Client& zk, std::string path);

}  // namespace view_mirror

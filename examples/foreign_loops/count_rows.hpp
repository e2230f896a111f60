// count_rows: what both programs here do with Plait: read in ZooKeeper which view to take, stream it, and write down in
// ZooKeeper how many rows it has. It knows no loop: only the reactor it is given.
#pragma once

#include <string>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/reactor.hpp"

/// `/view` names a view of the design document "d" of `database`; `/rows` gets the count, which this fires with, too.
plait::Deferred<std::string> count_rows(plait::Reactor& reactor, std::string zookeeper, std::string database);

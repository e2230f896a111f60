// Standard input and output as one stream.
// Not a terminal library: bytes as they come.
#pragma once

#include <memory>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait {

/// For other numbers than 0 and 1.
struct StdioDescriptors {
    int in = 0;
    int out = 1;
};

/// Connects `protocol` to this program's input and output, whatever they are: terminals, pipes, files, sockets.
///
/// The end of the input is `read_connection_lost()`; a protocol that then goes on writing overrides it. Meanwhile
/// nothing else should use the two, and both are non-blocking; at the end their flags are put back as they were, and
/// pipes are really closed: whoever reads our output sees its end. The numbers stay taken (by /dev/null), so that
/// nothing opened later becomes standard output. `lose_write_connection()` does the same to the output alone.
///
/// Fires:  with the protocol, after its connection_made(); never before this has returned.
/// Fails:  at once with ConnectError if one is not open; with what connection_made() threw; with ConnectError when the
/// run
///         ends first, or the reactor is destroyed.
/// Cancel: leaves both alone.
Deferred<std::shared_ptr<Protocol>> open_stdio(Reactor& reactor, std::shared_ptr<Protocol> protocol,
                                               StdioDescriptors descriptors = {});

}  // namespace plait

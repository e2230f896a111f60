// Descriptors that are open already become transports and ports: inherited, passed, made by something else.
// Not the program's own standard input and output: see stdio.hpp.
#pragma once

#include <memory>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait {

/// Takes over one open stream: a connected socket (TCP, or UNIX with all of unix.hpp), a terminal, one end of a pipe, a
/// file. It is made non-blocking, which every process that shares it notices, and close-on-exec. Of a pipe the other
/// direction counts as closed.
///
/// Fires:  with the protocol, after its connection_made(); never before this has returned.
/// Fails:  at once with a ConnectError that says what is wrong with it: not open, not connected, not a stream; with
///         what connection_made() threw; with ConnectError when the run ends first, or the reactor is destroyed.
///         It is closed then.
/// Cancel: closes it.
Deferred<std::shared_ptr<Protocol>> adopt_stream(Reactor& reactor, UniqueFd stream, std::shared_ptr<Protocol> protocol);

/// Takes over two descriptors as one stream: what `in` says is delivered, what is written goes to `out`. One of them
/// may be empty. `lose_write_connection()` closes `out`. All else as above.
///
/// A regular file is always ready: it is read and written in turns of up to 256 KiB and 1 MiB, and a slow disk stops
/// the loop for as long as that takes.
Deferred<std::shared_ptr<Protocol>> adopt_pipes(Reactor& reactor, UniqueFd in, UniqueFd out,
                                                std::shared_ptr<Protocol> protocol);

/// Takes over a socket that listens already, TCP or UNIX; of `options`, those of its connections count. Stopping closes
/// ours and leaves other processes' alone; it cannot be started again. Throws CannotListen.
std::unique_ptr<ListeningPort> adopt_listening_port(Reactor& reactor, UniqueFd listening,
                                                    std::shared_ptr<Factory> factory, ListenOptions options = {});

}  // namespace plait

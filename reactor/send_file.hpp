// send_file: copies a file into a connection, as fast as the peer reads and no faster.
// Not the kernel's sendfile(2): the bytes pass through, so that TLS and every other Transport may carry them.
#pragma once

#include <cstdint>
#include <limits>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/files.hpp"
#include "plait/reactor/transport.hpp"

namespace plait {

struct SendFileOptions {
    std::uint64_t offset = 0;
    /// To the end, if that comes first.
    std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
    /// Bytes read and written at a time.
    std::size_t chunk = 64 * 1024;
};

/// Writes what is in `file` to `transport`, of which it is the Producer meanwhile: it waits while the transport is
/// full, and lose_connection() waits for it.
///
/// Fires:    with the number of bytes, when the last is written; not before this has returned.
/// Fails:    with a FileError; with why the connection was lost; with ReactorStopped; at once with InvalidState when
///           the transport has a Producer, and with std::invalid_argument unless `chunk` is 1 to File::most_read.
/// Cancel:   stops after the bytes that are written. Dropping likewise.
/// Lifetime: `file` may be closed or destroyed meanwhile: what it was asked to read is read.
Deferred<std::uint64_t> send_file(File& file, Transport& transport, SendFileOptions options = {});

}  // namespace plait

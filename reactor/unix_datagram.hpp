// UNIX datagrams: whole messages from program to program on this machine, in order; one that is lost is told of.
// Not streams: see unix.hpp. No descriptors travel with them: those sent by others are closed.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>

#include "plait/reactor/datagram.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait {

struct UnixDatagramOptions {
    /// Longer datagrams are told of by DatagramProtocol::datagram_truncated. 1 to 65,535; the smaller, the more of them
    /// are received in one system call.
    std::size_t most_received = 8192;
    /// What is queued at most, in bytes, with a few added for each datagram; more is dropped.
    std::size_t most_queued = 1024 * 1024;
    /// Who may send to it: those who may write to the socket's file.
    mode_t mode = 0666;
    /// As UnixListenOptions::remove_stale.
    bool remove_stale = true;
};

/// Opens a port at `path`: "@name" is an abstract one (Linux), "./@name" a file, "" an abstract one that the system
/// chooses, for who wants nothing but answers. Addresses are Address{path, 0}; that of a sender who gave itself no name
/// is empty, and cannot be written to.
///
/// The kernel keeps few datagrams for a receiver (Linux: /proc/sys/net/unix/max_dgram_qlen). A connected port waits
/// for a receiver that is full. One that is not connected sends nothing for up to 30 ms; if that receiver is full
/// still, this datagram is given up (DatagramProtocol::send_failed), and for a second all that find their receiver full
/// are, at once: nobody can keep the others waiting for long. But what a receiver leaves unread counts against the
/// sender's own buffer (SO_SNDBUF, about 200 KiB): one that holds all of that has the kernel refuse those to others,
/// too. Send large datagrams by connected ports. A connected port whose peer is gone connects to who is at that path by
/// then, or says connection_refused().
///
/// The socket's file is removed when the port stops, as by `listen_unix`. `start_protocol()` runs in a later turn, not
/// before this returns; nothing is called when the port is gone by then. Throws CannotListen; std::invalid_argument for
/// options that make no sense.
std::unique_ptr<DatagramPort> listen_unix_datagram(Reactor& reactor, const std::string& path,
                                                   std::shared_ptr<DatagramProtocol> protocol,
                                                   UnixDatagramOptions options = {});

/// The same at an abstract name that the system chooses, connected to the port at `peer`. Throws DatagramRefused when
/// nobody receives there.
std::unique_ptr<DatagramPort> connect_unix_datagram(Reactor& reactor, const std::string& peer,
                                                    std::shared_ptr<DatagramProtocol> protocol,
                                                    UnixDatagramOptions options = {});

}  // namespace plait

// UNIX stream sockets: connect, listen, and hand descriptors to another process.
// Not datagrams: see unix_datagram.hpp; and no names are looked up: an address is a path on this machine.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait {

/// Who is at the other end, as the kernel knows it: who it was when it connected or began to listen.
struct PeerCredentials {
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
};

/// More descriptors were queued than `UnixTransport::most_queued_descriptors`.
class DescriptorQueueFull : public Error {
public:
    using Error::Error;
};
/// Descriptors that the peer sent did not get here: this process may open no more.
class DescriptorsTruncated : public ConnectionLost {
public:
    using ConnectionLost::ConnectionLost;
};

/// What a UNIX connection can do besides being a Transport. Got from `UnixProtocol::unix_transport()`.
class UnixTransport {
public:
    static constexpr std::size_t most_queued_descriptors = 64;

    /// Sends `descriptor` along with the next byte written after this: the peer gets it before that byte, and in the
    /// order of sending. Ours is closed when it has left; give a dup() to keep one. With no byte to follow it, closing
    /// in good order loses the connection with FileDescriptorOverrun. Closed unsent when the connection is closing.
    /// Throws DescriptorQueueFull; UsageError if `descriptor` is not open.
    virtual void send_descriptor(UniqueFd descriptor) = 0;

    /// Not sent yet.
    virtual std::size_t descriptors_queued() const noexcept = 0;

    /// None once lost.
    virtual std::optional<PeerCredentials> peer_credentials() const = 0;

protected:
    ~UnixTransport() = default;
};

/// A Protocol that descriptors are delivered to. With any other, those that the peer sends are closed.
class UnixProtocol : public Protocol {
public:
    /// One from the peer, close-on-exec, before the byte it was sent with; drop it to close it. Delivered also after
    /// this has paused reading, if it came together with others.
    virtual void descriptor_received(UniqueFd descriptor) = 0;

    /// As `transport()`: with no connection, one that swallows everything. Throws UsageError over anything but a UNIX
    /// socket.
    UnixTransport& unix_transport() const;
};

struct UnixConnectOptions {
    /// For a listener whose backlog is full.
    Duration timeout = std::chrono::seconds(30);
};

/// Connects `protocol` to the socket at `path`; "@name" is an abstract one (Linux), "./@name" a file.
///
/// Fires:  with the protocol, after its connection_made(); never before this has returned.
/// Fails:  with a ConnectError naming the path and the cause (ConnectionRefused: nobody listens; ConnectTimeout; the
/// end
///         of the run, or of the reactor), with what connection_made() threw.
/// Cancel: gives up.
Deferred<std::shared_ptr<Protocol>> connect_unix(Reactor& reactor, std::string path, std::shared_ptr<Protocol> protocol,
                                                 UnixConnectOptions options = {});

struct UnixListenOptions {
    int backlog = 1024;
    /// Who may connect: those who may write to the socket's file.
    mode_t mode = 0666;
    /// Makes and locks "path.lock" for as long as the port listens, and with that may remove the socket that a program
    /// left behind when it was killed. Without it a path in use is refused, left behind or not.
    /// The lock file stays: to remove it would let two in.
    bool remove_stale = true;
};

/// Listens at `path`, abstract as above. Throws CannotListen. The socket's file is removed when the port stops, unless
/// somebody has put another one there. Only ever removes a socket, and never one that somebody answers at.
std::unique_ptr<ListeningPort> listen_unix(Reactor& reactor, std::string path, std::shared_ptr<Factory> factory,
                                           UnixListenOptions options = {});

}  // namespace plait

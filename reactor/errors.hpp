// What can go wrong with reactors and connections, as types to catch. Messages name the address and the cause.
// Not here: other waits that took too long, which fail with TimeoutError of deferred/errors.hpp.
#pragma once

#include "plait/deferred/errors.hpp"

namespace plait {

/// Base of everything a connection or a listening port fails with.
class NetworkError : public Error {
public:
    using Error::Error;
};

/// A connection could not be made. Derived classes say why; catch this one to try elsewhere or later.
class ConnectError : public NetworkError {
public:
    using NetworkError::NetworkError;
};
/// Nobody listens there.
class ConnectionRefused : public ConnectError {
public:
    using ConnectError::ConnectError;
};
/// The network or the host cannot be reached.
class NoRoute : public ConnectError {
public:
    using ConnectError::ConnectError;
};
/// No answer in time.
class ConnectTimeout : public ConnectError {
public:
    using ConnectError::ConnectError;
};
/// A name could not be looked up. Derived classes say why.
class NameError : public ConnectError {
public:
    using ConnectError::ConnectError;
};
/// The name does not exist, or has no address; asking again soon will not help.
class NameNotFound : public NameError {
public:
    using NameError::NameError;
};
/// No name server could answer: none is there, or none is willing or able.
class NameServerFailed : public NameError {
public:
    using NameError::NameError;
};
/// No name server answered in time.
class NameTimeout : public NameError {
public:
    using NameError::NameError;
};

/// The local address asked for could not be had: not ours, busy, of the wrong family.
class ConnectBindError : public ConnectError {
public:
    using ConnectError::ConnectError;
};

/// A listening port could not be opened: busy, not permitted, not ours. The message names it and the cause.
class CannotListen : public NetworkError {
public:
    using NetworkError::NetworkError;
};

/// Why a connection ended; what `Protocol::connection_lost` is told.
class ConnectionClosed : public NetworkError {
public:
    using NetworkError::NetworkError;
};
/// It ended in good order: the peer closed it, or we did with `lose_connection()`.
class ConnectionDone : public ConnectionClosed {
public:
    using ConnectionClosed::ConnectionClosed;
};
/// It broke: reset by the peer, or failed reads or writes; or the reactor was stopped, after sending what was queued.
/// Bytes written may not have arrived.
class ConnectionLost : public ConnectionClosed {
public:
    using ConnectionClosed::ConnectionClosed;
};
/// We threw it away with `abort_connection()`, or the reactor was destroyed, or stopped with bytes that the kernel did
/// not take. Bytes written may not have arrived.
class ConnectionAborted : public ConnectionClosed {
public:
    using ConnectionClosed::ConnectionClosed;
};

/// Nothing moved for as long as `Transport::set_idle_timeout` or `set_write_timeout` allow.
class ConnectionTimedOut : public ConnectionClosed {
public:
    using ConnectionClosed::ConnectionClosed;
};
/// Somebody closed the descriptor of a connection or port behind its back, or shut a port's socket down. Ports stop
/// then, and report it as unhandled. Told when the system refuses the number: a socket in its place is taken for it.
class DescriptorWentAway : public ConnectionLost {
public:
    using ConnectionLost::ConnectionLost;
};
/// A UNIX connection was closed with more descriptors to send than bytes to send them with.
class FileDescriptorOverrun : public ConnectionLost {
public:
    using ConnectionLost::ConnectionLost;
};

/// `Reactor::run()`, `run_until()` or `iterate()` while it runs already, or from inside one of its callbacks.
class ReactorAlreadyRunning : public UsageError {
public:
    using UsageError::UsageError;
};
/// A reactor that does not run, or is stopping already, was asked for what only a running one can do.
class ReactorNotRunning : public UsageError {
public:
    using UsageError::UsageError;
};
/// `Reactor::run_until()` was ended by `stop()` or `crash()` before its Deferred had fired; or the reactor ended before
/// the result was there of what threads were to do for it, or it for them.
class ReactorStopped : public Error {
public:
    using Error::Error;
};

}  // namespace plait

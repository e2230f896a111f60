// What can go wrong with reactors and connections, as types to catch. Messages name the address and the cause.
// Timed-out waits fail with plait::TimeoutError of deferred/errors.hpp.
#pragma once

#include <stdexcept>
#include <string>

#include "plait/reactor/address.hpp"

namespace plait {

/// Base of everything a connection or a listening port fails with.
class NetworkError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
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
/// The name does not resolve.
class NameNotFound : public ConnectError {
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
/// It broke: reset by the peer, or failed reads or writes. Bytes written may not have arrived.
class ConnectionLost : public ConnectionClosed {
public:
    using ConnectionClosed::ConnectionClosed;
};
/// We threw it away with `abort_connection()`, or the reactor was destroyed. Bytes written may not have arrived.
class ConnectionAborted : public ConnectionClosed {
public:
    using ConnectionClosed::ConnectionClosed;
};

/// `Reactor::run()` while it already runs.
class ReactorAlreadyRunning : public std::logic_error {
public:
    using std::logic_error::logic_error;
};
/// `Reactor::run_until()` was ended by `stop()` before its Deferred fired.
class ReactorStopped : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace plait

// What can go wrong with a single datagram, as types to catch. Messages name the address and the cause.
// Not here: a port that could not be opened, which is CannotListen of errors.hpp.
#pragma once

#include "plait/reactor/errors.hpp"

namespace plait {

/// Base of what a datagram port fails with.
class DatagramError : public NetworkError {
public:
    using NetworkError::NetworkError;
};
/// The address is no numeric one (look the name up first: names.hpp), or not of the port's kind.
class BadDatagramAddress : public DatagramError {
public:
    using DatagramError::DatagramError;
};
/// More bytes than one datagram can carry.
class DatagramTooLong : public DatagramError {
public:
    using DatagramError::DatagramError;
};
/// The system refused to send it, or to connect: no route, nobody there, not permitted, longer than the path allows.
class DatagramRefused : public DatagramError {
public:
    using DatagramError::DatagramError;
};

}  // namespace plait

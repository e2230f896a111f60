// The mistakes and ends that Deferred itself can name; other folders derive theirs from Error.
// Not the carrier: a Deferred fails with a Failure, which holds one of these or any other exception.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>

namespace plait {

/// Something went wrong outside the program: the network, a server, time. Base of Plait's run-time errors.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    ~Error() override;
};

/// The call itself was wrong; mend the program. Base of AlreadyFired and InvalidState.
class UsageError : public std::logic_error {
public:
    using std::logic_error::logic_error;
    ~UsageError() override;
};

/// A Promise was given a second result.
class AlreadyFired : public UsageError {
public:
    AlreadyFired();
    explicit AlreadyFired(const std::string& sentence);
    ~AlreadyFired() override;
};

/// An object was used in a state that does not allow it: moved from, not ready, waiting for itself.
class InvalidState : public UsageError {
public:
    using UsageError::UsageError;
    ~InvalidState() override;
};

/// Somebody asked for this to stop. Never reported as unhandled: whoever cancelled knows.
class Cancelled : public std::exception {
public:
    ~Cancelled() override;
    const char* what() const noexcept override;
};

/// The Promise was destroyed without a result: the reply will never come.
class BrokenPromise : public Error {
public:
    BrokenPromise();
    explicit BrokenPromise(const std::string& sentence);
    ~BrokenPromise() override;
};

/// What was waited for was destroyed: the lock, the queue, the event. Says which.
class Destroyed : public BrokenPromise {
public:
    /// "The DeferredLock was destroyed while this waited for it."
    explicit Destroyed(const std::string& what);
    ~Destroyed() override;
};

/// It took longer than allowed.
class TimeoutError : public Error {
public:
    TimeoutError();
    explicit TimeoutError(const std::string& sentence);
    ~TimeoutError() override;
};

}  // namespace plait

#include "plait/deferred/errors.hpp"

namespace plait {

// Each destructor is here so that each type has one home for its type information, whatever library catches it.
Error::~Error() = default;
UsageError::~UsageError() = default;

AlreadyFired::AlreadyFired()
    : AlreadyFired(
          "This Promise has already been fired: a Promise delivers one result, once. Make one for each result, or ask "
          "wanted() first.") {}
AlreadyFired::AlreadyFired(const std::string& sentence) : UsageError(sentence) {}
AlreadyFired::~AlreadyFired() = default;

InvalidState::~InvalidState() = default;

Cancelled::~Cancelled() = default;
const char* Cancelled::what() const noexcept {
    return "The operation was cancelled.";
}

BrokenPromise::BrokenPromise()
    : BrokenPromise("The Promise was destroyed before it was given a result: the reply will never come.") {}
BrokenPromise::BrokenPromise(const std::string& sentence) : Error(sentence) {}
BrokenPromise::~BrokenPromise() = default;

Destroyed::Destroyed(const std::string& what)
    : BrokenPromise("The " + what + " was destroyed while this waited for it.") {}
Destroyed::~Destroyed() = default;

TimeoutError::TimeoutError() : TimeoutError("The operation did not finish in the time allowed.") {}
TimeoutError::TimeoutError(const std::string& sentence) : Error(sentence) {}
TimeoutError::~TimeoutError() = default;

}  // namespace plait

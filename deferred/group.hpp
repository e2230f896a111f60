// What waiting for several Deferreds has in common: what becomes of the others, and how it fails.
// Not the waiting itself: gather.hpp, deferred_list.hpp, race.hpp.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "plait/deferred/failure.hpp"

namespace plait {

/// What becomes of the Deferreds still waiting when the outcome of the whole is known before they end. Whichever it is,
/// cancelling or dropping the whole before it fires does the same to each of them.
enum class Others {
    cancel,        ///< They are cancelled and told so, then dropped; then the whole fires.
    finish_first,  ///< The whole fires when the last of them has ended, with the outcome known since.
    run_on,        ///< The whole fires at once; they end without an owner, as in Twisted.
};

/// The one that won, and its place among those given: `auto [index, value] = co_await race(...);`
template <typename T>
struct Winner {
    std::size_t index;
    T value;
};

/// The first failure of several, and its place among those given.
/// Threads: those of the Failure in it.
class FirstError : public Error {
public:
    FirstError(std::size_t index, Failure failure);
    ~FirstError() override;

    std::size_t index() const noexcept { return index_; }
    const Failure& failure() const noexcept { return failure_; }

private:
    std::size_t index_;
    Failure failure_;
};

/// Each of several failed. what() names the first few in one line; failures() holds all, in the order given.
/// Threads: those of the Failures in it.
class FailureGroup : public Error {
public:
    explicit FailureGroup(std::vector<Failure> failures);
    ~FailureGroup() override;

    const std::vector<Failure>& failures() const noexcept { return *failures_; }

private:
    std::shared_ptr<const std::vector<Failure>> failures_;
};

/// The first of no Deferreds was asked for: it would never come.
class NothingToWaitFor : public UsageError {
public:
    NothingToWaitFor();
    ~NothingToWaitFor() override;
};

}  // namespace plait

#include "plait/deferred/group.hpp"

#include <utility>

namespace plait {

namespace {

constexpr std::size_t most_named = 8;

std::string numbered(std::size_t index, const Failure& failure) {
    return "[" + std::to_string(index) + "] " + failure.message();
}

std::string listed(const std::vector<Failure>& failures) {
    std::string text = "None of " + std::to_string(failures.size()) + " succeeded";
    for (std::size_t i = 0; i < failures.size() && i < most_named; ++i)
        text.append(i == 0 ? ": " : "; ").append(numbered(i, failures[i]));
    if (failures.size() > most_named) text += "; and " + std::to_string(failures.size() - most_named) + " more";
    return text;
}

}  // namespace

FirstError::FirstError(std::size_t index, Failure failure)
    : Error("The first of several to fail: " + numbered(index, failure)), index_(index), failure_(std::move(failure)) {}
FirstError::~FirstError() = default;

FailureGroup::FailureGroup(std::vector<Failure> failures)
    : Error(listed(failures)), failures_(std::make_shared<const std::vector<Failure>>(std::move(failures))) {}
FailureGroup::~FailureGroup() = default;

NothingToWaitFor::NothingToWaitFor()
    : UsageError("The first of no Deferreds was asked for: it would never come. Look whether there are any first.") {}
NothingToWaitFor::~NothingToWaitFor() = default;

}  // namespace plait

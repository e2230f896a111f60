#include "plait/deferred/detail/race_state.hpp"

namespace plait::detail {

Failure RaceFailures::all() {
    std::vector<Failure> failures;
    failures.reserve(failures_.size());
    for (auto& failure : failures_)
        if (failure) failures.push_back(*std::move(failure));
    failures_.clear();
    return make_failure(FailureGroup(std::move(failures)));
}

}  // namespace plait::detail

// What deferred_list() keeps: the outcomes until now, in the order of the parts.
// Not the parts; see group_state.hpp.
#pragma once

#include "plait/deferred/detail/group_state.hpp"

namespace plait::detail {

template <typename T>
class ListState final : public GroupOf<std::vector<Result<T>>> {
public:
    ListState(std::size_t count, GroupRules rules, bool first_error_decides)
        : GroupOf<std::vector<Result<T>>>(count, rules), outcomes_(count), first_error_decides_(first_error_decides) {}
    ~ListState() override {
        this->drop_parts();
        for (const auto& outcome : outcomes_)
            if (outcome.is_failure()) this->ignore(outcome.failure());
    }

    void enter(std::size_t index, Deferred<T> part) {
        this->take(std::move(part), [this, index](Slot<T>& outcome) noexcept {
            if (first_error_decides_ && outcome.is_failure())
                return this->decide(first_error(index, std::move(outcome.failure())));
            outcomes_[index].take(outcome);
            return false;
        });
    }

private:
    void succeed() override {
        std::vector<Result<T>> results;
        results.reserve(outcomes_.size());
        for (auto& outcome : outcomes_)
            results.push_back(to_result(outcome));
        outcomes_.clear();  // handed on
        Slot<std::vector<Result<T>>> whole;
        whole.set_value(std::move(results));
        this->fire(whole);
    }

    static Result<T> to_result(Slot<T>& outcome) noexcept {
        if (outcome.is_failure()) return Result<T>(std::move(outcome.failure()));
        try {
            return Result<T>(std::move(outcome.value()));
        } catch (...) {
            return Result<T>(Failure::current());
        }
    }

    std::vector<Slot<T>> outcomes_;
    bool first_error_decides_;
};

}  // namespace plait::detail

// What a race keeps: the winner, or the failures until now.
// Not the parts; see group_state.hpp.
#pragma once

#include <variant>

#include "plait/deferred/detail/group_state.hpp"

namespace plait::detail {

/// What one failure means.
enum class RaceFailure : unsigned char {
    collected,  // the race goes on; when all have failed, it fails with a FailureGroup
    decides,    // it is the outcome
    first,      // it is the outcome, as a FirstError
};

/// The failures of a race, in the order of the parts.
class RaceFailures {
public:
    explicit RaceFailures(std::size_t count) : failures_(count) {}
    void note(std::size_t index, Failure failure) noexcept { failures_[index] = std::move(failure); }
    /// The Failure of the whole when nobody has won: a FailureGroup, which empties this.
    Failure all();
    const std::vector<std::optional<Failure>>& each() const noexcept { return failures_; }

private:
    std::vector<std::optional<Failure>> failures_;
};

/// Out is made from the winning value by the part's own `make(T&&)`.
template <typename Out>
class RaceState final : public GroupOf<Out> {
public:
    RaceState(std::size_t count, GroupRules rules, RaceFailure failure)
        : GroupOf<Out>(count, rules), failures_(count), rule_(failure) {}
    ~RaceState() override {
        this->drop_parts();
        for (const auto& failure : failures_.each())
            if (failure) this->ignore(*failure);
    }

    template <typename T, typename Make>
    void enter(std::size_t index, Deferred<T> part, Make make) {
        this->take(std::move(part), [this, index, make](Slot<T>& outcome) noexcept {
            if (outcome.is_failure()) return failed(index, std::move(outcome.failure()));
            try {
                winner_.set_from([&] { return make(std::move(outcome.value())); });
                return true;
            } catch (...) {
                return failed(index, Failure::current());
            }
        });
    }

private:
    bool failed(std::size_t index, Failure failure) noexcept {
        if (rule_ == RaceFailure::decides) return this->decide(std::move(failure));
        if (rule_ == RaceFailure::first) return this->decide(first_error(index, std::move(failure)));
        failures_.note(index, std::move(failure));
        return false;
    }
    void succeed() override {
        if (winner_.is_empty()) winner_.set_failure(this->cancelled() ? make_failure(Cancelled()) : failures_.all());
        this->fire(winner_);
    }

    Slot<Out> winner_;
    RaceFailures failures_;
    RaceFailure rule_;
};

/// The race of a range of one type.
template <typename T>
Deferred<Winner<T>> race_parts(std::vector<Deferred<T>> parts, GroupRules rules, RaceFailure failure,
                               SourceLocation made) {
    if (parts.empty()) return fail<Winner<T>>(NothingToWaitFor(), made);
    auto state = make_counted<RaceState<Winner<T>>>(parts.size(), rules, failure);
    auto whole = RaceState<Winner<T>>::start(*state, made);
    for (std::size_t i = 0; i < parts.size(); ++i)
        state->enter(i, std::move(parts[i]), [i](T&& value) { return Winner<T>{i, std::move(value)}; });
    state->all_taken();
    return whole;
}

template <typename... Ts>
Deferred<std::variant<Ts...>> race_each(RaceFailure failure, Deferred<Ts>... parts) {
    using Out = std::variant<Ts...>;
    auto state = make_counted<RaceState<Out>>(sizeof...(Ts), GroupRules{}, failure);
    auto whole = RaceState<Out>::start(*state, SourceLocation::current());
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (state->enter(I, std::move(parts), [](Ts&& value) { return Out(std::in_place_index<I>, std::move(value)); }),
         ...);
    }(std::index_sequence_for<Ts...>());
    state->all_taken();
    return whole;
}

}  // namespace plait::detail

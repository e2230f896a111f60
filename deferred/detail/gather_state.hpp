// What gather() keeps: the values so far, in one row or one tuple.
// Not the parts; see group_state.hpp.
#pragma once

#include <tuple>
#include <utility>
#include <vector>

#include "plait/deferred/detail/group_state.hpp"

namespace plait::detail {

template <typename Whole, typename Values>
class GatherState : public GroupOf<Whole> {
public:
    GatherState(std::size_t count, Others others) : GroupOf<Whole>(count, {.others = others}) {}
    ~GatherState() override = default;

    /// Takes one part over; its value goes to `to`, one of `values`.
    template <typename T>
    void enter(Slot<T>& to, Deferred<T> part) {
        this->take(std::move(part), [this, &to](Slot<T>& outcome) noexcept {
            to.take(outcome);
            return to.is_failure() && this->decide(std::move(to.failure()));
        });
    }

    Values values;

protected:
    void fire_with(Whole whole) {
        Slot<Whole> outcome;
        outcome.set_value(std::move(whole));
        this->fire(outcome);
    }
};

template <typename T>
class GatherRange final : public GatherState<std::vector<T>, std::vector<Slot<T>>> {
public:
    GatherRange(std::size_t count, Others others) : GatherRange::GatherState(count, others) {
        this->values = std::vector<Slot<T>>(count);
    }
    ~GatherRange() override { this->drop_parts(); }

private:
    void succeed() override {
        std::vector<T> all;
        all.reserve(this->values.size());
        for (auto& slot : this->values)
            all.push_back(std::move(slot.value()));
        this->fire_with(std::move(all));
    }
};

template <typename... Ts>
class GatherTuple final : public GatherState<std::tuple<Ts...>, std::tuple<Slot<Ts>...>> {
public:
    explicit GatherTuple(Others others) : GatherTuple::GatherState(sizeof...(Ts), others) {}
    ~GatherTuple() override { this->drop_parts(); }

private:
    void succeed() override {
        this->fire_with(
            std::apply([](auto&... slots) { return std::tuple<Ts...>(std::move(slots.value())...); }, this->values));
    }
};

}  // namespace plait::detail

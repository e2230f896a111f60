// What gather() keeps while it waits: the Deferreds, the values so far, and the Promise of the whole.
// Owned by the canceller of the whole, so it ends when that is fired or dropped.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"

namespace plait::detail {

class GatherState : public std::enable_shared_from_this<GatherState> {
public:
    GatherState(const GatherState&) = delete;
    GatherState& operator=(const GatherState&) = delete;

    /// Takes one part over; its value goes to `to`. Nothing is fired before release().
    template <typename T>
    void take(Slot<T>& to, Deferred<T> part) {
        parts_.push_back(std::move(part).add_both([this, &to](Result<T> result) {
            if (result.has_value()) {
                to.set_value(std::move(result).value());
                --missing_;
            } else if (!failure_) {
                failure_ = result.failure();
            }
            finish_if_due();
        }));
    }

    void release();
    void cancel_all();

protected:
    explicit GatherState(std::size_t count) : missing_(count) { parts_.reserve(count); }
    virtual ~GatherState();
    virtual bool wanted() const noexcept = 0;
    virtual void succeed() = 0;
    virtual void fail(Failure failure) = 0;

private:
    void finish_if_due();
    void cancel_parts();

    std::vector<Deferred<>> parts_;
    std::size_t missing_;
    std::optional<Failure> failure_;
    bool held_ = true;  // taking parts, cancelling them, or done
};

/// Keeps `state`. When the whole is dropped it does nothing: then the state goes with it, and drops the parts.
template <typename Whole>
auto gather_canceller(std::shared_ptr<GatherState> state) {
    return [state = std::move(state)](Promise<Whole>& answer) {
        if (answer.wanted()) state->cancel_all();
    };
}

template <typename T>
class GatherRange final : public GatherState {
public:
    explicit GatherRange(std::size_t count) : GatherState(count), values(count) {}
    ~GatherRange() override = default;

    std::vector<Slot<T>> values;
    Promise<std::vector<T>> promise;

private:
    bool wanted() const noexcept override { return promise.wanted(); }
    void succeed() override {
        std::vector<T> all;
        all.reserve(values.size());
        for (auto& slot : values)
            all.push_back(std::move(slot.value()));
        auto firing = std::move(promise);
        firing.callback(std::move(all));
    }
    void fail(Failure failure) override {
        auto firing = std::move(promise);
        firing.errback(std::move(failure));
    }
};

template <typename... Ts>
class GatherTuple final : public GatherState {
public:
    GatherTuple() : GatherState(sizeof...(Ts)) {}
    ~GatherTuple() override = default;

    std::tuple<Slot<Ts>...> values;
    Promise<std::tuple<Ts...>> promise;

private:
    bool wanted() const noexcept override { return promise.wanted(); }
    void succeed() override {
        auto firing = std::move(promise);
        firing.callback(
            std::apply([](auto&... slots) { return std::tuple<Ts...>(std::move(slots.value())...); }, values));
    }
    void fail(Failure failure) override {
        auto firing = std::move(promise);
        firing.errback(std::move(failure));
    }
};

}  // namespace plait::detail

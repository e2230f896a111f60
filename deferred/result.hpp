// How something ended: a value or a Failure. What add_both() callbacks take and Deferred::take() gives.
// Not a Deferred: it is here already, and nobody is told if its Failure is ignored.
#pragma once

#include "plait/deferred/detail/slot.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/deferred/unit.hpp"

namespace plait {

template <typename T>
class Deferred;

template <typename T = Unit>
class [[nodiscard]] Result {
public:
    using value_type = T;

    Result(T value) { slot_.set_value(std::move(value)); }
    Result(Failure failure) noexcept { slot_.set_failure(std::move(failure)); }

    /// The other one is left without a value and without a Failure.
    Result(Result&& other) noexcept = default;
    Result& operator=(Result&& other) noexcept {
        if (this != &other) {
            slot_.reset();
            slot_.take(other.slot_);
        }
        return *this;
    }
    ~Result() = default;

    bool has_value() const noexcept { return slot_.is_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    /// Fails: throws the Failure's exception when there is no value.
    T& value() & {
        require_value();
        return slot_.value();
    }
    const T& value() const& {
        require_value();
        return slot_.value();
    }
    T&& value() && {
        require_value();
        return std::move(slot_.value());
    }

    /// Fails: throws InvalidState when there is a value.
    const Failure& failure() const {
        if (!slot_.is_failure()) throw InvalidState("failure() was asked of a Result that has none.");
        return slot_.failure();
    }

private:
    friend class Deferred<T>;
    Result() noexcept = default;  // neither, until Deferred gives it one

    void require_value() const {
        if (slot_.is_failure()) slot_.failure().raise();
        if (!slot_.is_value()) throw InvalidState("value() was asked of a moved-from Result.");
    }

    detail::Slot<T> slot_;
};

}  // namespace plait

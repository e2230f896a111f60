// The one storage that Deferred, Result and each link of a chain share: nothing, a value, a Failure, or a pending Core.
// Not an owner of pending Cores: whoever holds the slot decides what to do with one.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "plait/deferred/detail/core.hpp"
#include "plait/deferred/detail/misuse.hpp"
#include "plait/deferred/failure.hpp"
#include "plait/deferred/unhandled.hpp"

namespace plait::detail {

/// More than plain `new` and coroutine frames are aligned to; frames are not, whatever the compiler finds in them.
template <typename T>
inline constexpr bool over_aligned = alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__;

/// Such results stay where they were made, on the heap, and only a pointer travels down the chain: an over-aligned one
/// would need each Deferred, frame and stack frame aligned; a large one would cost each of them its size.
template <typename T>
inline constexpr bool kept_in_box = over_aligned<T> || (sizeof(T) > 512);

// GCC 12 does not follow the state through inlined code, and warns that the other members of the union may be unset.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

template <typename T>
class Slot {
    static_assert(
        std::is_object_v<T> && !std::is_const_v<T> && !std::is_array_v<T>,
        "Deferred<T>: T must be a plain value type (for a reference use std::reference_wrapper or a pointer)");
    static_assert(std::is_move_constructible_v<T>, "Deferred<T>: T must be movable: results are handed on, not shared");
    static_assert(std::is_nothrow_destructible_v<T>, "Deferred<T>: T must not throw when it is destroyed");
    static_assert(!std::is_same_v<T, Failure>,
                  "Deferred<Failure>: a Deferred fails with a Failure, it does not carry one");

public:
    Slot() noexcept {}
    Slot(Slot&& other) noexcept { take(other); }
    Slot& operator=(Slot&& other) noexcept = delete;
    ~Slot() { reset(); }

    bool is_empty() const noexcept { return state_ <= State::left; }
    bool is_value() const noexcept { return state_ == State::value; }
    bool is_failure() const noexcept { return state_ == State::failure; }
    bool is_pending() const noexcept { return state_ == State::pending; }

    T& value() noexcept { return held(value_); }
    const T& value() const noexcept { return held(value_); }
    Failure& failure() noexcept { return failure_; }
    const Failure& failure() const noexcept { return failure_; }
    Core* core() const noexcept { return core_; }
    /// Of an empty one: what was released or taken last, for messages. It may be gone.
    const Core* core_that_left() const noexcept { return state_ == State::left ? core_ : nullptr; }

    // The setters need an empty slot.
    template <typename... Args>
    void set_value(Args&&... args) {
        if constexpr (kept_in_box<T>) {
            value_ = new T(std::forward<Args>(args)...);
        } else {
            ::new (static_cast<void*>(std::addressof(value_))) T(std::forward<Args>(args)...);
        }
        state_ = State::value;
    }
    /// The value is what `make()` returns, built in place.
    template <typename Make>
    void set_from(Make&& make) {
        if constexpr (kept_in_box<T>) {
            value_ = new T(make());
        } else {
            ::new (static_cast<void*>(std::addressof(value_))) T(make());
        }
        state_ = State::value;
    }
    /// Where to build the value; set_built() afterwards.
    void* room() noexcept
        requires(!kept_in_box<T>)
    {
        return static_cast<void*>(std::addressof(value_));
    }
    void set_built() noexcept { state_ = State::value; }
    void set_box(T* value) noexcept
        requires kept_in_box<T>
    {
        value_ = value;
        state_ = State::value;
    }
    void set_failure(Failure failure) noexcept {
        ::new (static_cast<void*>(&failure_)) Failure(std::move(failure));
        state_ = State::failure;
    }
    void set_pending(Core* core) noexcept {
        core_ = core;
        state_ = State::pending;
    }
    Core* release_core() noexcept {
        state_ = State::left;
        return core_;
    }

    /// The value's box, for types that are kept in one; leaves the slot empty.
    std::unique_ptr<T> release_box() noexcept
        requires kept_in_box<T>
    {
        state_ = State::empty;
        return std::unique_ptr<T>(value_);
    }

    /// Moves the value out of `other`, which is left empty. A move constructor that throws gives a Failure.
    void take_value(Slot& other) noexcept {
        if constexpr (kept_in_box<T>) {
            value_ = other.value_;
            state_ = std::exchange(other.state_, State::empty);
        } else if constexpr (std::is_nothrow_move_constructible_v<T>) {
            set_value(std::move(other.value_));
            other.discard_value();
        } else {
            try {
                set_value(std::move(other.value_));
            } catch (...) {
                set_failure(Failure::current());
            }
            other.discard_value();
        }
    }

    /// The same with whatever is in `other`.
    void take(Slot& other) noexcept {
        if (other.is_value()) {
            take_value(other);
        } else if (other.is_failure()) {
            set_failure(std::move(other.failure_));
        } else if (other.is_pending()) {
            set_pending(other.release_core());
            return;
        }
        other.reset();
    }

    /// For one that is known to hold no Failure.
    void discard_value() noexcept {
        const State was = std::exchange(state_, State::empty);
        if constexpr (kept_in_box<T>) {
            if (was == State::value) delete value_;
        } else if constexpr (!std::is_trivially_destructible_v<T>) {
            if (was == State::value) value_.~T();
        }
    }

    void reset() noexcept {
        const State was = std::exchange(state_, State::empty);
        if (was == State::value) {
            if constexpr (kept_in_box<T>) {
                delete value_;
            } else {
                value_.~T();
            }
        } else if (was == State::failure) {
            failure_.~Failure();
        }
    }

private:
    enum class State : unsigned char { empty, left, value, failure, pending };
    using Held = std::conditional_t<kept_in_box<T>, T*, T>;

    template <typename H>
    static auto& held(H& value) noexcept {
        if constexpr (kept_in_box<T>) {
            return *value;
        } else {
            return value;
        }
    }

    union {
        Held value_;
        Failure failure_;
        Core* core_;
    };
    State state_ = State::empty;
};

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

template <typename T>
void transfer_slot(void* to, void* from) noexcept {
    auto& target = *static_cast<Slot<T>*>(to);
    if (from != nullptr) {
        target.take(*static_cast<Slot<T>*>(from));
    } else {
        target.set_failure(self_wait_failure());
    }
}

template <typename T>
SlotLook discard_slot(void* at, const Core* holder) noexcept {
    auto& slot = *static_cast<Slot<T>*>(at);
    if (holder == nullptr) return {slot.is_empty(), slot.is_failure() ? &slot.failure() : nullptr};
    if (slot.is_failure()) report_unhandled_failure(slot.failure(), *holder);
    slot.reset();
    return {};
}

}  // namespace plait::detail

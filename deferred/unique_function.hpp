// A callable that is owned once: what std::move_only_function is in C++23.
// Not copyable and no target(): a place to keep one callback, nothing more.
// Callables of up to 48 bytes are held inside; larger ones cost one allocation.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace plait {

template <typename Signature>
class UniqueFunction;

namespace detail {
[[noreturn]] void throw_empty_function();

inline constexpr std::size_t unique_function_room = 48;

template <typename F>
inline constexpr bool fits_unique_function =
    sizeof(F) <= unique_function_room && alignof(F) <= alignof(void*) && std::is_nothrow_move_constructible_v<F>;
}  // namespace detail

/// Lifetime: the destructor destroys the callable. A callable that may destroy or replace its own holder must be moved
///           to the stack before it is called: `auto f = std::move(member_); f();`
/// Fails:    calling an empty one throws InvalidState.
template <typename R, typename... Args>
class UniqueFunction<R(Args...)> {
public:
    UniqueFunction() noexcept = default;
    UniqueFunction(std::nullptr_t) noexcept {}

    template <typename F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, UniqueFunction> &&
                 std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
    UniqueFunction(F&& callable) {
        using Held = std::decay_t<F>;
        if constexpr (detail::fits_unique_function<Held>) {
            ::new (static_cast<void*>(room_)) Held(std::forward<F>(callable));
            ops_ = &inside<Held>;
        } else {
            ::new (static_cast<void*>(room_)) Held*(new Held(std::forward<F>(callable)));
            ops_ = &outside<Held>;
        }
    }

    UniqueFunction(UniqueFunction&& other) noexcept { take(other); }
    UniqueFunction& operator=(UniqueFunction&& other) noexcept {
        if (this != &other) {
            UniqueFunction old(std::move(*this));  // destroyed last: its captures may look at this object
            take(other);
        }
        return *this;
    }
    ~UniqueFunction() { reset(); }

    R operator()(Args... args) {
        if (ops_ == nullptr) detail::throw_empty_function();
        return ops_->call(room_, std::forward<Args>(args)...);
    }

    explicit operator bool() const noexcept { return ops_ != nullptr; }

    void reset() noexcept {
        if (const Ops* ops = std::exchange(ops_, nullptr)) ops->destroy(room_);
    }

private:
    struct Ops {
        R (*call)(void*, Args&&...);
        void (*relocate)(void* from, void* to) noexcept;
        void (*destroy)(void*) noexcept;
    };

    // Stands before its users: Clang looks no further than here for a static member's initializer.
    template <typename Held>
    static R invoke(Held& callable, Args&&... args) {
        if constexpr (std::is_void_v<R>) {
            static_cast<void>(callable(std::forward<Args>(args)...));
        } else {
            return callable(std::forward<Args>(args)...);
        }
    }

    template <typename Held>
    static constexpr Ops inside{
        [](void* at, Args&&... args) -> R {
            return UniqueFunction::invoke(*static_cast<Held*>(at), std::forward<Args>(args)...);
        },
        [](void* from, void* to) noexcept {
            ::new (to) Held(std::move(*static_cast<Held*>(from)));
            static_cast<Held*>(from)->~Held();
        },
        [](void* at) noexcept { static_cast<Held*>(at)->~Held(); },
    };

    template <typename Held>
    static constexpr Ops outside{
        [](void* at, Args&&... args) -> R {
            return UniqueFunction::invoke(**static_cast<Held**>(at), std::forward<Args>(args)...);
        },
        [](void* from, void* to) noexcept { ::new (to) Held*(*static_cast<Held**>(from)); },
        [](void* at) noexcept { delete *static_cast<Held**>(at); },
    };

    void take(UniqueFunction& other) noexcept {
        ops_ = std::exchange(other.ops_, nullptr);
        if (ops_ != nullptr) ops_->relocate(other.room_, room_);
    }

    const Ops* ops_ = nullptr;
    alignas(void*) std::byte room_[detail::unique_function_room];
};

}  // namespace plait

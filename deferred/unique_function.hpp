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
            ops_ = &Inside<Held>::ops;
        } else {
            ::new (static_cast<void*>(room_)) Held*(new Held(std::forward<F>(callable)));
            ops_ = &Outside<Held>::ops;
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

    template <typename Held>
    struct Inside {
        static Held& get(void* at) noexcept { return *static_cast<Held*>(at); }
        static R call(void* at, Args&&... args) { return invoke(get(at), std::forward<Args>(args)...); }
        static void relocate(void* from, void* to) noexcept {
            ::new (to) Held(std::move(get(from)));
            get(from).~Held();
        }
        static void destroy(void* at) noexcept { get(at).~Held(); }
        static constexpr Ops ops{&call, &relocate, &destroy};
    };

    template <typename Held>
    struct Outside {
        static Held*& get(void* at) noexcept { return *static_cast<Held**>(at); }
        static R call(void* at, Args&&... args) { return invoke(*get(at), std::forward<Args>(args)...); }
        static void relocate(void* from, void* to) noexcept { ::new (to) Held*(get(from)); }
        static void destroy(void* at) noexcept { delete get(at); }
        static constexpr Ops ops{&call, &relocate, &destroy};
    };

    template <typename Held>
    static R invoke(Held& callable, Args&&... args) {
        if constexpr (std::is_void_v<R>) {
            static_cast<void>(callable(std::forward<Args>(args)...));
        } else {
            return callable(std::forward<Args>(args)...);
        }
    }

    void take(UniqueFunction& other) noexcept {
        ops_ = std::exchange(other.ops_, nullptr);
        if (ops_ != nullptr) ops_->relocate(other.room_, room_);
    }

    const Ops* ops_ = nullptr;
    alignas(void*) std::byte room_[detail::unique_function_room];
};

}  // namespace plait

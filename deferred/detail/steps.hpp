// What each kind of callback does with the result before it: one "step" type for each of add_callback, add_errback, ...
// Not where steps are kept or run; that is detail/links.hpp. A step's run() catches all that its callback throws.
#pragma once

#include <type_traits>
#include <utility>

#include "plait/deferred/detail/slot.hpp"
#include "plait/deferred/result.hpp"
#include "plait/deferred/unit.hpp"

namespace plait {
template <typename T>
class Deferred;
}

namespace plait::detail {

/// What a callback returning R makes the next Deferred carry.
template <typename R>
struct Unwrapped {
    using type = R;
};
template <>
struct Unwrapped<void> {
    using type = Unit;
};
template <typename U>
struct Unwrapped<Deferred<U>> {
    using type = U;
};
template <typename U>
struct Unwrapped<Result<U>> {
    using type = U;
};
template <typename R>
using unwrapped = typename Unwrapped<std::remove_cvref_t<R>>::type;

template <typename T>
inline constexpr bool is_deferred = false;
template <typename T>
inline constexpr bool is_deferred<Deferred<T>> = true;

// Concepts of plain requires-expressions, no lambdas, casts in place of std::move and std::forward where the callback's
// type is in it: all this is compiled for each callback of a program anew.

template <typename F, typename T>
concept TakesArgument = requires(F& f, T&& value) { f(static_cast<T&&>(value)); };

/// Callbacks of a Deferred<> may leave their argument out.
template <typename F, typename T>
concept TakesValue = TakesArgument<F, T> || (std::is_same_v<T, Unit> && requires(F& f) { f(); });

template <typename F>
concept TakesFailure = TakesArgument<F, Failure> || TakesArgument<F, const Failure&>;

template <typename U>
void store_deferred(Slot<U>& out, Deferred<U> returned);

/// Gives `out` what `f(arguments...)` returns: a value, nothing, a Result, a Failure, or a Deferred to wait for.
template <typename U, typename F, typename... Args>
inline void store(Slot<U>& out, F& f, Args&&... args) {
    using Returned = decltype(f(std::forward<Args>(args)...));
    using R = std::remove_cvref_t<Returned>;
    if constexpr (std::is_void_v<R>) {
        f(std::forward<Args>(args)...);
        out.set_value();
    } else if constexpr (std::is_same_v<R, Failure>) {
        out.set_failure(f(std::forward<Args>(args)...));
    } else if constexpr (std::is_same_v<R, Result<U>>) {
        Returned result = f(std::forward<Args>(args)...);
        if (result.has_value()) {
            out.set_value(std::forward<Returned>(result).value());
        } else {
            out.set_failure(result.failure());
        }
    } else if constexpr (std::is_same_v<R, Deferred<U>>) {
        store_deferred(out, f(std::forward<Args>(args)...));
    } else if constexpr (kept_in_box<U>) {
        out.set_box(new U(f(std::forward<Args>(args)...)));
    } else {
        ::new (out.room()) U(f(std::forward<Args>(args)...));
        out.set_built();
    }
}

/// Whether an errback returning R can stand in for a T.
template <typename R, typename T>
inline constexpr bool stands_in_for =
    std::is_same_v<R, Failure> || std::is_same_v<R, Result<T>> || std::is_same_v<R, Deferred<T>> ||
    (std::is_void_v<R> ? std::is_same_v<T, Unit> : std::is_convertible_v<R, T>);

/// Calls an errback for a Deferred<T>; in its own words when it cannot stand in for one.
template <typename T, typename F, typename... Args>
inline void store_from_errback(Slot<T>& out, F& f, Args&&... args) {
    using R = std::remove_cvref_t<decltype(f(std::forward<Args>(args)...))>;
    static_assert(
        !std::is_void_v<R> || std::is_same_v<T, Unit>,
        "this errback returns nothing, but the chain needs a value after it: return a value of the Deferred's "
        "type, or return the Failure to pass it on");
    static_assert(stands_in_for<R, T> || std::is_void_v<R>,
                  "an errback must return the Deferred's own type, a Deferred or Result of it, or a Failure");
    if constexpr (stands_in_for<R, T>) store(out, f, std::forward<Args>(args)...);
}

/// What a callback for values returns; its result type.
template <typename F, typename T, bool TakesIt = TakesArgument<F, T>>
struct ValueCall {
    using Returned = decltype(std::declval<F&>()(std::declval<T>()));
};
template <typename F, typename T>
struct ValueCall<F, T, false> {
    static_assert(TakesValue<F, T>, "this callback cannot take the Deferred's value: it is called as f(T&&)");
    static auto call(F& f) {
        if constexpr (requires { f(); }) return f();
    }
    using Returned = decltype(call(std::declval<F&>()));
};

/// What a kind of step, with the callback F, leads to.
template <typename F, typename T>
struct AfterValueOf {
    using type = unwrapped<typename ValueCall<F, T>::Returned>;
    static_assert(!std::is_same_v<type, Failure>,
                  "a callback that may return a Failure must return Result<U>, so that the next one knows its type");
};

template <typename F, typename T>
inline void call_with_value(F& f, Slot<T>& in, auto& out) {
    if constexpr (TakesArgument<F, T>) {
        store(out, f, std::move(in.value()));
    } else if constexpr (TakesValue<F, T>) {
        store(out, f);
    }  // else it does not compile, and has said why
}

/// By reference, or as a copy: what the errback throws or returns is compared with what it was given.
template <typename F, typename T, typename U>
inline void call_with_failure(F& f, Slot<T>& in, Slot<U>& out) {
    static_assert(TakesFailure<F>, "this errback cannot take a Failure: it is called as f(const Failure&)");
    if constexpr (TakesArgument<F, const Failure&>) {
        store_from_errback(out, f, std::as_const(in.failure()));
    } else if constexpr (TakesFailure<F>) {
        store_from_errback(out, f, Failure(in.failure()));
    }
}

struct OnValue {
    /// The callback is not called for a Failure.
    static constexpr bool skips_failures = true;

    template <typename F, typename T, typename U>
    static void run(F& f, Slot<T>& in, Slot<U>& out) {
        call_with_value(f, in, out);
    }
};

struct OnFailure {
    static constexpr bool skips_failures = false;

    template <typename F, typename T>
    static void run(F& f, Slot<T>& in, Slot<T>& out) {
        if (in.is_value()) return out.set_value(std::move(in.value()));
        call_with_failure(f, in, out);
    }
};

template <typename E>
struct OnException {
    static constexpr bool skips_failures = false;

    template <typename F, typename T>
    static void run(F& f, Slot<T>& in, Slot<T>& out) {
        static_assert(TakesArgument<F, const E&>,
                      "this errback cannot take its exception: it is called as f(const E&)");
        if (in.is_value()) return out.set_value(std::move(in.value()));
        const E* error = in.failure().template check<E>();
        if (error == nullptr) return out.set_failure(std::move(in.failure()));
        if constexpr (TakesArgument<F, const E&>) store_from_errback(out, f, *error);
    }
};

struct OnBoth {
    static constexpr bool skips_failures = false;

    template <typename F, typename T, typename U>
    static void run(F& f, Slot<T>& in, Slot<U>& out) {
        Result<T> result = in.is_value() ? Result<T>(std::move(in.value())) : Result<T>(in.failure());
        store(out, f, std::move(result));
    }
};

template <typename F, typename T>
struct AfterResultOf {
    static_assert(TakesArgument<F, Result<T>>, "this callback cannot take a Result<T>: add_both calls f(Result<T>)");
    using type = unwrapped<std::invoke_result_t<F&, Result<T>>>;
};

template <typename F, typename G>
struct Either {
    F on_value;
    G on_failure;
};

struct OnEither {
    static constexpr bool skips_failures = false;

    template <typename F, typename G, typename T, typename U>
    static void run(Either<F, G>& callbacks, Slot<T>& in, Slot<U>& out) {
        if (in.is_value()) {
            call_with_value(callbacks.on_value, in, out);
        } else {
            call_with_failure(callbacks.on_failure, in, out);
        }
    }
};

/// A step of the library's own: an object with run(in, out).
struct OnItsOwn {
    static constexpr bool skips_failures = false;

    template <typename Step, typename T, typename U>
    static void run(Step& step, Slot<T>& in, Slot<U>& out) {
        step.run(in, out);
    }
};

/// What add_callback(F) and add_both(F) give on a Deferred<T>.
template <typename F, typename T>
using AfterValue = Deferred<typename AfterValueOf<std::decay_t<F>, T>::type>;
template <typename F, typename T>
using AfterResult = Deferred<typename AfterResultOf<std::decay_t<F>, T>::type>;

}  // namespace plait::detail

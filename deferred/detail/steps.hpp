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

/// Callbacks of a Deferred<> may leave their argument out.
template <typename F, typename T>
concept TakesValue = std::is_invocable_v<F&, T> || (std::is_same_v<T, Unit> && std::is_invocable_v<F&>);

template <typename F>
concept TakesFailure = std::is_invocable_v<F&, Failure> || std::is_invocable_v<F&, const Failure&>;

template <typename T, typename F>
decltype(auto) call_with_value(F& f, T& value) {
    if constexpr (std::is_invocable_v<F&, T>) {
        return f(std::move(value));
    } else if constexpr (TakesValue<F, T>) {
        return f();
    }  // else it does not compile, and has said why
}

/// By reference, or as a copy: what the errback throws or returns is compared with what it was given.
template <typename F>
decltype(auto) call_with_failure(F& f, const Failure& failure) {
    if constexpr (std::is_invocable_v<F&, const Failure&>) {
        return f(failure);
    } else {
        return f(Failure(failure));
    }
}

template <typename U>
void store_deferred(Slot<U>& out, Deferred<U> returned);

/// Gives `out` what `make()` returns: a value, nothing, a Result, a Failure, or a Deferred to wait for.
template <typename U, typename Make>
void store(Slot<U>& out, Make&& make) {
    using R = std::remove_cvref_t<decltype(make())>;
    if constexpr (std::is_void_v<R>) {
        make();
        out.set_value();
    } else if constexpr (std::is_same_v<R, Failure>) {
        out.set_failure(make());
    } else if constexpr (std::is_same_v<R, Result<U>>) {
        auto result = make();
        if (result.has_value()) {
            out.set_value(std::move(result).value());
        } else {
            out.set_failure(result.failure());
        }
    } else if constexpr (std::is_same_v<R, Deferred<U>>) {
        store_deferred(out, make());
    } else {
        out.set_from(std::forward<Make>(make));
    }
}

/// Whether an errback returning R can stand in for a T.
template <typename R, typename T>
inline constexpr bool stands_in_for =
    std::is_same_v<R, Failure> || std::is_same_v<R, Result<T>> || std::is_same_v<R, Deferred<T>> ||
    (std::is_void_v<R> ? std::is_same_v<T, Unit> : std::is_convertible_v<R, T>);

/// Calls an errback for a Deferred<T>; in its own words when it cannot stand in for one.
template <typename T, typename Make>
void store_from_errback(Slot<T>& out, Make&& make) {
    using R = std::remove_cvref_t<decltype(make())>;
    static_assert(
        !std::is_void_v<R> || std::is_same_v<T, Unit>,
        "this errback returns nothing, but the chain needs a value after it: return a value of the Deferred's "
        "type, or return the Failure to pass it on");
    static_assert(stands_in_for<R, T> || std::is_void_v<R>,
                  "an errback must return the Deferred's own type, a Deferred or Result of it, or a Failure");
    if constexpr (stands_in_for<R, T>) store(out, std::forward<Make>(make));
}

template <typename F, typename T>
using value_call_result = decltype(call_with_value<T>(std::declval<F&>(), std::declval<T&>()));

template <typename F>
struct OnValue {
    F f;

    template <typename T>
    struct Output {
        static_assert(TakesValue<F, T>, "this callback cannot take the Deferred's value: it is called as f(T&&)");
        using type = unwrapped<value_call_result<F, T>>;
        static_assert(
            !std::is_same_v<type, Failure>,
            "a callback that may return a Failure must return Result<U>, so that the next one knows its type");
    };

    template <typename T, typename U>
    void run(Slot<T>& in, Slot<U>& out) {
        if (in.is_failure()) return out.set_failure(std::move(in.failure()));
        store(out, [&]() -> decltype(auto) { return call_with_value(f, in.value()); });
    }
};

template <typename F>
struct OnFailure {
    F f;

    template <typename T>
    struct Output {
        static_assert(TakesFailure<F>, "this errback cannot take a Failure: it is called as f(const Failure&)");
        using type = T;
    };

    template <typename T>
    void run(Slot<T>& in, Slot<T>& out) {
        if (in.is_value()) return out.set_value(std::move(in.value()));
        store_from_errback(out, [&]() -> decltype(auto) { return call_with_failure(f, in.failure()); });
    }
};

template <typename E, typename F>
struct OnException {
    F f;

    template <typename T>
    struct Output {
        static_assert(std::is_invocable_v<F&, const E&>,
                      "this errback cannot take its exception: it is called as f(const E&)");
        using type = T;
    };

    template <typename T>
    void run(Slot<T>& in, Slot<T>& out) {
        if (in.is_value()) return out.set_value(std::move(in.value()));
        const E* error = in.failure().template check<E>();
        if (error == nullptr) return out.set_failure(std::move(in.failure()));
        store_from_errback(out, [&]() -> decltype(auto) { return f(*error); });
    }
};

template <typename F>
struct OnBoth {
    F f;

    template <typename T>
    struct Output {
        static_assert(std::is_invocable_v<F&, Result<T>>,
                      "this callback cannot take a Result<T>: add_both calls f(Result<T>)");
        using type = unwrapped<std::invoke_result_t<F&, Result<T>>>;
    };

    template <typename T, typename U>
    void run(Slot<T>& in, Slot<U>& out) {
        Result<T> result = in.is_value() ? Result<T>(std::move(in.value())) : Result<T>(in.failure());
        store(out, [&]() -> decltype(auto) { return f(std::move(result)); });
    }
};

template <typename F, typename G>
struct OnEither {
    F on_value;
    G on_failure;

    template <typename T>
    using Output = typename OnValue<F>::template Output<T>;

    template <typename T, typename U>
    void run(Slot<T>& in, Slot<U>& out) {
        if (in.is_value()) {
            store(out, [&]() -> decltype(auto) { return call_with_value(on_value, in.value()); });
        } else {
            static_assert(TakesFailure<G>, "this errback cannot take a Failure: it is called as f(const Failure&)");
            store_from_errback(out, [&]() -> decltype(auto) { return call_with_failure(on_failure, in.failure()); });
        }
    }
};

template <typename Step, typename T>
using step_output = typename Step::template Output<T>::type;

/// What add_callback(F) and add_both(F) give on a Deferred<T>.
template <typename F, typename T>
using AfterValue = Deferred<step_output<OnValue<std::decay_t<F>>, T>>;
template <typename F, typename T>
using AfterResult = Deferred<step_output<OnBoth<std::decay_t<F>>, T>>;

}  // namespace plait::detail

// To std::future and from it, for code that was not written for Deferred.
// Not a way between threads for code that is: that is AsyncResult (async_bridge.hpp).
#pragma once

#include <chrono>
#include <future>
#include <type_traits>
#include <utility>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"

namespace plait {

namespace detail {

/// std::future has void where Deferred has Unit.
template <typename T>
using FutureValue = std::conditional_t<std::is_same_v<T, Unit>, void, T>;
template <typename T>
using DeferredValue = std::conditional_t<std::is_void_v<T>, Unit, T>;

template <typename T>
struct FulfilPromise {
    std::promise<FutureValue<T>> promise;

    void run(Slot<T>& in, Slot<Unit>& out) {
        out.set_value();
        if (in.is_failure()) return promise.set_exception(in.failure().exception_ptr());
        try {
            if constexpr (std::is_same_v<T, Unit>) {
                promise.set_value();
            } else {
                promise.set_value(std::move(in.value()));
            }
        } catch (...) {  // the value could not be moved
            promise.set_exception(std::current_exception());
        }
    }
};

/// Whether `future` has its result. Throws InvalidState when it never will.
bool future_has_ended(bool valid, std::future_status status);

}  // namespace detail

/// A future that gets the value, or the exception, of `deferred`. Deferred<> gives std::future<void>.
///
/// Cancel:   dropping the future does not cancel: nobody but it owns the chain, which runs on as detach() lets it; what
///           it ends in is then forgotten. To be able to cancel, share() the Deferred, give away a branch, and keep the
///           SharedDeferred.
/// Threads:  call it where the Deferred lives. The future may go to any thread; waiting for it in the thread that would
///           fire the Deferred waits for ever.
/// Source:   Twisted's asFuture.
template <typename T>
std::future<detail::FutureValue<T>> to_future(Deferred<T> deferred) {
    detail::FulfilPromise<T> fulfil;
    auto future = fulfil.promise.get_future();
    detail::Access::append<Unit>(deferred, std::move(fulfil), SourceLocation::current()).detach([](const Failure&) {});
    return future;
}

/// The outcome of `future`, looked for at once and then every `interval`. std::future<void> gives Deferred<>.
///
/// A std::future tells nobody when it ends; the only other way is a thread that blocks for each. Looking costs a timer
/// an interval for each future, and the result is up to an interval late; zero looks every turn.
///
/// Fails:    with the future's exception; with InvalidState for an empty future, and for one of
///           std::launch::deferred, which runs only when somebody waits for it; with BrokenPromise when the clock goes.
/// Cancel:   stops looking, and drops the future; what works on it is not told. A future of std::async waits for its
///           function where it is dropped: that is the standard's rule, and blocks this thread.
/// Lifetime: `clock` must live until it fires or is dropped.
/// Threads:  it fires where the clock runs. Only the future's own state is touched from others.
/// Source:   Twisted's fromFuture.
template <typename T>
Deferred<detail::DeferredValue<T>> from_future(Clock& clock, std::future<T> future,
                                               Duration interval = std::chrono::milliseconds(10)) {
    for (;;) {
        const bool valid = future.valid();
        const auto status = valid ? future.wait_for(std::chrono::seconds(0)) : std::future_status::timeout;
        if (detail::future_has_ended(valid, status)) break;
        co_await clock.sleep(interval);
    }
    if constexpr (std::is_void_v<T>) {
        future.get();
        co_return;
    } else {
        co_return future.get();
    }
}

}  // namespace plait

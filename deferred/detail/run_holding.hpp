// The body of run() of DeferredLock and DeferredSemaphore: call, hold until the end, give back.
// Not to be included alone; deferred/semaphore.hpp does.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "plait/deferred/attach.hpp"
#include "plait/deferred/maybe.hpp"
#include "plait/deferred/semaphore.hpp"

namespace plait::detail {

/// Members go last to first: what the call may still use, and then its turn.
template <typename F>
struct Held {
    Permit permit;
    F f;
};

template <typename F>
auto run_holding(Deferred<Permit> acquired, F&& f) {
    using Call = std::decay_t<F>;
    static_assert(std::is_invocable_v<Call&>, "run(f) calls f()");
    return std::move(acquired).add_callback([f = Call(std::forward<F>(f))](Permit permit) mutable {
        using R = std::remove_cvref_t<std::invoke_result_t<Call&>>;
        if constexpr (is_deferred<R>) {
            // On the heap: a coroutine lambda finds its captures at the address it was called at, to its end. Attached,
            // not captured by a callback: one that is dropped ends its locals before its captures and its turn go.
            auto held = std::unique_ptr<Held<Call>>(new Held<Call>{std::move(permit), std::move(f)});
            auto started = maybe_deferred(held->f);
            return std::move(started).attach(std::move(held));
        } else {
            auto done = maybe_deferred(f);
            permit.release();
            return done;
        }
    });
}

}  // namespace plait::detail

// co_await any Deferred; any coroutine may return one. What inlineCallbacks is in Twisted.
// Not lazy and not a scheduler: the body runs at once up to its first wait, and goes on where its result is fired.
#pragma once

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/coroutine_core.hpp"

namespace plait {

///     Deferred<int> total(Client& client) {
///         int sum = 0;
///         for (const char* name : {"a", "b"}) sum += co_await client.size(name);
///         co_return sum;
///     }
///
/// `co_await std::move(deferred)` or `co_await f()` gives the value, or throws the Failure's exception. A ready one
/// neither suspends nor allocates. What the body throws fails its Deferred. The awaited Deferred belongs to the
/// coroutine.
///
/// Cancel:   cancel() on the coroutine's Deferred cancels what it awaits; the body sees Cancelled (or the canceller's
///           answer) there, and may catch it and go on. A second cancel() then cancels the next wait.
/// Lifetime: dropping the Deferred of a suspended coroutine cancels what it awaits, then destroys its locals and
///           parameters; it is never resumed. Reference parameters must live until its Deferred fires or is dropped. A
///           lambda's captures are such a reference: they die with the lambda object, not with the coroutine. Pass what
///           a lambda coroutine needs as parameters, by value.
/// Threads:  the one where the awaited Deferreds are fired.
template <typename T>
detail::Awaiter<T> operator co_await(Deferred<T>&& deferred) {
    return detail::Awaiter<T>(deferred);
}

/// Await it once, as an rvalue: `co_await std::move(deferred)`.
template <typename T>
void operator co_await(Deferred<T>& deferred) = delete;

}  // namespace plait

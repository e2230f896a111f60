// From a Deferred, which lives in one thread, to an AsyncResult, which all may share, and back.
// Not a thread pool and not a loop: results cross, work stays where it is.
#pragma once

#include <memory>
#include <utility>

#include "plait/deferred/async_result.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/async_arrival.hpp"

namespace plait {

/// The thread-safe face of `deferred`, set to what it ends in. Other threads may wait for it.
///
/// Callbacks linked to it run in the Deferred's thread, unless `dispatcher` says otherwise.
/// Fails:    with the exception of its Failure; with BrokenPromise when its Promise goes unfired. Waiting for it in the
///           thread that called this, where the Deferred would fire, throws InvalidState instead of hanging.
/// Cancel:   none. A Deferred may be cancelled in its own thread only, and the last handle may go in any; so it runs to
///           its end without an owner, as with detach(). Keep a way to end it in its thread where that matters.
/// Threads:  call it in the Deferred's thread. The exception is read in others, so one that holds a Failure, such as
///           FirstError and FailureGroup (group.hpp), is to be turned into another first.
template <typename T>
AsyncResult<T> to_async_result(Deferred<T> deferred, Dispatcher dispatcher = Dispatcher(),
                               SourceLocation made = SourceLocation::current()) {
    if (!dispatcher.must_not_wait) dispatcher.must_not_wait = no_waiting_in_this_thread().must_not_wait;
    AsyncResult<T> result(std::move(dispatcher), made);
    std::move(deferred)
        .add_both([producer = AsyncProducer<T>(result)](Result<T> outcome) mutable {
            if (outcome.has_value()) {
                producer.set(std::move(outcome).value());
            } else {
                producer.set_exception(outcome.failure().exception_ptr());
            }
        })
        .detach([made](const Failure& failure) { report_unhandled_failure(failure, made); });
    return result;
}

/// Brings `result` home: a Deferred for the calling thread, fired there with a copy of the value.
///
///     to_deferred(worker.start(), [&](auto f) { reactor.call_from_thread(std::move(f)); })
///
/// `post(UniqueFunction<void()>)` has to call what it is given in this thread. It is called at most once, in the thread
/// that sets the result, or that drops its last handle. A result that is ready gives a ready Deferred, and is not
/// posted.
/// Fails:    with the exception of the result; with BrokenPromise when all its handles have gone and it was never set.
/// Cancel:   stops waiting; whoever works on the result is not told.
/// Lifetime: keeps no handle. `post`, and what it refers to, must live until the Deferred has fired or, where it is
///           dropped before, until nobody is about to set the result. If it throws, or drops what it was given, the
///           Deferred is left waiting: what it needs to know can come to its thread in no other way.
/// Threads:  the Deferred belongs to the thread that called this.
template <typename T, typename Post>
    requires std::is_invocable_v<std::decay_t<Post>&, UniqueFunction<void()>>
Deferred<T> to_deferred(const AsyncResult<T>& result, Post&& post, SourceLocation made = SourceLocation::current()) {
    static_assert(std::is_copy_constructible_v<T>,
                  "the value stays with the AsyncResult, so it must be copyable: use AsyncResult<std::shared_ptr<T>>");
    if (result.successful()) return Deferred<T>::succeed(*result.value());
    if (std::exception_ptr error = result.exception()) return Deferred<T>::fail(Failure(std::move(error), made));
    auto [deferred, promise] = make_deferred<T>(made);
    detail::AsyncArrival<T>::expect(result, std::move(promise), std::forward<Post>(post), made);
    return std::move(deferred);
}

}  // namespace plait

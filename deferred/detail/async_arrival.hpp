// How the result of another thread reaches a Promise, which only its own thread may touch.
// Not for users; to_deferred() in async_bridge.hpp is the face.
//
//     Deferred's thread                                     any thread
//     canceller --owns--> AsyncArrival{promise} <--weak-- AsyncNotice, linked to the result
//
// The notice tells by `post` that there is a result, or that there never will be one. Only what is posted, in the
// Deferred's thread, makes a strong pointer of the weak one; so the Promise dies there, too.
#pragma once

#include <memory>
#include <utility>

#include "plait/deferred/async_result.hpp"
#include "plait/deferred/contain.hpp"
#include "plait/deferred/deferred.hpp"

namespace plait::detail {

template <typename T>
class AsyncArrival {
public:
    template <typename Post>
    static void expect(const AsyncResult<T>& result, Promise<T> promise, Post&& post, SourceLocation made);

    AsyncArrival(const AsyncResult<T>& result, Promise<T> promise, SourceLocation made) noexcept
        : promise_(std::move(promise)), state_(AsyncAccess::weak(result)), made_(made) {}
    AsyncArrival(const AsyncArrival&) = delete;
    AsyncArrival& operator=(const AsyncArrival&) = delete;
    ~AsyncArrival() {
        if (const auto state = state_.lock()) state->unlink(link_);
    }

    void arrived(const AsyncResult<T>& result) {
        if (std::exception_ptr error = result.exception()) return promise_.errback(Failure(std::move(error), made_));
        try {
            promise_.callback(T(*result.value()));
        } catch (...) {
            // Only the copy throws; what callbacks throw goes down the chain.
            promise_.errback(Failure::current(made_));
        }
    }
    void broken() { promise_.errback(make_failure(BrokenPromise(), made_)); }

private:
    Promise<T> promise_;
    std::weak_ptr<AsyncState<T>> state_;
    LinkId link_ = LinkId::none;
    SourceLocation made_;
};

template <typename T, typename Post>
class AsyncNotice {
public:
    AsyncNotice(std::weak_ptr<AsyncArrival<T>> arrival, Post post)
        : arrival_(std::move(arrival)), post_(std::move(post)) {}
    AsyncNotice(AsyncNotice&&) noexcept(std::is_nothrow_move_constructible_v<Post>) = default;
    AsyncNotice& operator=(AsyncNotice&&) = delete;
    /// Not called, and somebody waits: the result has gone.
    ~AsyncNotice() {
        if (arrival_.expired()) return;
        contain([this] {
            post_(UniqueFunction<void()>([arrival = std::move(arrival_)] {
                if (const auto here = arrival.lock()) here->broken();
            }));
        });
    }

    void operator()(const AsyncResult<T>& result) {
        if (arrival_.expired()) return;
        post_(UniqueFunction<void()>([arrival = std::move(arrival_), result] {
            if (const auto here = arrival.lock()) here->arrived(result);
        }));
    }

private:
    std::weak_ptr<AsyncArrival<T>> arrival_;
    Post post_;
};

template <typename T>
template <typename Post>
void AsyncArrival<T>::expect(const AsyncResult<T>& result, Promise<T> promise, Post&& post, SourceLocation made) {
    const auto arrival = std::make_shared<AsyncArrival>(result, std::move(promise), made);
    arrival->promise_.on_cancel([arrival] {});  // destroyed when the Deferred has fired or is not wanted any more
    arrival->link_ = result.rawlink(AsyncNotice<T, std::decay_t<Post>>(arrival, std::forward<Post>(post)));
}

}  // namespace plait::detail

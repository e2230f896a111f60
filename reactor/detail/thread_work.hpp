// ThreadWork: one call in a thread whose result comes home. The body of defer_to_thread(), and not for inclusion by
// itself.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/source_location.hpp"
#include "plait/reactor/thread_pool.hpp"

namespace plait {
class Reactor;
}  // namespace plait

namespace plait::detail {

/// Shared by the thread that works and the reactor's. The Promise is touched in the reactor's thread only, whatever
/// ends first: the work, the wait for it, the pool, the reactor.
class ThreadWork : public std::enable_shared_from_this<ThreadWork> {
public:
    explicit ThreadWork(SourceLocation asked);
    ThreadWork(const ThreadWork&) = delete;
    ThreadWork& operator=(const ThreadWork&) = delete;
    virtual ~ThreadWork();

    /// Gives it to `pool`. What `pool` throws goes through.
    void give(Reactor& reactor, ThreadPool& pool);
    /// Nobody waits any more: takes it back if it has not begun.
    void take_back() noexcept;

protected:
    SourceLocation asked() const noexcept { return asked_; }

    /// In a thread of the pool: calls the function, keeps what comes of it, and destroys the function.
    virtual void work() noexcept = 0;
    /// Instead of that, when it was taken back: destroys the function, wherever that was done.
    virtual void drop_work() noexcept = 0;
    /// The rest in the reactor's thread. Fires the Promise with what was kept.
    virtual void deliver() = 0;
    virtual void fail(Failure failure) = 0;
    /// Destroys the Promise.
    virtual void forget() noexcept = 0;

private:
    class Home;
    class InPool;

    void come_home(bool worked) noexcept;

    const SourceLocation asked_;
    std::unique_ptr<Home> home_;
};

template <typename T, typename F>
class ThreadWorkOf final : public ThreadWork {
public:
    ThreadWorkOf(F&& function, SourceLocation asked) : ThreadWork(asked), function_(std::move(function)) {}
    ThreadWorkOf(const F& function, SourceLocation asked) : ThreadWork(asked), function_(function) {}
    ~ThreadWorkOf() override = default;

    Deferred<T> start(Reactor& reactor, ThreadPool& pool) {
        auto pair = make_deferred<T>(asked());
        try {
            give(reactor, pool);
        } catch (...) {
            return Deferred<T>::fail(Failure::current(asked()));
        }
        promise_ = std::move(pair.promise);
        promise_.on_cancel([self = this->shared_from_this()] { self->take_back(); });
        return std::move(pair.deferred);
    }

private:
    void work() noexcept override {
        try {
            if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
                (*function_)();
                value_.emplace();
            } else {
                value_.emplace((*function_)());
            }
        } catch (...) {
            error_ = std::current_exception();
        }
        function_.reset();
    }
    void drop_work() noexcept override { function_.reset(); }
    void deliver() override {
        Promise<T> promise = std::move(promise_);
        if (error_ != nullptr) {
            promise.errback(Failure(std::exchange(error_, nullptr), asked()));
        } else {
            promise.callback(std::move(*value_));
        }
    }
    void fail(Failure failure) override {
        Promise<T> promise = std::move(promise_);
        promise.errback(std::move(failure));
    }
    void forget() noexcept override { promise_ = Promise<T>(); }

    std::optional<F> function_;
    Promise<T> promise_;
    std::optional<T> value_;
    std::exception_ptr error_;
};

}  // namespace plait::detail

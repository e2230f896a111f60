// BlockingCall: one call that another thread waits for. The body of blocking_call_from_thread(), and not for inclusion
// by itself.
#pragma once

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/maybe.hpp"

namespace plait {
class Reactor;
}  // namespace plait

namespace plait::detail {

class ReactorCore;

/// Shared by the thread that waits and the reactor's. What was called, and what it returned, are used and destroyed in
/// the reactor's thread, before the other one goes on.
class BlockingCall : public std::enable_shared_from_this<BlockingCall> {
public:
    BlockingCall() = default;
    BlockingCall(const BlockingCall&) = delete;
    BlockingCall& operator=(const BlockingCall&) = delete;
    virtual ~BlockingCall();

    /// Has it called in `reactor`'s thread, and returns when that has ended.
    /// Fails: throws ReactorStopped when the reactor stops before that, ReactorNotRunning, InvalidState.
    void run(Reactor& reactor);

    // In the reactor's thread:
    void begin();
    void abandon() noexcept;

protected:
    /// Begins, and says whether it is over already. Else `ended()` says so later.
    virtual bool start() = 0;
    /// Destroys what was called and what it returned.
    virtual void drop() noexcept = 0;
    /// From a callback of what was called.
    void ended();

private:
    enum class State { waiting, ended, abandoned };

    void finish() noexcept;
    void leave(State as) noexcept;

    ReactorCore* core_ = nullptr;  // for the reactor's thread
    bool left_ = false;            // likewise
    std::mutex mutex_;
    std::condition_variable over_;
    State state_ = State::waiting;
};

template <typename T, typename F>
class BlockingCallOf final : public BlockingCall {
public:
    explicit BlockingCallOf(F&& function) : function_(std::move(function)) {}
    explicit BlockingCallOf(const F& function) : function_(function) {}
    ~BlockingCallOf() override = default;

    /// After run().
    T result() {
        if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
        return std::move(*value_);
    }

private:
    bool start() override {
        running_ = maybe_deferred(*function_).add_both([this](Result<T> result) {
            keep(std::move(result));
            if (!starting_) ended();
        });
        starting_ = false;
        return running_.ready();
    }
    void drop() noexcept override {
        running_ = Deferred<>();
        function_.reset();
    }
    void keep(Result<T> result) {
        if (result.has_value()) {
            value_.emplace(std::move(result).value());
        } else {
            error_ = result.failure().exception_ptr();
        }
    }

    std::optional<F> function_;
    Deferred<> running_;
    bool starting_ = true;
    std::optional<T> value_;
    std::exception_ptr error_;
};

}  // namespace plait::detail

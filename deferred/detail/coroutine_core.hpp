// The Core of a coroutine, which is its promise object and lives in its frame; and the awaiter.
// Not an executor: the loop in core.cpp resumes.
#pragma once

#include <coroutine>

#include "plait/deferred/detail/deferred_impl.hpp"

namespace plait::detail {

/// What an awaiter needs to know of the coroutine it is in.
class CoroutineBase : public Core {
public:
    bool suspend_for(Core* inner, void* to, Transfer transfer) noexcept {
        if (!wait_for(inner, to, transfer)) return false;
        mark_suspended();
        return true;
    }

protected:
    explicit CoroutineBase(SourceLocation made) noexcept : Core(made, nullptr, 0) { mark_started(); }
    ~CoroutineBase() override = default;

    /// The body has ended; whoever started or resumed it sees to its callbacks.
    struct End {
        bool await_ready() noexcept { return false; }
        template <typename P>
        void await_suspend(std::coroutine_handle<P> self) noexcept {
            self.promise().mark_suspended();
        }
        void await_resume() noexcept {}
    };
    friend struct End;
};

template <typename T>
class CoroutineResult : public CoroutineBase {
public:
    template <typename V = T>  // the default lets `co_return {a, b};` work
        requires std::is_convertible_v<V&&, T>
    void return_value(V&& value) {
        this->result_.set_value(std::forward<V>(value));
        this->mark_finished(&this->result_, &discard_slot<T>);
    }

protected:
    using CoroutineBase::CoroutineBase;
    ~CoroutineResult() override = default;
    Slot<T> result_;
};

template <>
class CoroutineResult<Unit> : public CoroutineBase {
public:
    void return_void() noexcept {
        result_.set_value();
        mark_finished(&result_, &discard_slot<Unit>);
    }

protected:
    using CoroutineBase::CoroutineBase;
    ~CoroutineResult() override = default;
    Slot<Unit> result_;
};

/// Compilers of today put frames at the default alignment, whatever is in them.
template <typename T>
inline constexpr bool fits_coroutine_frame = alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__;

template <typename T>
class CoroutineCore final : public CoroutineResult<T> {
    static_assert(fits_coroutine_frame<T>, "a coroutine cannot hold an over-aligned result: return it by unique_ptr");

public:
    using Handle = std::coroutine_handle<CoroutineCore>;

    // The compiler makes these calls from inside the coroutine, so "current" is the user's function.
    CoroutineCore(SourceLocation made = SourceLocation::current()) noexcept : CoroutineResult<T>(made) {}
    void unhandled_exception(SourceLocation where = SourceLocation::current()) noexcept {
        this->result_.set_failure(Failure::current(where));
        this->mark_finished(&this->result_, &discard_slot<T>);
    }

    Deferred<T> get_return_object() noexcept { return Access::pending<T>(this); }
    std::suspend_never initial_suspend() noexcept { return {}; }
    typename CoroutineBase::End final_suspend() noexcept { return {}; }

private:
    void deallocate() noexcept override { Handle::from_promise(*this).destroy(); }
    void resume() noexcept override { Handle::from_promise(*this).resume(); }
    // Only the innermost, unfired Core of a line is failed from outside; a coroutine always waits for another one.
    void fail(Failure) noexcept override {}
};

template <typename T>
class Awaiter {
    static_assert(fits_coroutine_frame<T>, "a coroutine cannot hold an over-aligned result: use add_callback");

public:
    explicit Awaiter(Deferred<T>& deferred) { Access::move_into(deferred, result_); }
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;

    bool await_ready() const noexcept { return !result_.is_pending(); }

    template <typename P>
    bool await_suspend(std::coroutine_handle<P> self) noexcept {
        static_assert(std::is_base_of_v<CoroutineBase, P>,
                      "a Deferred can be awaited in a coroutine that returns a Deferred");
        return self.promise().suspend_for(result_.release_core(), &result_, &transfer_slot<T>);
    }

    T await_resume() {
        if (result_.is_failure()) result_.failure().raise();
        return std::move(result_.value());
    }

private:
    Slot<T> result_;
};

}  // namespace plait::detail

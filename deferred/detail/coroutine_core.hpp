// The Core of a coroutine, which is its promise object and lives in its frame; and the awaiter.
// Not an executor: the loop in core.cpp resumes.
#pragma once

#include <coroutine>
#include <optional>
#include <type_traits>

#include "plait/deferred/detail/deferred_impl.hpp"
#include "plait/deferred/detail/failure_way.hpp"

namespace plait::detail {

template <typename T>
class Awaiter;

/// What `co_await a` waits for: `a`, or what its own operator co_await gives.
template <typename A>
decltype(auto) awaited(A&& a) {
    if constexpr (requires { std::forward<A>(a).operator co_await(); }) {
        return std::forward<A>(a).operator co_await();
    } else if constexpr (requires { operator co_await(std::forward<A>(a)); }) {
        return operator co_await(std::forward<A>(a));
    } else {
        return std::forward<A>(a);
    }
}

/// What a coroutine is whatever it returns: a Core that suspends, and knows where.
class CoroutineBase : public Core {
public:
    template <typename A>
    auto await_transform(A&& a, SourceLocation at = SourceLocation::current()) {
        using Given = decltype(awaited(std::forward<A>(a)));
        using D = std::remove_cvref_t<Given>;
        if constexpr (is_deferred<D> && !std::is_lvalue_reference_v<Given> &&
                      !std::is_const_v<std::remove_reference_t<Given>>) {
            auto&& deferred = awaited(std::forward<A>(a));
            return Awaiter<typename D::value_type>(*this, deferred, at);
        } else {
            static_assert(!is_deferred<D>,
                          "a Deferred is awaited once, as an rvalue: write co_await std::move(deferred)");
            static_assert(is_deferred<D>,
                          "only a Deferred can be awaited here, or an object whose operator co_await gives one");
            return std::suspend_never();
        }
    }

    /// Where it waits, once it has been suspended; kept for tracing.
    SourceLocation awaiting_at() const noexcept { return awaiting_at_; }

    bool suspend_for(Core* inner, void* to, Transfer transfer, SourceLocation at) noexcept {
        awaiting_at_ = at;
        if (!wait_for(inner, to, transfer)) return false;
        mark_suspended();
        context_.exchange();
        return true;
    }

    /// Throws `failure` at the await. It is remembered until the next one: when the body lets it out, it goes on with
    /// its origin and its way.
    [[noreturn]] void raise_at_await(Failure& failure, SourceLocation at) {
        failure.note_passed(at);
        thrown_.reset();
        thrown_ = std::move(failure);
        thrown_->raise();
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
            self.promise().context_.exchange();
        }
        void await_resume() noexcept {}
    };
    friend struct End;

    /// What the exception that has left the body becomes.
    Failure failure_of_body(SourceLocation where) noexcept {
        return thrown_by_step(thrown_ ? &*thrown_ : nullptr, where);
    }

    CoroutineContext context_;

private:
    const SourceLocation* awaits_at() const noexcept override { return &awaiting_at_; }

    SourceLocation awaiting_at_;
    std::optional<Failure> thrown_;
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

template <typename T>
class CoroutineCore final : public CoroutineResult<T> {
public:
    using Handle = std::coroutine_handle<CoroutineCore>;

    // The compiler makes these calls from inside the coroutine, so "current" is the user's function.
    CoroutineCore(SourceLocation made = SourceLocation::current()) noexcept : CoroutineResult<T>(made) {}
    void unhandled_exception(SourceLocation where = SourceLocation::current()) noexcept {
        this->result_.reset();  // a local's destructor threw, after the co_return
        this->result_.set_failure(this->failure_of_body(where));
        this->mark_finished(&this->result_, &discard_slot<T>);
    }

    Deferred<T> get_return_object() noexcept { return Access::pending<T>(this); }
    std::suspend_never initial_suspend() noexcept { return {}; }
    typename CoroutineBase::End final_suspend() noexcept { return {}; }

private:
    void deallocate() noexcept override {
        const ContextGuard context;
        this->context_.exchange();  // locals that are left end in the coroutine's own
        Core::Block* kept = this->leave_blocks();
        Handle::from_promise(*this).destroy();
        Core::free_all(kept);  // parameters, which may refer to them, end after this object
    }
    void resume() noexcept override {
        this->context_.exchange();
        Handle::from_promise(*this).resume();
    }
    // Only the innermost, unfired Core of a line is failed from outside; a coroutine always waits for another one.
    void fail(Failure) noexcept override {}
};

template <typename T>
class Awaiter {
public:
    Awaiter(CoroutineBase& coroutine, Deferred<T>& deferred, SourceLocation at) : coroutine_(coroutine), at_(at) {
        Access::move_into(deferred, result_);
    }
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;

    bool await_ready() const noexcept { return !result_.is_pending(); }

    bool await_suspend(std::coroutine_handle<>) noexcept {
        return coroutine_.suspend_for(result_.release_core(), &result_, &transfer_slot<T>, at_);
    }

    /// The value; an over-aligned one in its box, since the frame has no place for it.
    auto await_resume() {
        if (result_.is_failure()) coroutine_.raise_at_await(result_.failure(), at_);
        if constexpr (over_aligned<T>) {
            return result_.release_box();
        } else {
            return T(std::move(result_.value()));
        }
    }

private:
    CoroutineBase& coroutine_;
    SourceLocation at_;
    Slot<T> result_;
};

}  // namespace plait::detail

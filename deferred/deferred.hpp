// A result that is not here yet: Deferred waits for it, Promise delivers it. make_deferred<T>() makes both.
// Knows nothing of reactors or threads; callbacks run where the Promise is fired.
// Related: coroutine.hpp (co_await, included here), gather.hpp, maybe.hpp, unhandled.hpp, trace.hpp (what is pending),
// context.hpp (what callbacks carry along). Bodies: detail/.
#pragma once

#include <string>
#include <string_view>

#include "plait/deferred/detail/fired_twice.hpp"
#include "plait/deferred/detail/links.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/deferred/failure.hpp"
#include "plait/deferred/pause.hpp"
#include "plait/deferred/result.hpp"
#include "plait/deferred/unit.hpp"

namespace plait {

class Clock;

namespace detail {
struct Access;
template <typename T>
class CoroutineCore;
template <typename T, typename... Objects>
struct IncludeAttachHpp;
}  // namespace detail

template <typename T = Unit>
class Promise;
template <typename T>
struct DeferredPair;
template <typename T>
class SharedDeferred;

/// Waits for one value or one Failure.
///
///     zk.get("/app").add_callback(parse).add_errback<zk::NoNode>(use_default).detach(log_failure);
///
/// Callbacks run in the order added, each on the result of the one before, from a loop: a chain of any length takes
/// constant stack. Adding to a Deferred that has its result runs the callback at once. A callback may
///   - return U, or nothing, to pass it on,
///   - return Deferred<U> to have the chain wait for it, or Result<U> to pass on either outcome,
///   - throw, to fail the chain.
/// A Failure skips callbacks; a value skips errbacks. A callback of a Deferred<> may leave its argument out.
/// Callbacks get the value as an rvalue; take it by value, `T&&` or `const T&`. References end when the callback
/// returns.
///
/// Lifetime: move-only. Destroying one that waits cancels it: the source's canceller is asked, then callbacks not yet
///           run are destroyed and never called, so they may capture the object that owns the Deferred. What it waits
///           for goes first, then itself. Allowed inside a callback, coroutine or canceller of its own or of what it
///           waits for: the rest is destroyed when that has returned, or waits. An assigned-to Deferred is destroyed
///           likewise.
/// Unread:   a Failure still held at destruction is reported (unhandled.hpp); Cancelled is not.
/// Fails:    using one that is empty (default-made or moved from) throws InvalidState.
/// Threads:  one. Nothing here is atomic.
/// Source:   order, chaining and cancel() from Twisted's defer.py; drop-to-cancel from KJ.
template <typename T = Unit>
class [[nodiscard("dropped, it is cancelled: keep it, await it, return it, or detach() it")]] Deferred {
public:
    using value_type = T;
    /// Makes any function that returns Deferred<T> and uses co_await or co_return a coroutine; see coroutine.hpp.
    using promise_type = detail::CoroutineCore<T>;

    /// Empty: a place to move one into. valid() is false.
    Deferred() noexcept = default;
    Deferred(Deferred&& other) noexcept { slot_.take(other.slot_); }
    Deferred& operator=(Deferred&& other) noexcept {
        if (this != &other) {
            Deferred old(std::move(*this));
            slot_.take(other.slot_);
        }
        return *this;
    }
    ~Deferred() { dispose(); }

    /// Already fired: callbacks run as they are added, without allocating.
    static Deferred succeed(T value = T());
    static Deferred fail(Failure failure);

    // --- the chain. Each takes this Deferred and gives the next one; a member is continued with
    //     `d_ = std::move(d_).add_callback(f);`

    /// `f(T)`, skipped by a Failure.
    template <typename F>
    detail::AfterValue<F, T> add_callback(F&& f, SourceLocation added = SourceLocation::current()) &&;

    /// `f(Failure)`, skipped by a value. Returns T, Deferred<T> or Result<T> to recover, a Failure to pass one on;
    /// nothing, when T is Unit.
    template <typename F>
    Deferred add_errback(F&& f, SourceLocation added = SourceLocation::current()) &&;

    /// `f(const E&)`, for exceptions of type E and derived ones; others pass.
    template <typename E, typename F>
    Deferred add_errback(F&& f, SourceLocation added = SourceLocation::current()) &&;

    /// `f(Result<T>)`, never skipped.
    template <typename F>
    detail::AfterResult<F, T> add_both(F&& f, SourceLocation added = SourceLocation::current()) &&;

    /// One of the two: `on_failure` does not see what `on_value` throws. Both lead to the same type.
    template <typename F, typename G>
    detail::AfterValue<F, T> add_callbacks(F&& on_value, G&& on_failure,
                                           SourceLocation added = SourceLocation::current()) &&;

    /// Cancels what was added before it when that has not ended within `limit`, a std::chrono duration; zero or less is
    /// the clock's next turn. The Cancelled that comes of it becomes a TimeoutError, "connecting to 10.0.0.1:2181 took
    /// longer than 5 s" with `what` at its start; any other answer passes, and so does a cancel of yours. The timer
    /// goes when the result comes; a ready Deferred sets none. Needs clock.hpp included.
    template <typename Limit>
    Deferred add_timeout(Clock& clock, Limit limit, std::string what = "The operation",
                         SourceLocation added = SourceLocation::current()) &&;

    /// The same, but `on_timeout(Result<T>, Duration)` says what comes of it: called with whatever the cancelling led
    /// to, a value too, if the time had passed. Returns what an errback may.
    template <typename Limit, typename F>
        requires(!std::is_convertible_v<F, std::string>)
    Deferred add_timeout(Clock& clock, Limit limit, F&& on_timeout,
                         SourceLocation added = SourceLocation::current()) &&;

    /// Lets several wait for it. Needs share.hpp included.
    SharedDeferred<T> share(SourceLocation made = SourceLocation::current()) &&;

    /// Keeps `objects` until it has its result, or has been dropped. Needs attach.hpp included, which says more.
    template <typename... Objects>
    typename detail::IncludeAttachHpp<T, Objects...>::Next attach(Objects&&... objects) &&;

    /// Lets it run on without an owner. `on_failure(Failure)` is not optional: it returns nothing that matters, and
    /// what it throws is reported as unhandled. A value at the end is dropped.
    template <typename F>
    void detach(F&& on_failure, SourceLocation added = SourceLocation::current()) &&;

    // A chain method takes its Deferred. On a variable each of these is an error that says so.
    template <typename... A>
    Deferred add_callback(A&&...) & {
        return detail::must_be_moved<Deferred, A...>();
    }
    template <typename... E, typename... A>
    Deferred add_errback(A&&...) & {
        return detail::must_be_moved<Deferred, A...>();
    }
    template <typename... A>
    Deferred add_both(A&&...) & {
        return detail::must_be_moved<Deferred, A...>();
    }
    template <typename... A>
    Deferred add_callbacks(A&&...) & {
        return detail::must_be_moved<Deferred, A...>();
    }
    template <typename... A>
    Deferred add_timeout(A&&...) & {
        return detail::must_be_moved<Deferred, A...>();
    }
    template <typename... A>
    void detach(A&&...) & {
        return detail::must_be_moved<void, A...>();
    }

    /// Asks the source to stop, and tells the chain: it sees what the canceller answers, or Cancelled. Goes to the
    /// innermost Deferred this one waits for; each canceller is asked at most once; where it did not answer, one late
    /// result is swallowed.
    /// Called from inside one of its own callbacks, it cancels the next thing the chain waits for. Nothing to do when
    /// ready. What a canceller throws is reported as unhandled and counts as no answer.
    void cancel();

    /// Holds the chain still until the Pause is unpaused or destroyed; see pause.hpp. A ready one waits from then on
    /// like one whose result is not here. From inside one of its own callbacks it holds what comes after that one.
    Pause pause(SourceLocation made = SourceLocation::current());

    /// A name for the chain, in dumps and reports of tracing (trace.hpp). Does nothing while that is off, nor for a
    /// ready one.
    Deferred named(std::string_view name) &&;

    // --- looking

    /// It has its result: nothing to wait for, no callback left to run, not paused.
    bool ready() const noexcept;

    /// False when empty: default-made, moved from, or taken.
    bool valid() const noexcept { return !slot_.is_empty(); }

    /// The result, leaving this empty. Fails: throws InvalidState unless ready().
    Result<T> take();

private:
    friend struct detail::Access;
    template <typename U>
    friend class Deferred;
    friend struct DeferredPair<T>;

    explicit Deferred(detail::Core* core) noexcept { slot_.set_pending(core); }
    template <typename Kind, typename U, typename F>
    Deferred<U> add(F&& f, SourceLocation added);
    template <typename U, typename Step>
    Deferred<U> append(Step step, SourceLocation added);
    bool waits() const noexcept;
    void settle();
    void move_into(detail::Slot<T>& out);
    void move_unusual_into(detail::Slot<T>& out);
    void dispose() noexcept;

    detail::Slot<T> slot_;
};

/// Delivers one result, once.
///
/// Lifetime: move-only. Destroyed unfired, it fails the Deferred with BrokenPromise: a forgotten reply is an error,
///           never a hang. Its own callbacks may destroy it.
/// Fails:    a second result throws AlreadyFired; using a moved-from one throws InvalidState.
/// Cancel:   once the Deferred was cancelled or dropped, wanted() is false and one result is ignored. A canceller that
///           answered has fired it: a result after that is a second one.
template <typename T>
class Promise {
public:
    Promise() noexcept = default;
    Promise(Promise&& other) noexcept
        : core_(std::exchange(other.core_, nullptr)),
          borrowed_(other.borrowed_),
          spent_(std::exchange(other.spent_, 0)) {}
    Promise& operator=(Promise&& other) noexcept {
        if (this == &other) return *this;
        Promise old(std::move(*this));
        core_ = std::exchange(other.core_, nullptr);
        borrowed_ = other.borrowed_;
        spent_ = std::exchange(other.spent_, 0);
        return *this;
    }
    ~Promise() {
        if (core_ != nullptr) break_promise();
    }

    /// Runs the waiting callbacks before returning. `fired` is for AlreadyFired, which with tracing on (trace.hpp) says
    /// where the first time was, and where the Promise was made.
    void callback(T value = T(), SourceLocation fired = SourceLocation::current());
    void errback(Failure failure, SourceLocation fired = SourceLocation::current());

    /// The same with an exception to hold: `promise.errback(zk::NoNode("/app"))`.
    template <typename E>
        requires std::is_base_of_v<std::exception, E>
    void errback(E error, SourceLocation origin = SourceLocation::current()) {
        errback(make_failure(std::move(error), origin), origin);
    }

    /// False once fired, cancelled or dropped: stop working.
    bool wanted() const noexcept { return core_ != nullptr && core_->wanted(); }

    /// Sets or replaces the canceller; see make_deferred. Does nothing when no longer wanted.
    template <typename F>
    void on_cancel(F&& canceller);

private:
    friend struct detail::Access;
    friend struct DeferredPair<T>;
    template <typename F, typename Answer>
    friend class detail::Canceller;

    explicit Promise(detail::Core* core, bool borrowed = false) noexcept : core_(core), borrowed_(borrowed) {}
    static Promise borrowed(detail::Core& core) noexcept;
    detail::HeapCore<T>& typed() const noexcept { return static_cast<detail::HeapCore<T>&>(*core_); }
    bool ready_to_fire(SourceLocation fired);
    void break_promise() noexcept;

    detail::Core* core_ = nullptr;
    bool borrowed_ = false;  // a canceller's own: its end breaks no promise
    detail::Spent spent_ = 0;
};

/// Both ends: `auto [deferred, promise] = make_deferred<int>();`
/// Lifetime: the Deferred goes first, so leaving both is a quiet cancel, not a BrokenPromise.
template <typename T>
struct DeferredPair {
    DeferredPair(Deferred<T> d, Promise<T> p) noexcept : deferred(std::move(d)), promise(std::move(p)) {}
    DeferredPair(DeferredPair&&) noexcept = default;
    DeferredPair& operator=(DeferredPair&&) noexcept = default;
    ~DeferredPair() { const Deferred<T> goes_first(std::move(deferred)); }

    Deferred<T> deferred;
    Promise<T> promise;

private:
    friend struct detail::Access;
    explicit DeferredPair(detail::Core* core) noexcept : deferred(core), promise(core) {}
};

/// A pending Deferred and the Promise that fires it.
template <typename T = Unit>
DeferredPair<T> make_deferred(SourceLocation made = SourceLocation::current());

/// With a canceller, `void()` or `void(Promise<T>&)`: asked, at most once, when the Deferred is cancelled or dropped
/// while the Promise is unfired. It may answer through its argument; else the chain sees Cancelled. Destroying the
/// Promise from it is no answer either. It is destroyed as soon as the Promise is fired.
template <typename T = Unit, typename F>
    requires(std::is_invocable_v<std::decay_t<F>&> || std::is_invocable_v<std::decay_t<F>&, Promise<T>&>)
DeferredPair<T> make_deferred(F&& canceller, SourceLocation made = SourceLocation::current());

/// A Deferred that has its value.
template <typename T>
Deferred<std::decay_t<T>> succeed(T&& value) {
    return Deferred<std::decay_t<T>>::succeed(std::forward<T>(value));
}
inline Deferred<> succeed() {
    return Deferred<>::succeed(Unit{});
}

/// A Deferred that has its Failure: `return fail<Stat>(make_failure(NoNode(path)));` or `fail<Stat>(NoNode(path))`.
template <typename T = Unit>
Deferred<T> fail(Failure failure) {
    return Deferred<T>::fail(std::move(failure));
}
template <typename T = Unit, typename E>
    requires std::is_base_of_v<std::exception, std::decay_t<E>>
Deferred<T> fail(E&& error, SourceLocation origin = SourceLocation::current()) {
    return Deferred<T>::fail(make_failure(std::decay_t<E>(std::forward<E>(error)), origin));
}

/// Fires `promise` with whatever `deferred` ends in. `promise` owns `deferred` from now on: cancelling or dropping the
/// promise's Deferred does the same to it. Any number in a row take constant stack.
/// Fails: throws AlreadyFired or InvalidState when `promise` can not be fired.
template <typename T>
void chain_deferred(Deferred<T> deferred, Promise<T> promise, SourceLocation chained = SourceLocation::current());

}  // namespace plait

#include "plait/deferred/detail/deferred_impl.hpp"
// Here so that every user of Deferred can write coroutines; it needs all of the above.
#include "plait/deferred/coroutine.hpp"

// AsyncResult: a result that threads may share, set, wait for and link callbacks to. Kazoo's IAsyncResult.
// Not a Deferred: it chains nothing and cancels nothing. async_bridge.hpp leads from one to the other and back.
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "plait/deferred/detail/async_core.hpp"
#include "plait/deferred/detail/async_state.hpp"
#include "plait/deferred/unit.hpp"

namespace plait {

/// One result, shared by all copies of this handle; set once, read by anybody.
///
///     AsyncResult<Children> result = client.get_children_async("/some/node");
///     result.rawlink([](AsyncResult<Children> r) { for (auto& child : r.get()) use(child); });    // or, elsewhere:
///     if (!result.wait(30s)) throw Unable("no answer");
///
/// Callbacks are called once each, in the order they were linked, in the thread that sets; linked to a result that is
/// ready, at once, in the thread that links. With a Dispatcher they are always handed to it instead. No lock is held
/// meanwhile: a callback may link and unlink others, and drop the last handle. What it throws is reported as an
/// unhandled failure and stops nothing. It runs in the context (context.hpp) in which it was linked, and is destroyed
/// when it has been called.
///
/// Fails:    a second set() or set_exception() throws AlreadyFired and changes nothing.
/// Lifetime: the result lives as long as one handle does. A callback that holds a handle to its own result keeps it
///           until it is set: use the argument. Dropping handles cancels nothing. The last one destroys callbacks that
///           were not called. References from get(), pointers from value() last as long as a handle.
/// Unread:   an exception that nobody was told of, by get(), exception() or successful(), is reported as unhandled by
///           the last handle; Cancelled is not.
/// Threads:  any, all members, with one handle for each thread or one for all.
/// Source:   IAsyncResult of kazoo, mended: there a second set overwrites and calls every callback again, and so does
///           linking late.
template <typename T = Unit>
class AsyncResult {
public:
    using value_type = T;

    /// Not set yet. Whoever is to set it is better given an AsyncProducer, which cannot be forgotten.
    AsyncResult(SourceLocation made = SourceLocation::current()) : AsyncResult(Dispatcher(), made) {}
    explicit AsyncResult(Dispatcher dispatcher, SourceLocation made = SourceLocation::current())
        : state_(std::make_shared<detail::AsyncState<T>>(std::move(dispatcher), made)) {}

    // --- looking

    /// It holds a value or an exception.
    bool ready() const noexcept { return state_->ready(); }
    /// It holds a value.
    bool successful() const noexcept { return state_->has_value() || (state_->saw_failure(), false); }
    /// Null unless successful().
    const T* value() const noexcept { return state_->has_value() ? &*state_->value : nullptr; }
    /// Null unless set_exception() was called.
    std::exception_ptr exception() const noexcept { return state_->exception(); }

    // --- setting. Wakes all who wait, then calls what is linked, before it returns.

    void set(T value = T()) const { AsyncResult(*this).state_->set(std::move(value)); }

    /// Fails: throws InvalidState when `error` is null.
    void set_exception(std::exception_ptr error) const { AsyncResult(*this).state_->set_exception(std::move(error)); }
    template <typename E>
        requires std::is_base_of_v<std::exception, E>
    void set_exception(E error) const {
        set_exception(std::make_exception_ptr(std::move(error)));
    }

    // --- waiting

    /// The value. Waits for it, for as long as it takes or for `timeout`.
    /// Fails: throws the exception it was set to; TimeoutError when it is not set in time, or not set and `block` is
    ///        false; InvalidState where only this thread can set it (see Dispatcher).
    const T& get() const& { return state_->get(true, std::nullopt); }
    const T& get(std::chrono::nanoseconds timeout) const& { return state_->get(true, timeout); }
    const T& get(bool block, std::optional<std::chrono::nanoseconds> timeout = std::nullopt) const& {
        return state_->get(block, timeout);
    }

    /// The same of a handle that is about to go: a copy.
    T get() const&& { return state_->copy(true, std::nullopt); }
    T get(std::chrono::nanoseconds timeout) const&& { return state_->copy(true, timeout); }
    T get(bool block, std::optional<std::chrono::nanoseconds> timeout = std::nullopt) const&& {
        return state_->copy(block, timeout);
    }

    /// The value, if it is here; never waits. Fails: as get().
    const T& get_nowait() const& { return get(false); }
    T get_nowait() const&& { return state_->copy(false, std::nullopt); }

    /// Waits until it is ready(), however it ended. False: it took longer than `timeout`.
    /// Fails: throws InvalidState where only this thread can set it (see Dispatcher).
    bool wait() const { return state_->wait(std::nullopt); }
    bool wait(std::optional<std::chrono::nanoseconds> timeout) const { return state_->wait(timeout); }

    // --- callbacks

    /// Has `callback(AsyncResult<T>)` called when it is set. One linked twice is called twice.
    template <typename F>
    LinkId rawlink(F&& callback) const {
        using Held = std::decay_t<F>;
        static_assert(std::is_invocable_v<Held&, AsyncResult&>,
                      "this callback cannot take the result: rawlink calls f(AsyncResult<T>)");
        const AsyncResult self(*this);  // the callback may destroy this handle
        return self.state_->link([held = Held(std::forward<F>(callback))](const detail::AsyncCorePtr& core) mutable {
            AsyncResult result(std::static_pointer_cast<detail::AsyncState<T>>(core));
            static_cast<void>(held(result));
        });
    }

    /// Takes a callback back. True: it is destroyed and was never called, nor will be. False: it was called, or is
    /// being called, or the link is of something else; then nothing happens, and a running callback is not waited for.
    bool unlink(LinkId link) const { return AsyncResult(*this).state_->unlink(link); }

    /// Two handles of one result.
    friend bool operator==(const AsyncResult&, const AsyncResult&) noexcept = default;

private:
    template <typename U>
    friend class AsyncProducer;
    friend struct detail::AsyncAccess;

    explicit AsyncResult(std::shared_ptr<detail::AsyncState<T>> state) noexcept : state_(std::move(state)) {}

    std::shared_ptr<detail::AsyncState<T>> state_;
};

/// The duty to set an AsyncResult: hand it, move-only, to whoever does the work.
///
///     AsyncResult<Rows> rows;
///     reactor.call_from_thread([p = AsyncProducer<Rows>(rows)]() mutable { p.set(read_rows()); });
///
/// Lifetime: destroyed before the result was set, it sets BrokenPromise: a forgotten answer is an error, never a hang.
///           It keeps the result.
/// Threads:  one at a time.
template <typename T = Unit>
class AsyncProducer {
public:
    explicit AsyncProducer(AsyncResult<T> result) noexcept : state_(std::move(result.state_)) {}
    AsyncProducer(AsyncProducer&&) noexcept = default;
    AsyncProducer& operator=(AsyncProducer&& other) noexcept {
        AsyncProducer old(std::move(*this));
        state_ = std::move(other.state_);
        return *this;
    }
    ~AsyncProducer() {
        if (state_) state_->break_promise();
    }

    /// As those of AsyncResult. A producer that was used or moved from throws InvalidState.
    void set(T value = T()) { AsyncProducer(std::move(*this)).state().set(std::move(value)); }
    void set_exception(std::exception_ptr error) {
        AsyncProducer(std::move(*this)).state().set_exception(std::move(error));
    }
    template <typename E>
        requires std::is_base_of_v<std::exception, E>
    void set_exception(E error) {
        set_exception(std::make_exception_ptr(std::move(error)));
    }

private:
    // Of one on the stack, since the callbacks may destroy the producer that was used.
    detail::AsyncState<T>& state() const {
        if (!state_) detail::throw_used_producer();
        return *state_;
    }

    std::shared_ptr<detail::AsyncState<T>> state_;
};

template <typename T>
AsyncProducer(AsyncResult<T>) -> AsyncProducer<T>;

}  // namespace plait

// Bodies of the templates in deferred.hpp, apart so that that one reads as the manual.
// Not to be included alone.
#pragma once

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/misuse.hpp"

namespace plait {

namespace detail {

struct Access {
    template <typename T>
    static Slot<T>& slot(Deferred<T>& deferred) noexcept {
        return deferred.slot_;
    }
    template <typename T>
    static const Slot<T>& slot(const Deferred<T>& deferred) noexcept {
        return deferred.slot_;
    }
    template <typename T>
    static Deferred<T> pending(Core* core) noexcept {
        return Deferred<T>(core);
    }
    template <typename T>
    static DeferredPair<T> pair(HeapCore<T>* core) noexcept {
        return DeferredPair<T>(core);
    }
    template <typename T>
    static const Core* core(const Promise<T>& promise) noexcept {
        return promise.core_;
    }
    /// Whether the promise takes a result now. False: it is swallowed. Throws when there can be none.
    template <typename T>
    static bool ready_to_fire(Promise<T>& promise, SourceLocation fired = SourceLocation::current()) {
        return promise.ready_to_fire(fired);
    }
    /// With what is in the first slot.
    template <typename T>
    static void fire(Promise<T>& promise) noexcept {
        HeapCore<T>* core = release_fired(promise);
        core->fire_first();
        core->release();
    }
    /// With `outcome`, which is taken over; where moving it throws, with that.
    template <typename T>
    static void fire_with(Promise<T> promise, Slot<T>& outcome) {
        if (!ready_to_fire(promise)) return;
        promise.typed().first().take(outcome);
        fire(promise);
    }
    template <typename T>
    static HeapCore<T>* release_fired(Promise<T>& promise) noexcept {
        promise.spent_ |= 1;
        return static_cast<HeapCore<T>*>(std::exchange(promise.core_, nullptr));
    }
    /// Continues `deferred` with a step of the library's own.
    template <typename U, typename T, typename Step>
    static Deferred<U> append(Deferred<T>& deferred, Step step, SourceLocation added) {
        return deferred.template append<U>(std::move(step), added);
    }
    /// Empties `deferred` into `out`, taking over a result that is here.
    template <typename T>
    static void move_into(Deferred<T>& deferred, Slot<T>& out) {
        deferred.move_into(out);
    }
};

template <typename U>
void store_deferred(Slot<U>& out, Deferred<U> returned) {
    Access::move_into(returned, out);
}

}  // namespace detail

// Deferred -----------------------------------------------------------------------------------------------------------

template <typename T>
Deferred<T> Deferred<T>::succeed(T value) {
    Deferred made;
    made.slot_.set_value(std::move(value));
    return made;
}

template <typename T>
Deferred<T> Deferred<T>::fail(Failure failure) {
    Deferred made;
    made.slot_.set_failure(std::move(failure));
    return made;
}

/// Empties this into `out`: a result that is here, or a Core to wait for.
template <typename T>
inline void Deferred<T>::move_into(detail::Slot<T>& out) {
    if (slot_.is_value()) [[likely]] {
        out.take_value(slot_);
    } else {
        move_unusual_into(out);
    }
}

template <typename T>
[[gnu::noinline]] void Deferred<T>::move_unusual_into(detail::Slot<T>& out) {
    if (slot_.is_empty()) detail::throw_empty_deferred("used", slot_.core_that_left());
    if (!slot_.is_pending() || !slot_.core()->settled()) return out.take(slot_);
    detail::Core* core = slot_.release_core();
    out.take(*static_cast<detail::Slot<T>*>(core->slot()));
    core->release();
}

/// Takes a result that is here out of its Core, so that what follows sees a ready Deferred or a waiting one.
template <typename T>
void Deferred<T>::settle() {
    if (waits()) return;
    detail::Slot<T> result;
    move_into(result);
    slot_.take(result);
}

template <typename T>
inline bool Deferred<T>::waits() const noexcept {
    return slot_.is_pending() && !slot_.core()->settled();
}

template <typename T>
void Deferred<T>::dispose() noexcept {
    if (slot_.is_pending()) {
        detail::drop(slot_.release_core());
    } else if (slot_.is_failure()) {
        report_unhandled_failure(slot_.failure(), slot_.failure().origin());
    }
}

// See Slot: the same warning, about `in`.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

template <typename T>
template <typename U, typename Step>
[[gnu::always_inline]] inline Deferred<U> Deferred<T>::append(Step&& step, SourceLocation added) {
    static_assert(std::is_nothrow_destructible_v<Step>,
                  "a callback's captures must not throw when they are destroyed: nobody is there to catch it");
    Deferred<U> next;
    if (waits()) {
        detail::Core& core = *slot_.core();
        core.keep_context();
        core.append(detail::make_in<detail::StepLink<Step, T, U>>(core, std::forward<Step>(step), added));
        next.slot_.set_pending(slot_.release_core());
    } else {
        detail::Slot<T> in;  // the callback may look at, or destroy, this object
        move_into(in);
        detail::run_step(step, in, next.slot_, added);
    }
    return next;
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

template <typename T>
template <typename F>
detail::AfterValue<F, T> Deferred<T>::add_callback(F&& f, SourceLocation added) && {
    using Step = detail::OnValue<std::decay_t<F>>;
    detail::require_function<std::decay_t<F>>(f, "add_callback()");
    return append<detail::step_output<Step, T>>(Step{std::forward<F>(f)}, added);
}

template <typename T>
template <typename F>
Deferred<T> Deferred<T>::add_errback(F&& f, SourceLocation added) && {
    using Step = detail::OnFailure<std::decay_t<F>>;
    detail::require_function<std::decay_t<F>>(f, "add_errback()");
    return append<detail::step_output<Step, T>>(Step{std::forward<F>(f)}, added);
}

template <typename T>
template <typename E, typename F>
Deferred<T> Deferred<T>::add_errback(F&& f, SourceLocation added) && {
    using Step = detail::OnException<E, std::decay_t<F>>;
    detail::require_function<std::decay_t<F>>(f, "add_errback()");
    return append<detail::step_output<Step, T>>(Step{std::forward<F>(f)}, added);
}

template <typename T>
template <typename F>
detail::AfterResult<F, T> Deferred<T>::add_both(F&& f, SourceLocation added) && {
    using Step = detail::OnBoth<std::decay_t<F>>;
    detail::require_function<std::decay_t<F>>(f, "add_both()");
    return append<detail::step_output<Step, T>>(Step{std::forward<F>(f)}, added);
}

template <typename T>
template <typename F, typename G>
detail::AfterValue<F, T> Deferred<T>::add_callbacks(F&& on_value, G&& on_failure, SourceLocation added) && {
    using Step = detail::OnEither<std::decay_t<F>, std::decay_t<G>>;
    detail::require_function<std::decay_t<F>>(on_value, "add_callbacks()");
    detail::require_function<std::decay_t<G>>(on_failure, "add_callbacks()");
    return append<detail::step_output<Step, T>>(Step{std::forward<F>(on_value), std::forward<G>(on_failure)}, added);
}

template <typename T>
template <typename F>
void Deferred<T>::detach(F&& on_failure, SourceLocation added) && {
    using Handler = std::decay_t<F>;
    static_assert(detail::TakesFailure<Handler>, "this handler cannot take a Failure: detach calls f(const Failure&)");
    detail::require_function<Handler>(on_failure, "detach()");
    auto handle = [handler = Handler(std::forward<F>(on_failure))](const Failure& failure) mutable {
        using R = decltype(handler(failure));
        static_assert(std::is_same_v<detail::unwrapped<R>, std::remove_cvref_t<R>> || std::is_void_v<R>,
                      "nobody would wait for the Deferred or see the Result that this handler returns");
        static_cast<void>(handler(failure));
    };
    auto last = std::move(*this).add_callbacks([](const T&) {}, std::move(handle), added);
    if (last.slot_.is_pending()) last.slot_.release_core()->detach();
}

template <typename T>
void Deferred<T>::cancel() {
    if (slot_.is_empty()) detail::throw_empty_deferred("cancelled", slot_.core_that_left());
    if (slot_.is_pending()) detail::cancel(slot_.core());
}

template <typename T>
Pause Deferred<T>::pause(SourceLocation made) {
    if (slot_.is_empty()) detail::throw_empty_deferred("paused", slot_.core_that_left());
    if (!slot_.is_pending()) {
        auto* core = new detail::HeapCore<T>(slot_.is_failure() ? slot_.failure().origin() : made);
        core->start_with(slot_);
        slot_.set_pending(core);
    }
    return Pause(*slot_.core());
}

template <typename T>
Deferred<T> Deferred<T>::named(std::string_view name) && {
    if (slot_.is_pending() && slot_.core()->traced()) [[unlikely]]
        detail::trace_named(*slot_.core(), name);
    return std::move(*this);
}

template <typename T>
bool Deferred<T>::ready() const noexcept {
    return slot_.is_value() || slot_.is_failure() || (slot_.is_pending() && slot_.core()->settled());
}

template <typename T>
Result<T> Deferred<T>::take() {
    if (waits()) detail::throw_not_ready(slot_.core()->made());
    Result<T> result;
    move_into(result.slot_);
    return result;
}

// Promise ------------------------------------------------------------------------------------------------------------

template <typename T>
void Promise<T>::break_promise() noexcept {
    if (!borrowed_ && core_->wanted() && !core_->asking_canceller()) {
        typed().first().set_failure(make_failure(BrokenPromise(), core_->made()));
        typed().fire_first();
    }
    core_->release();
}

/// Whether the promise takes a result now. False: it is swallowed. Throws when there can be none.
template <typename T>
inline bool Promise<T>::ready_to_fire(SourceLocation fired) {
    if (wanted()) {
        if (core_->traced()) [[unlikely]]
            spent_ = detail::trace_fired(*core_, fired);
        return true;
    }
    detail::throw_unless_swallowed(core_, spent_, fired);
    spent_ |= 1;
    std::exchange(core_, nullptr)->release();
    return false;
}

template <typename T>
void Promise<T>::callback(T value, SourceLocation fired) {
    if (!ready_to_fire(fired)) return;
    typed().first().set_value(std::move(value));
    detail::Access::fire(*this);
}

template <typename T>
void Promise<T>::errback(Failure failure, SourceLocation fired) {
    if (!ready_to_fire(fired)) return;
    typed().first().set_failure(std::move(failure));
    detail::Access::fire(*this);
}

template <typename T>
Promise<T> Promise<T>::borrowed(detail::Core& core) noexcept {
    core.retain();
    return Promise(&core, true);
}

template <typename T>
template <typename F>
void Promise<T>::on_cancel(F&& canceller) {
    using Held = std::decay_t<F>;
    static_assert(std::is_invocable_v<Held&> || std::is_invocable_v<Held&, Promise&>,
                  "a canceller is called as f() or f(Promise<T>&)");
    static_assert(std::is_nothrow_destructible_v<Held>,
                  "a canceller's captures must not throw when they are destroyed");
    detail::require_function<Held>(canceller, "on_cancel()");
    if (!wanted()) return;
    core_->set_canceller(detail::make_in<detail::Canceller<Held, Promise>>(*core_, Held(std::forward<F>(canceller))));
}

// Free functions -----------------------------------------------------------------------------------------------------

template <typename T>
DeferredPair<T> make_deferred(SourceLocation made) {
    auto* core = new detail::HeapCore<T>(made);
    core->retain();  // two owners: the ends
    return detail::Access::pair(core);
}

template <typename T, typename F>
    requires(std::is_invocable_v<std::decay_t<F>&> || std::is_invocable_v<std::decay_t<F>&, Promise<T>&>)
DeferredPair<T> make_deferred(F&& canceller, SourceLocation made) {
    auto pair = make_deferred<T>(made);
    pair.promise.on_cancel(std::forward<F>(canceller));
    return pair;
}

template <typename T>
void chain_deferred(Deferred<T> deferred, Promise<T> promise, SourceLocation chained) {
    if (!detail::Access::ready_to_fire(promise, chained)) return;
    detail::Slot<T> in;
    detail::Access::move_into(deferred, in);
    auto* core = detail::Access::release_fired(promise);
    if (in.is_pending()) {
        core->fire_with(in.release_core(), &core->first(), &detail::transfer_slot<T>, &detail::discard_slot<T>);
    } else {
        core->first().take(in);
        core->fire_first();
    }
    core->release();
}

}  // namespace plait

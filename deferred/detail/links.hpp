// A step kept in a pending chain, with room for its result; and a canceller kept beside it.
// Not for ready Deferreds: their steps run at once and are never stored.
#pragma once

#include "plait/deferred/detail/failure_way.hpp"
#include "plait/deferred/detail/heap_core.hpp"
#include "plait/deferred/detail/steps.hpp"

namespace plait::detail {

// What follows a step that failed or was given a Failure: apart from it, since it is the same for all callbacks of a
// type.

template <typename U>
[[gnu::noinline, gnu::cold]] void step_threw(const Failure* before, Slot<U>& out, SourceLocation added) noexcept {
    out.set_failure(thrown_by_step(before, added));
}

template <typename T, typename U>
[[gnu::noinline, gnu::cold]] void step_had_failure(Slot<T>& in, Slot<U>& out, SourceLocation added) noexcept {
    if (out.is_failure() && in.is_failure()) note_step(in.failure(), out.failure(), added);
    in.reset();
}

template <typename T, typename U>
[[gnu::noinline, gnu::cold]] void skip_step(Slot<T>& in, Slot<U>& out, SourceLocation added) noexcept {
    out.set_failure(std::move(in.failure()));
    step_had_failure(in, out, added);
}

/// `Kind` is one of those in detail/steps.hpp.
template <typename Kind, typename F, typename T, typename U>
[[gnu::always_inline]] inline void run_step(F& f, Slot<T>& in, Slot<U>& out, const SourceLocation& added) noexcept {
    if constexpr (Kind::skips_failures) {
        if (in.is_failure()) [[unlikely]]
            return skip_step(in, out, added);
        try {
            Kind::run(f, in, out);
        } catch (...) {
            step_threw(nullptr, out, added);
        }
    } else {
        const bool failed = in.is_failure();
        try {
            Kind::run(f, in, out);
        } catch (...) {
            step_threw(failed ? &in.failure() : nullptr, out, added);
        }
        if (failed) [[unlikely]]
            return step_had_failure(in, out, added);
    }
    in.discard_value();
}

template <typename U>
[[gnu::noinline]] void wait_for_returned(Core& core, Slot<U>& out) noexcept {
    core.wait_for(out.release_core(), &out, &transfer_slot<U>);
}

/// A link and its result. The arena frees it without destroying: by then the callback is gone and the slot is empty.
template <typename U>
struct LinkWithSlot : Link {
    LinkWithSlot(void (*how)(Link&, Core*) noexcept, SourceLocation where) noexcept : Link{how}, added(where) {}

    SourceLocation added;
    // A callback without captures takes no room: it lies in the slot's padding.
    [[no_unique_address]] Slot<U> out;
};

template <typename F, typename U>
struct StepLink final : LinkWithSlot<U> {
    F f;
};

template <typename Kind, typename F, typename T, typename U>
void end_link(Link& base, Core* core) noexcept {
    auto& self = static_cast<StepLink<F, U>&>(base);
    if (core != nullptr) run_step<Kind>(self.f, *static_cast<Slot<T>*>(core->slot()), self.out, self.added);
    self.f.~F();
    if (core == nullptr) return;
    core->set_result(&self.out, &discard_slot<U>);
    if (self.out.is_pending()) wait_for_returned(*core, self.out);
}

/// `call` answers or not; `F` is called with the means to answer, or with nothing.
template <typename F, typename Answer>
class Canceller final : public CancelNode {
public:
    explicit Canceller(F&& f) : CancelNode{&call_it, &destroy_it}, f_(std::move(f)) {}

private:
    static void call_it(CancelNode& base, Core& core) {
        F& f = static_cast<Canceller&>(base).f_;
        if constexpr (std::is_invocable_v<F&, Answer&>) {
            Answer answer = Answer::borrowed(core);
            f(answer);
        } else {
            f();
        }
    }
    static void destroy_it(CancelNode& base) noexcept { static_cast<Canceller&>(base).~Canceller(); }

    F f_;
};

}  // namespace plait::detail

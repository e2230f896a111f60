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

template <typename Step, typename T, typename U>
[[gnu::always_inline]] inline void run_step(Step& step, Slot<T>& in, Slot<U>& out, SourceLocation added) noexcept {
    const bool failed = in.is_failure();
    try {
        step.run(in, out);
    } catch (...) {
        step_threw(failed ? &in.failure() : nullptr, out, added);
    }
    if (failed) [[unlikely]]
        return step_had_failure(in, out, added);
    in.discard_value();
}

/// Whether a step may leave a Deferred to wait for.
template <typename Step, typename T>
inline constexpr bool may_wait = true;
template <typename F, typename T>
inline constexpr bool may_wait<OnValue<F>, T> = is_deferred<std::remove_cvref_t<value_call_result<F, T>>>;

template <typename Step, typename T, typename U>
class StepLink final : public Link {
public:
    StepLink(Step&& step, SourceLocation added) : Link{&end_link}, added_(added) {
        ::new (static_cast<void*>(&step_)) Step(std::move(step));
    }
    StepLink(const StepLink&) = delete;
    StepLink& operator=(const StepLink&) = delete;

private:
    // The arena frees without destroying: by then the step is gone and the slot is empty.
    ~StepLink() = delete;

    static void end_link(Link& base, Core* core) noexcept {
        auto& self = static_cast<StepLink&>(base);
        if (core == nullptr) return self.step_.~Step();
        run_step(self.step_, *static_cast<Slot<T>*>(core->slot()), self.out_, self.added_);
        self.step_.~Step();
        core->set_result(&self.out_, &discard_slot<U>);
        if constexpr (may_wait<Step, T>) {
            if (self.out_.is_pending()) core->wait_for(self.out_.release_core(), &self.out_, &transfer_slot<U>);
        }
    }

    SourceLocation added_;
    // A callback without captures takes no room: it lies in the slot's padding.
    [[no_unique_address]] Slot<U> out_;
    union {
        Step step_;
    };
};

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

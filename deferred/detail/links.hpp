// A step kept in a pending chain, with room for its result; and a canceller kept beside it.
// Not for ready Deferreds: their steps run at once and are never stored.
#pragma once

#include "plait/deferred/detail/failure_way.hpp"
#include "plait/deferred/detail/heap_core.hpp"
#include "plait/deferred/detail/steps.hpp"

namespace plait::detail {

template <typename Step, typename T, typename U>
void run_step(Step& step, Slot<T>& in, Slot<U>& out, SourceLocation added) noexcept {
    try {
        step.run(in, out);
    } catch (...) {
        out.set_failure(thrown_by_step(in.is_failure() ? &in.failure() : nullptr, added));
    }
    if (out.is_failure() && in.is_failure()) note_step(in.failure(), out.failure(), added);
    in.reset();
}

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
        if (core != nullptr) run_step(self.step_, *static_cast<Slot<T>*>(core->slot()), self.out_, self.added_);
        self.step_.~Step();
        if (core == nullptr) return;
        core->set_result(&self.out_, &discard_slot<U>);
        if (self.out_.is_pending()) core->wait_for(self.out_.release_core(), &self.out_, &transfer_slot<U>);
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

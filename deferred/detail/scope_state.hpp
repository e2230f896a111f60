// What a Scope is made of: the list of its tasks, the sink and the waiters.
// Held by the Scope and by each stack frame that is inside it, so that the Scope may be destroyed from there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/counted.hpp"
#include "plait/deferred/detail/keep.hpp"
#include "plait/deferred/detail/ring.hpp"
#include "plait/deferred/detail/waiters.hpp"
#include "plait/deferred/maybe.hpp"
#include "plait/deferred/unique_function.hpp"

namespace plait::detail {

struct ScopeTask final : RingLink {
    Deferred<> task;
    bool cancelled = false;
};

class ScopeState final : public Counted {
public:
    using Sink = UniqueFunction<void(const Failure&)>;
    explicit ScopeState(Sink sink);

    void require_open() const;

    template <typename T>
    static void spawn(const Ref<ScopeState>& scope, Deferred<T> task) {
        const Ref<ScopeState> state = scope;  // the Scope may go meanwhile
        require_task(task.valid());
        state->enter();
        state->add(std::move(task));
    }

    template <typename F>
    static void start(const Ref<ScopeState>& scope, typename Kept<F>::Owner kept) {
        const Ref<ScopeState> state = scope;
        const std::uint64_t cancels = state->cancels_;
        state->enter();
        auto task = maybe_deferred(kept->object);
        keep_with(task, std::move(kept));
        if (cancels != state->cancels_ && task.valid()) task.cancel();
        state->add(std::move(task), cancels != state->cancels_);
    }

    void cancel_all() noexcept;
    Deferred<> close();
    Deferred<> when_empty();
    void destroy() noexcept;

    std::size_t size() const noexcept { return size_; }
    bool closing() const noexcept { return closing_; }

private:
    ~ScopeState() override;

    static void require_task(bool valid);
    void enter() noexcept { ++size_; }
    void leave(const Failure* told) noexcept;
    void end(ScopeTask& task, const Failure* failure) noexcept;

    template <typename T>
    void add(Deferred<T> task, bool cancelled = false) {
        if (destroyed_) return;
        if (task.ready()) {
            const Result<T> result = task.take();
            const bool told = !result.has_value() && !(cancelled && is_cancelled(result.failure()));
            return leave(told ? &result.failure() : nullptr);
        }
        auto entry = std::make_unique<ScopeTask>();
        ScopeTask& added = *entry;
        entry->cancelled = cancelled;
        entry->task = std::move(task).add_callbacks([this, &added](const T&) { end(added, nullptr); },
                                                    [this, &added](const Failure& failure) { end(added, &failure); });
        tasks_.push_back(*entry.release());
    }

    static bool is_cancelled(const Failure& failure) noexcept { return failure.check<Cancelled>() != nullptr; }

    Sink sink_;
    Ring<ScopeTask> tasks_;
    Ring<ScopeTask> cancelling_;  // cancel_all() has yet to come to these
    std::size_t size_ = 0;
    std::uint64_t cancels_ = 0;
    Waiters waiters_;
    bool closing_ = false;
    bool destroyed_ = false;
};

}  // namespace plait::detail

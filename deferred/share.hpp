// SharedDeferred: one result for several waiters. Deferred::share() makes it.
// Not a cache that asks again: it has one source, which fires once.
#pragma once

#include <memory>
#include <utility>

#include "plait/deferred/detail/shared_state.hpp"

namespace plait {

/// Copyable; each branch() is a Deferred of its own, with the value or the Failure copied to it.
///
///     SharedDeferred<Config> config = load().share();
///     config.branch().add_callback(start_web).detach(log_failure);
///     const Config c = co_await config;
///
/// Fires:    branches in the order they were made, from where the source fires; one made later is ready at once. One
///           made from inside a branch's callback, while others are still to be told, waits for them.
/// Fails:    each branch with the source's Failure, or with what copying the value threw. A branch that drops its copy
///           unread reports it, as each Deferred does; where there was no branch, the last of the SharedDeferreds does,
///           once. Using an empty SharedDeferred throws InvalidState.
/// Cancel:   cancelling a branch tells that branch alone: it sees Cancelled, and the source and the others go on.
///           cancel() here cancels the source, and tells all.
/// Lifetime: copies and waiting branches own the source together; when the last of them goes while it waits, the source
///           is dropped, and so cancelled. All of them may be dropped from inside a branch's callback.
/// Cost:     two allocations, and two a waiting branch. A source that is itself a branch of another SharedDeferred is
///           fired from inside that one: some stack for each level.
/// Threads:  one; the pointers that branch_ref() gives may go to others.
template <typename T = Unit>
class SharedDeferred {
public:
    /// Empty: a place to copy one into.
    SharedDeferred() noexcept = default;
    explicit SharedDeferred(Deferred<T> source, SourceLocation made = SourceLocation::current())
        : state_(detail::make_counted<detail::SharedState>(made)) {
        state_->follow(std::move(source));
    }

    /// A waiter of its own, with a copy of the value.
    Deferred<T> branch(SourceLocation made = SourceLocation::current()) const
        requires std::is_copy_constructible_v<T>
    {
        return state().wait(made).add_callback([shared = state_] { return T(value_of(*shared)); }, made);
    }

    /// A waiter that gets a pointer to the one value: for what is large, or can not be copied.
    Deferred<std::shared_ptr<const T>> branch_ref(SourceLocation made = SourceLocation::current()) const {
        return state().wait(made).add_callback(
            [shared = state_] { return std::static_pointer_cast<const T>(shared->value()); }, made);
    }

    /// `co_await shared`: a branch of it, with a copy of the value.
    Deferred<T> operator co_await() const
        requires std::is_copy_constructible_v<T>
    {
        return branch();
    }

    /// Cancels the source for all; nothing to do when it has ended.
    void cancel() { state().cancel(); }

    /// The source has ended.
    bool ready() const noexcept { return valid() && state_->ready(); }
    /// False when empty: default-made or moved from.
    bool valid() const noexcept { return static_cast<bool>(state_); }

private:
    detail::SharedState& state() const {
        if (!state_) throw InvalidState("An empty SharedDeferred was used: it was default-made or moved from.");
        return *state_;
    }
    static const T& value_of(const detail::SharedState& state) { return *static_cast<const T*>(state.value().get()); }

    detail::Ref<detail::SharedState> state_;
};

template <typename T>
SharedDeferred<T> Deferred<T>::share(SourceLocation made) && {
    return SharedDeferred<T>(std::move(*this), made);
}

}  // namespace plait

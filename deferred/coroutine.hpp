// co_await any Deferred; any coroutine may return one. What inlineCallbacks is in Twisted.
// Not lazy and not a scheduler: the body runs at once up to its first wait, and goes on where its result is fired.
#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/coroutine_core.hpp"

namespace plait {

///     Deferred<int> total(Client& client) {
///         int sum = 0;
///         for (const char* name : {"a", "b"}) sum += co_await client.size(name);
///         co_return sum;
///     }
///
/// `co_await std::move(deferred)` or `co_await f()` gives the value, or throws the Failure's exception. A ready one
/// neither suspends nor allocates. What the body throws fails its Deferred; a Failure thrown at an await and let out
/// keeps its origin, and notes the await. The awaited Deferred belongs to the coroutine. An over-aligned result
/// (alignas(64)) comes as a std::unique_ptr<T>, because the frames of today's compilers are aligned for nothing more
/// than max_align_t; it is returned by value, as anything else.
///
/// Nothing but a Deferred can be awaited; a class of yours can if it has an `operator co_await` that gives a Deferred.
///
/// Cancel:   cancel() on the coroutine's Deferred cancels what it awaits; the body sees Cancelled (or the canceller's
///           answer) there, and may catch it and go on. A second cancel() then cancels the next wait.
/// Fails:    awaiting an empty Deferred (awaited before, moved from) throws InvalidState at the await.
/// Lifetime: dropping the Deferred of a suspended coroutine cancels what it awaits, then destroys its locals and
///           parameters; it is never resumed. Reference parameters must live until its Deferred fires or is dropped. A
///           lambda's captures are such a reference: they die with the lambda object, not with the coroutine. Pass what
///           a lambda coroutine needs as parameters, by value, or use run_coroutine() and keep_captures().
/// Threads:  the one where the awaited Deferreds are fired.

/// Runs a coroutine lambda that has captures, and keeps it and `arguments` until the coroutine has ended.
///
///     auto stored = run_coroutine([this, key]() -> Deferred<> { co_await open(); co_await put(key, value_); });
///
/// Called plainly, `[this, key]() -> Deferred<> {...}()` would read `key` after its end, from the first wait on: the
/// captures live in the lambda object, a temporary, while the coroutine's frame only points to it.
///
/// Fires:    as the coroutine does. Costs a second frame.
/// Lifetime: the coroutine ends first, then the arguments and the captures. Arguments are copied or moved in; use
///           std::ref for what shall be a reference.
template <typename F, typename... Arguments>
    requires detail::is_deferred<std::invoke_result_t<F&, Arguments...>>
std::invoke_result_t<F&, Arguments...> run_coroutine(F coroutine, Arguments... arguments) {
    using T = typename std::invoke_result_t<F&, Arguments...>::value_type;
    auto running = std::invoke(coroutine, std::forward<Arguments>(arguments)...);
    if constexpr (std::is_same_v<T, Unit>) {
        co_await std::move(running);
    } else if constexpr (detail::over_aligned<T>) {
        auto box = co_await std::move(running);
        co_return std::move(*box);
    } else {
        co_return co_await std::move(running);
    }
}

/// What keep_captures() gives: called once, with the coroutine's arguments.
template <typename F>
class KeptCoroutine {
public:
    explicit KeptCoroutine(F coroutine) : coroutine_(std::move(coroutine)) {}

    template <typename... Arguments>
        requires std::is_invocable_v<F&, Arguments...>
    std::invoke_result_t<F&, std::decay_t<Arguments>...> operator()(Arguments&&... arguments) {
        if (!coroutine_) {
            throw InvalidState(
                "A coroutine from keep_captures() was called twice: its captures went with the first call. Make one "
                "for each call.");
        }
        F coroutine = std::move(*coroutine_);
        coroutine_.reset();
        return run_coroutine<F, std::decay_t<Arguments>...>(std::move(coroutine),
                                                            std::forward<Arguments>(arguments)...);
    }

private:
    std::optional<F> coroutine_;
};

/// The same for a callback: a chain destroys a callback when it has returned, and a coroutine returns at its first
/// wait.
///
///     client.get(path).add_callback(keep_captures([this, path](Node node) -> Deferred<> {
///         co_await store(node);
///         log(path);
///     }));
///
/// Fails:    called a second time, throws InvalidState.
template <typename F>
KeptCoroutine<std::decay_t<F>> keep_captures(F&& coroutine) {
    return KeptCoroutine<std::decay_t<F>>(std::forward<F>(coroutine));
}

}  // namespace plait

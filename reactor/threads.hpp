// Between a reactor and threads: work sent to a ThreadPool whose result comes home as a Deferred, and calls made in the
// reactor by a thread that waits for them. For calls nobody waits for there is Reactor::call_from_thread.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/detail/blocking_call.hpp"
#include "plait/reactor/detail/thread_work.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/thread_pool.hpp"

namespace plait {

/// Calls `function` in a thread of `pool`; fires in the reactor's thread with what it returned.
///
///     Deferred<std::string> reading = defer_to_thread(reactor, [path] { return read_whole_file(path); });
///     const std::string text = co_await std::move(reading);
///
/// `function` runs in the context of now, and is destroyed in its thread. It returns a value or nothing, move-only
/// values too, but no Deferred: there is no loop to fire it.
/// Fails:    with what it threw; at once with ThreadPoolFull, or with std::system_error when there is no thread to be
///           had; with ThreadPoolStopped when the pool was stopped before it began; with ReactorStopped when the
///           reactor shut down, or was destroyed, before the result was home.
/// Cancel:   work that has not begun is taken back; what has begun runs on, and its result is dropped. Dropping
///           likewise. `function` may then live longer than its Deferred: have it own what it uses.
/// Lifetime: `pool` has to live until the Deferred has fired or was dropped; the reactor may be destroyed before.
/// Threads:  the reactor's.
template <typename F>
auto defer_to_thread(Reactor& reactor, ThreadPool& pool, F&& function,
                     SourceLocation asked = SourceLocation::current()) {
    using Returned = std::decay_t<std::invoke_result_t<std::decay_t<F>&>>;
    using Value = std::conditional_t<std::is_void_v<Returned>, Unit, Returned>;
    static_assert(
        !requires(Value value) { std::move(value).add_callback([] {}); },
        "a thread has no loop that could fire a Deferred: return its value, or call it in the reactor");
    using Work = detail::ThreadWorkOf<Value, std::decay_t<F>>;
    return std::make_shared<Work>(std::forward<F>(function), asked)->start(reactor, pool);
}

/// In the reactor's own pool: `Reactor::thread_pool()`.
template <typename F>
auto defer_to_thread(Reactor& reactor, F&& function, SourceLocation asked = SourceLocation::current()) {
    return defer_to_thread(reactor, reactor.thread_pool(), std::forward<F>(function), asked);
}

/// Calls `function` in a thread of the reactor's pool, and tells nobody of its end. What it throws is reported as an
/// unhandled failure.
/// Fails:   throws what ThreadPool::call throws.
/// Threads: the reactor's.
inline void call_in_thread(Reactor& reactor, UniqueFunction<void()> function) {
    reactor.thread_pool().call(std::move(function));
}

/// Calls `function` in the reactor's thread, waits, and returns what it returned, or what its Deferred fired with.
///
///     const zk::Stat stat = blocking_call_from_thread(reactor, [&] { return zk.set("/progress", text); });
///
/// `function`, and what it returned, are destroyed in the reactor's thread before this returns.
/// Fails:   throws what `function` threw or its Deferred failed with. It never waits for what will not come: throws
///          ReactorStopped when the reactor stops, is left or is destroyed before the result is here, which cancels
///          what `function` returned; ReactorNotRunning when it does not run; InvalidState in the reactor's own thread.
/// Threads: any but the reactor's; the reactor has to live when this is called. The exception is thrown in this one, so
///          one that holds a Failure, such as FirstError, is to be turned into another first.
template <typename F>
auto blocking_call_from_thread(Reactor& reactor, F&& function) {
    using Value = typename decltype(maybe_deferred(std::declval<std::decay_t<F>&>()))::value_type;
    const auto call = std::make_shared<detail::BlockingCallOf<Value, std::decay_t<F>>>(std::forward<F>(function));
    call->run(reactor);
    if constexpr (std::is_same_v<Value, Unit>) {
        call->result();
    } else {
        return call->result();
    }
}

}  // namespace plait

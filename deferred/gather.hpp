// Waits for several Deferreds and gives all their values, in order.
// Not for their outcomes one by one: the first Failure is the whole's, and the rest are given up.
#pragma once

#include <cstddef>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/gather_state.hpp"

namespace plait {

/// Fires:    with the values in the order given, when the last is here; at once for none.
/// Fails:    with the first Failure. The others are then cancelled and dropped; what they end in is ignored. An empty
///           Deferred among them throws InvalidState at once.
/// Cancel:   cancels each one still waiting. If all of them answer with values the whole succeeds; else it fails with
///           the first Failure among the answers, usually Cancelled.
/// Lifetime: owns the Deferreds given. Dropping the whole drops them: none of their callbacks runs any more. Time and
///           memory are linear in their number.
template <typename T>
Deferred<std::vector<T>> gather(std::vector<Deferred<T>> deferreds, SourceLocation made = SourceLocation::current()) {
    auto state = std::make_shared<detail::GatherRange<T>>(deferreds.size());
    auto [all, promise] = make_deferred<std::vector<T>>(detail::gather_canceller<std::vector<T>>(state), made);
    state->promise = std::move(promise);
    for (std::size_t i = 0; i < deferreds.size(); ++i)
        state->take(state->values[i], std::move(deferreds[i]));
    state->release();
    return std::move(all);
}

/// The same for a fixed number of different types: `auto [a, b] = co_await gather(get_a(), get_b());`
template <typename... Ts>
    requires(sizeof...(Ts) > 0)
Deferred<std::tuple<Ts...>> gather(Deferred<Ts>... deferreds) {
    auto state = std::make_shared<detail::GatherTuple<Ts...>>();
    auto [all, promise] = make_deferred<std::tuple<Ts...>>(detail::gather_canceller<std::tuple<Ts...>>(state));
    state->promise = std::move(promise);
    std::apply([&](auto&... slots) { (state->take(slots, std::move(deferreds)), ...); }, state->values);
    state->release();
    return std::move(all);
}

}  // namespace plait

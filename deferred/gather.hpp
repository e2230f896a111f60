// Waits for several Deferreds and gives all their values, in order.
// Not for their outcomes one by one: deferred_list.hpp. Not for the first: race.hpp.
#pragma once

#include <tuple>
#include <utility>
#include <vector>

#include "plait/deferred/detail/gather_state.hpp"
#include "plait/deferred/detail/parts.hpp"

namespace plait {

/// Waits for all values. `deferreds` is any range of Deferred<T> that is given away: `gather(std::move(lookups))`, or a
/// view that starts them: `gather(names | std::views::transform(look_up))`.
///
/// Fires:    with the values in the order given, when the last is here; at once for none.
/// Fails:    with the first Failure, as it is: to know whose it was, use deferred_list(). `others` says what becomes of
///           those that wait; what they end in is ignored. An empty Deferred among them throws InvalidState at once.
/// Cancel:   cancels each one still waiting. If all of them answer with values the whole succeeds; else it fails with
///           the first Failure among the answers, usually Cancelled. What goes on waiting all the same is dropped.
/// Lifetime: owns the Deferreds given. Dropping the whole drops them: none of their callbacks runs any more. Time and
///           memory are linear in their number.
/// Cost:     a whole that is itself one of the Deferreds of another group is fired, cancelled and dropped from inside
///           that one: some stack for each level. Any number side by side take constant stack.
/// Source:   Twisted's gatherResults, which lets the others run on and wraps the first Failure in FirstError.
template <detail::RangeOfDeferreds R>
Deferred<std::vector<detail::part_value<R>>> gather(R&& deferreds, Others others = Others::cancel,
                                                    SourceLocation made = SourceLocation::current()) {
    auto parts = detail::take_parts(std::forward<R>(deferreds));
    using State = detail::GatherRange<detail::part_value<R>>;
    auto state = detail::make_counted<State>(parts.size(), others);
    auto whole = State::start(*state, made);
    for (std::size_t i = 0; i < parts.size(); ++i)
        state->enter(state->values[i], std::move(parts[i]));
    state->all_taken();
    return whole;
}

/// The same for a fixed number of different types: `gather(Others::finish_first, store(a), store(b))`.
template <typename... Ts>
Deferred<std::tuple<Ts...>> gather(Others others, Deferred<Ts>... deferreds) {
    using State = detail::GatherTuple<Ts...>;
    auto state = detail::make_counted<State>(others);
    auto whole = State::start(*state, SourceLocation::current());
    std::apply([&](auto&... slots) { (state->enter(slots, std::move(deferreds)), ...); }, state->values);
    state->all_taken();
    return whole;
}

/// `auto [a, b] = co_await gather(get_a(), get_b());`
template <typename... Ts>
Deferred<std::tuple<Ts...>> gather(Deferred<Ts>... deferreds) {
    return gather(Others::cancel, std::move(deferreds)...);
}

}  // namespace plait

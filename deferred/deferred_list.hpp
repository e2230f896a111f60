// Waits for several Deferreds and gives the outcome of each, in order.
// Not all or nothing: gather.hpp. Not only the first: race.hpp, or fire_on_one_callback here.
#pragma once

#include <utility>
#include <vector>

#include "plait/deferred/detail/list_state.hpp"
#include "plait/deferred/detail/parts.hpp"
#include "plait/deferred/detail/race_state.hpp"

namespace plait {

struct DeferredListOptions {
    /// The first failure is the whole's: a FirstError with its place.
    bool fire_on_one_errback = false;
    /// Failures that the whole does not hand on are forgotten. Else each is reported as unhandled, Cancelled apart.
    bool consume_errors = false;
    /// Of use where one outcome decides.
    Others others = Others::cancel;
};

/// Waits for the outcome of each.
///
///     for (auto& result : co_await deferred_list(std::move(lookups)))
///         if (result) use(result.value()); else log(result.failure());
///
/// Fires:    with the outcomes in the order given, when the last is here; at once for none. A failure in them is the
///           reader's: it is not reported.
/// Fails:    never, but with fire_on_one_errback. An empty Deferred among them throws InvalidState at once.
/// Cancel:   cancels each one still waiting, which leaves what is here untouched; the list then holds their answers,
///           usually Cancelled. When one of them goes on waiting, the whole fails with Cancelled.
/// Lifetime: owns the Deferreds given; dropping the whole drops them. Time and memory are linear in their number.
/// Cost:     some stack for each level of groups in groups, as gather().
/// Source:   Twisted's DeferredList. There the Deferreds have other owners, and one keeps the failure it gave to the
///           list, to be reported unless consumeErrors; here they are given away, and only what the list does not hand
///           on can be lost.
template <detail::RangeOfDeferreds R>
Deferred<std::vector<Result<detail::part_value<R>>>> deferred_list(R&& deferreds, DeferredListOptions options = {},
                                                                   SourceLocation made = SourceLocation::current()) {
    auto parts = detail::take_parts(std::forward<R>(deferreds));
    using State = detail::ListState<detail::part_value<R>>;
    const detail::GroupRules rules{options.others, options.consume_errors};
    auto state = detail::make_counted<State>(parts.size(), rules, options.fire_on_one_errback);
    auto whole = State::start(*state, made);
    for (std::size_t i = 0; i < parts.size(); ++i)
        state->enter(i, std::move(parts[i]));
    state->all_taken();
    return whole;
}

/// The argument that makes deferred_list() wait for one success.
struct FireOnOneCallback {};
inline constexpr FireOnOneCallback fire_on_one_callback;

/// `deferred_list(std::move(mirrors), fire_on_one_callback)`: a race() with options.
///
/// Fires:    with the first value and its place.
/// Fails:    with a FailureGroup when each has failed, or with the FirstError where one decides; with NothingToWaitFor
///           when there are none, where Twisted's never fires.
/// Cancel:   cancels each one still waiting. One that answers with a value has won; else it fails with Cancelled.
template <detail::RangeOfDeferreds R>
Deferred<Winner<detail::part_value<R>>> deferred_list(R&& deferreds, FireOnOneCallback,
                                                      DeferredListOptions options = {},
                                                      SourceLocation made = SourceLocation::current()) {
    return detail::race_parts(detail::take_parts(std::forward<R>(deferreds)), {options.others, options.consume_errors},
                              options.fire_on_one_errback ? detail::RaceFailure::first : detail::RaceFailure::collected,
                              made);
}

}  // namespace plait

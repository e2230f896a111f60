// The first of several Deferreds: race() waits for the first success, first_completed() for the first outcome.
// Not for all of them: gather.hpp, deferred_list.hpp.
//
//   here               succeeds with             fails with                      elsewhere
//   race()             the first success         FailureGroup, when all failed   Twisted race, JavaScript Promise.any,
//                                                                                asio wait_for_one_success
//   first_completed()  the first, if a success   the first, if a Failure         JavaScript Promise.race,
//                                                                                asio wait_for_one, KJ exclusiveJoin
//   gather()           all values                the first Failure               Promise.all, asio wait_for_one_error
//   deferred_list()    all outcomes              never                           Promise.allSettled, asio wait_for_all
//
// There is no any(): the word means the first success in JavaScript and the first outcome elsewhere.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "plait/deferred/detail/parts.hpp"
#include "plait/deferred/detail/race_state.hpp"

namespace plait {

namespace detail {
template <typename T, typename... Ts>
inline constexpr bool all_same = (std::is_same_v<T, Ts> && ...);
}

/// Waits for the first success. `deferreds` is any range of Deferred<T> that is given away: `race(std::move(v))`.
///
/// Fires:    with the first value and its place, once the others have been cancelled, told so and dropped. What they
///           end in is ignored.
/// Fails:    with a FailureGroup when each of them has failed; with NothingToWaitFor, at once, when there are none.
///           An empty Deferred among them throws InvalidState at once.
/// Cancel:   cancels each one still waiting. One that answers with a value has won; else it fails with Cancelled.
/// Lifetime: owns the Deferreds given; dropping the whole drops them. Time and memory are linear in their number.
/// Cost:     some stack for each level of groups in groups, as gather().
/// Source:   Twisted's race(), where a race of none never ends.
template <detail::RangeOfDeferreds R>
Deferred<Winner<detail::part_value<R>>> race(R&& deferreds, SourceLocation made = SourceLocation::current()) {
    return detail::race_parts(detail::take_parts(std::forward<R>(deferreds)), {}, detail::RaceFailure::collected, made);
}

/// The same for a fixed number of one type.
template <typename T, typename... Ts>
    requires detail::all_same<T, Ts...>
Deferred<Winner<T>> race(Deferred<T> first, Deferred<Ts>... others) {
    return race(detail::parts_of(std::move(first), std::move(others)...));
}

/// The same for different types: the variant's index() is the place of the winner.
template <typename T, typename... Ts>
    requires(!detail::all_same<T, Ts...>)
Deferred<std::variant<T, Ts...>> race(Deferred<T> first, Deferred<Ts>... others) {
    return detail::race_each(detail::RaceFailure::collected, std::move(first), std::move(others)...);
}

/// Waits for the first to end, well or not. As race(), but the first Failure is the whole's, as it is; an answer to
/// cancel() decides likewise.
template <detail::RangeOfDeferreds R>
Deferred<Winner<detail::part_value<R>>> first_completed(R&& deferreds,
                                                        SourceLocation made = SourceLocation::current()) {
    return detail::race_parts(detail::take_parts(std::forward<R>(deferreds)), {}, detail::RaceFailure::decides, made);
}
template <typename T, typename... Ts>
    requires detail::all_same<T, Ts...>
Deferred<Winner<T>> first_completed(Deferred<T> first, Deferred<Ts>... others) {
    return first_completed(detail::parts_of(std::move(first), std::move(others)...));
}
template <typename T, typename... Ts>
    requires(!detail::all_same<T, Ts...>)
Deferred<std::variant<T, Ts...>> first_completed(Deferred<T> first, Deferred<Ts>... others) {
    return detail::race_each(detail::RaceFailure::decides, std::move(first), std::move(others)...);
}

}  // namespace plait

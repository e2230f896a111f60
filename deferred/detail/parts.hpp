// The ranges of Deferreds that gather(), deferred_list() and race() take, and how they are taken.
// Not <ranges>, which costs each user's compile a third more; any range with std::begin() and std::end() will do.
#pragma once

#include <iterator>
#include <type_traits>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"

namespace plait::detail {

template <typename D>
struct PartOf {};
template <typename T>
struct PartOf<Deferred<T>> {
    using type = T;
};

template <typename R>
using range_reference = decltype(*std::begin(std::declval<R&>()));

/// T, for a range of Deferred<T>.
template <typename R>
using part_value = typename PartOf<std::remove_cvref_t<range_reference<std::remove_reference_t<R>>>>::type;

/// A range whose Deferreds are given away: an rvalue, `std::move(deferreds)`, or one that makes them as it goes.
template <typename R>
concept RangeOfDeferreds = requires {
    typename part_value<R>;
    std::end(std::declval<std::remove_reference_t<R>&>());
} && (!std::is_lvalue_reference_v<R> || !std::is_lvalue_reference_v<range_reference<std::remove_reference_t<R>>>);

template <RangeOfDeferreds R>
std::vector<Deferred<part_value<R>>> take_parts(R&& range) {
    using Parts = std::vector<Deferred<part_value<R>>>;
    if constexpr (std::is_same_v<R, Parts>) {
        return std::move(range);
    } else {
        Parts parts;
        if constexpr (requires { std::size(range); }) parts.reserve(static_cast<std::size_t>(std::size(range)));
        for (auto&& part : range)
            parts.push_back(std::move(part));
        return parts;
    }
}

template <typename T, typename... Ts>
std::vector<Deferred<T>> parts_of(Deferred<T> first, Deferred<Ts>... others) {
    std::vector<Deferred<T>> parts;
    parts.reserve(1 + sizeof...(others));
    parts.push_back(std::move(first));
    (parts.push_back(std::move(others)), ...);
    return parts;
}

}  // namespace plait::detail

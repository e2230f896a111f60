// Calls a function that may return a value, nothing or a Deferred, and may throw; always gives a Deferred.
// Not asynchronous by itself: the function runs at once.
#pragma once

#include <type_traits>
#include <utility>

#include "plait/deferred/deferred.hpp"

namespace plait {

/// `f(args...)`: a Deferred goes through, anything else becomes a ready one, and what it throws is its Failure.
template <typename F, typename... Args>
    requires std::is_invocable_v<F&, Args...>
auto maybe_deferred(F&& f, Args&&... args) {
    return succeed().add_callback([&]() -> decltype(auto) { return f(std::forward<Args>(args)...); });
}

}  // namespace plait

// What LoopingCall, Cooperator and retry share: calling somebody's function, and answering a cancel later.
// Not public: maybe_deferred() and chain_deferred() are.
#pragma once

#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/maybe.hpp"

namespace plait::detail {

/// When it ends, not with what.
template <typename T>
Deferred<> only_the_end(Deferred<T> deferred) {
    return std::move(deferred).add_callback([](const T&) {});
}
inline Deferred<> only_the_end(Deferred<> deferred) {
    return deferred;
}

/// For a canceller that was asked and whose answer takes time: the Deferred of `promise` waits on, and `promise` is
/// another one from now on, with `canceller` for the next cancel().
template <typename T, typename F>
void answer_later(Promise<T>& promise, F canceller) {
    auto later = make_deferred<T>(std::move(canceller));
    Promise<T> asked = std::exchange(promise, std::move(later.promise));
    chain_deferred(std::move(later.deferred), std::move(asked));
}

}  // namespace plait::detail

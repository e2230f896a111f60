// The body of Reactor::run_until(). Not for inclusion by itself.
#pragma once

#include <optional>
#include <utility>

#include "plait/reactor/reactor.hpp"

namespace plait {

template <typename T>
T Reactor::run_until(Deferred<T> deferred) {
    require_idle();
    std::optional<Result<T>> outcome;
    const Deferred<> waiting = std::move(deferred).add_both([this, &outcome](Result<T> result) {
        outcome.emplace(std::move(result));
        end_waiting();
    });
    if (!outcome) run_waiting();
    if (!outcome) throw_stopped();
    return std::move(*outcome).value();
}

}  // namespace plait

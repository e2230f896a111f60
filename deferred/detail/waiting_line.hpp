// Promises in the order they are to be kept; who cancels or drops its Deferred is out of the line at once.
// Not the one who decides when: locks, semaphores, queues and events do, each with a loop of its own.
#pragma once

#include <cstddef>
#include <iterator>
#include <list>
#include <utility>

#include "plait/deferred/deferred.hpp"

namespace plait::detail {

/// Lifetime: must outlive its places: whoever owns it calls leave_first() until it is empty. Each place knows this
///           object's address.
template <typename T>
class WaitingLine {
public:
    WaitingLine() = default;
    WaitingLine(const WaitingLine&) = delete;
    WaitingLine& operator=(const WaitingLine&) = delete;

    bool empty() const noexcept { return places_.empty(); }
    std::size_t size() const noexcept { return places_.size(); }
    /// The number that the first one joined with.
    std::size_t first_number() const noexcept { return places_.front().number; }

    /// A place at the end. `on_leave()` is called when it was left by cancelling or dropping.
    template <typename OnLeave>
    Deferred<T> join(std::size_t number, OnLeave on_leave, SourceLocation made) {
        auto [deferred, promise] = make_deferred<T>(made);
        places_.push_back({Promise<T>(), number});
        const auto place = std::prev(places_.end());
        promise.on_cancel([this, place, left = std::move(on_leave)] {
            places_.erase(place);
            left();
        });
        place->promise = std::move(promise);
        return std::move(deferred);
    }

    /// Takes the first one out, for the caller to fire before anything else happens.
    Promise<T> leave_first() noexcept {
        Promise<T> first = std::move(places_.front().promise);
        places_.pop_front();
        return first;
    }

private:
    struct Place {
        Promise<T> promise;
        std::size_t number;
    };

    std::list<Place> places_;
};

}  // namespace plait::detail

// The Deferreds that wait for one event of an object: made here, fired together.
// Not an event to use alone: the owner decides when, and what it means.
#pragma once

#include <cstddef>
#include <vector>

#include "plait/deferred/deferred.hpp"

namespace plait::detail {

/// Waiters that were dropped or cancelled are forgotten as others come, so the list stays linear in those that wait.
///
/// Firing may destroy the owner, and this object with it. Destroyed with waiters, it fails them with BrokenPromise.
class Waiters {
public:
    Deferred<> add();
    void add(Promise<> waiter);
    bool empty() const noexcept { return promises_.empty(); }

    void callback();
    /// Whether there was anybody to tell.
    bool errback(const Failure& failure);

private:
    std::vector<Promise<>> promises_;
    std::size_t look_through_at_ = 16;
};

}  // namespace plait::detail

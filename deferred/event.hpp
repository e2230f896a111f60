// DeferredEvent: a flag to wait for. Set, it lets everybody through until it is cleared.
// Not a result: it carries no value, and may be set again and again. For one value to many there is share().
#pragma once

#include <cstddef>
#include <memory>

#include "plait/deferred/deferred.hpp"

namespace plait {

///     DeferredEvent connected;
///     co_await connected.wait();     // at once while it is set
///
/// Order:    set() fires those who wait at that moment, in the order they came, even when one of them clears the flag;
///           who comes after that waits for the next set(). Called from a waiter's callback, it leaves the firing to
///           the set() further up: any number take constant stack.
/// Cancel:   a waiter that is cancelled or dropped is forgotten at once.
/// Lifetime: not movable. Destroying it fails those who wait with Destroyed, except those whom a set() is just letting
///           through. It may be destroyed from a waiter's callback.
/// Threads:  one.
/// Source:   asyncio.Event; Twisted has none.
class DeferredEvent {
public:
    DeferredEvent();
    DeferredEvent(const DeferredEvent&) = delete;
    DeferredEvent& operator=(const DeferredEvent&) = delete;
    ~DeferredEvent();

    /// Lets those who wait through, and all that come until clear(). Does nothing when set.
    void set();
    void clear() noexcept;
    bool is_set() const noexcept;

    /// Ready, and without allocating, while it is set.
    Deferred<> wait(SourceLocation made = SourceLocation::current());

    std::size_t waiting() const noexcept;

private:
    class State;
    std::shared_ptr<State> state_;
};

}  // namespace plait

// The Core of a Promise: its first result, and room for the usual three callbacks and a canceller, in one allocation.
// Not the Core of a coroutine, which lives in the coroutine's frame (detail/coroutine_core.hpp).
#pragma once

#include "plait/deferred/detail/slot.hpp"

namespace plait::detail {

// Three callbacks without captures. With an int for its result, the Core then fills a chunk of 256 bytes.
inline constexpr std::uint16_t core_room = 120;

template <typename T>
class HeapCore final : public Core {
public:
    explicit HeapCore(SourceLocation made) noexcept : Core(made, arena_, core_room) {}

    /// Empty until fired. A result that its consumer has not taken is destroyed through Core's discard.
    Slot<T>& first() noexcept { return first_; }
    void fire_first() noexcept { fire(&first_, &discard_slot<T>); }
    /// Starts out fired, with a result that was ready.
    void start_with(Slot<T>& result) noexcept {
        first_.take(result);
        this->mark_finished(&first_, &discard_slot<T>);
    }

private:
    void deallocate() noexcept override { delete this; }
    void fail(Failure failure) noexcept override {
        first_.set_failure(std::move(failure));
        fire_first();
    }

    Slot<T> first_;
    alignas(void*) std::byte arena_[core_room];
};

/// Puts an object into the arena. It is destroyed by its owner, or not at all if `Node` needs no destructor.
template <typename Node, typename... Args>
Node* make_in(Core& core, Args&&... args) {
    return ::new (core.allocate(sizeof(Node), alignof(Node))) Node(std::forward<Args>(args)...);
}

}  // namespace plait::detail

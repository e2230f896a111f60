// Holds a Deferred's chain still: its result may come, its callbacks wait.
// Not a cancel and not back-pressure: whatever makes the result goes on, nobody tells it.
#pragma once

#include <utility>

namespace plait {

namespace detail {
class Core;
}

template <typename T>
class Deferred;

/// What Deferred::pause() gives. The chain stands still for as long as one of its Pauses lives.
///
///     Pause pause = deferred.pause();
///     deferred = std::move(deferred).add_callback(show);  // waits, though the result may be here
///     pause.unpause();                                    // shows it, if it is
///
/// It belongs to the chain, not to the Deferred object: chain on, move the Deferred, return it from a callback, and the
/// Pause still holds what was there at pause() and what was added since. What waits for the paused one waits, too. What
/// it waits for runs on; only, when a ready Deferred's callback returned a waiting one, the two are one chain, held as
/// one.
///
/// Lifetime: move-only. Destroying it unpauses, so that a forgotten Pause never hangs a chain. It may outlive the
///           Deferred: once that has been dropped there is nothing to hold. Do not put it into a callback of the chain
///           it holds: neither would ever end.
/// Cancel:   cancel() works as without it, and what that leads to is held. Dropping the Deferred destroys the callbacks
///           unrun at once.
/// Source:   Twisted's pause() and unpause(); counted there, owned here.
class [[nodiscard("a Pause unpauses when it is destroyed: keep it")]] Pause {
public:
    Pause() noexcept = default;
    Pause(Pause&& other) noexcept { take(other); }
    Pause& operator=(Pause&& other) noexcept {
        if (this != &other) {
            Pause old(std::move(*this));
            take(other);
        }
        return *this;
    }
    ~Pause() { unpause(); }

    /// Ends this Pause. If it was the last one and the result is here, the callbacks run before this returns. Inside
    /// one of them, the rest runs when that one has returned. Does nothing the second time.
    void unpause() noexcept;

    /// It holds a chain: not unpaused, and that chain has not been dropped.
    bool holds() const noexcept { return core_ != nullptr; }

private:
    friend class detail::Core;
    template <typename T>
    friend class Deferred;

    explicit Pause(detail::Core& core) noexcept;
    void take(Pause& other) noexcept;
    void unlink() noexcept;

    // The Pauses of a chain are a list, so that its end can tell them.
    detail::Core* core_ = nullptr;
    Pause* next_ = nullptr;
    Pause* previous_ = nullptr;
};

}  // namespace plait

// What happens at a reactor's beginning and end, and who wants to be called then: Reactor::add_system_event_trigger.
// Not a signal of the operating system: those are signals.hpp.
#pragma once

#include <memory>

namespace plait {

namespace detail {
struct TriggerEntry;
class SystemEvents;
}  // namespace detail

/// The three parts of a system event, one after the other; in each, triggers are called in the order they were added.
enum class EventPhase {
    before,  ///< May return Deferreds; `during` waits for all of them. A failure is reported, and holds up nothing.
    during,  ///< For "shutdown", everything open is closed after these.
    after,   ///< For "shutdown", the last that is called before the loop is left.
};

/// A function that waits for a system event. Made by Reactor::add_system_event_trigger. Move-only.
///
/// Destroying it removes the trigger: what the function captured is destroyed and never used again, so the function may
/// capture the object that owns the trigger. `std::move(trigger).detach()` leaves it in place without an owner.
///
/// Lifetime: it may outlive the reactor, which destroys what has not been called.
/// Threads:  the reactor's, its end included.
class [[nodiscard("destroyed, it is removed: keep it, or detach() it")]] SystemEventTrigger {
public:
    /// No trigger.
    SystemEventTrigger() noexcept;
    SystemEventTrigger(SystemEventTrigger&&) noexcept;
    SystemEventTrigger& operator=(SystemEventTrigger&&) noexcept;
    ~SystemEventTrigger();

    /// Still to be called. False inside the call: each is called once.
    bool active() const noexcept;

    /// Takes it back, also from inside another one of the same event. Throws InvalidState if it was called or removed
    /// before.
    void remove();

    void detach() && noexcept;

private:
    friend class detail::SystemEvents;
    explicit SystemEventTrigger(std::shared_ptr<detail::TriggerEntry> entry) noexcept;

    std::shared_ptr<detail::TriggerEntry> entry_;
};

}  // namespace plait

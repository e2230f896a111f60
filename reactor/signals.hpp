// SignalSubscription: a process signal delivered as an ordinary call in a reactor's thread. Made by Reactor::on_signal.
// Not a signal handler: what it calls may do anything, as it runs in a turn of the loop.
#pragma once

#include <memory>

namespace plait {

namespace detail {
struct SignalEntry;
}  // namespace detail

/// Keeps a signal handler in place. Destroying it ends the subscription, also from inside the handler; the last one for
/// a signal in the process puts the previous disposition back.
///
/// Lifetime: it may outlive the reactor, whose end is the end of the subscription.
/// Threads:  the reactor's, its end included. The signal itself may arrive in any thread.
class [[nodiscard]] SignalSubscription {
public:
    SignalSubscription() noexcept;
    explicit SignalSubscription(std::shared_ptr<detail::SignalEntry> entry) noexcept;
    SignalSubscription(SignalSubscription&&) noexcept;
    SignalSubscription& operator=(SignalSubscription&&) noexcept;
    ~SignalSubscription();

private:
    std::shared_ptr<detail::SignalEntry> entry_;
};

}  // namespace plait

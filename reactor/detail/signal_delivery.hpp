// SignalDelivery: one reactor's share of the process's signals. Signal dispositions belong to the process and are kept
// in signal_registry.hpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/detail/io_watch.hpp"
#include "plait/reactor/detail/signal_registry.hpp"
#include "plait/reactor/iops.hpp"
#include "plait/reactor/signals.hpp"

namespace plait::detail {

class ReactorCore;
class SignalDelivery;

struct SignalEntry {
    SignalDelivery* delivery;  // null once unsubscribed or the reactor is gone
    int number;
    UniqueFunction<void(int)> handler;
};

/// Destroying it ends all subscriptions.
class SignalDelivery final : private EventHandler {
public:
    explicit SignalDelivery(ReactorCore& core);
    SignalDelivery(const SignalDelivery&) = delete;
    SignalDelivery& operator=(const SignalDelivery&) = delete;
    ~SignalDelivery();

    /// Throws std::system_error naming the signal when the system does not let it be handled.
    SignalSubscription subscribe(int number, UniqueFunction<void(int)> handler);
    void unsubscribe(SignalEntry& entry) noexcept;

    /// For Reactor::dump(): "a subscription to SIGTERM", a line each.
    std::string describe() const;

private:
    void event_ready(IOFlags) noexcept override;
    void deliver(int number) noexcept;

    ReactorCore& core_;
    SignalMailbox& mailbox_;
    IOWatch watch_;
    std::vector<std::shared_ptr<SignalEntry>> entries_;
};

}  // namespace plait::detail

#include "plait/reactor/signals.hpp"

#include "plait/reactor/detail/signal_delivery.hpp"

namespace plait {

SignalSubscription::SignalSubscription() noexcept = default;

SignalSubscription::SignalSubscription(std::shared_ptr<detail::SignalEntry> entry) noexcept
    : entry_(std::move(entry)) {}

SignalSubscription::SignalSubscription(SignalSubscription&&) noexcept = default;

SignalSubscription& SignalSubscription::operator=(SignalSubscription&& other) noexcept {
    SignalSubscription old(std::move(other));
    old.entry_.swap(entry_);
    return *this;
}

SignalSubscription::~SignalSubscription() {
    if (entry_ != nullptr && entry_->delivery != nullptr) entry_->delivery->unsubscribe(*entry_);
}

}  // namespace plait

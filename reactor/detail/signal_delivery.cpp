#include "plait/reactor/detail/signal_delivery.hpp"

#include <algorithm>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/reactor_core.hpp"

namespace plait::detail {

SignalDelivery::SignalDelivery(ReactorCore& core)
    : core_(core), mailbox_(acquire_signal_mailbox()), watch_(core.iops(), mailbox_.wakeup.fd(), *this) {
    watch_.watch(IOFlags::read);
}

SignalDelivery::~SignalDelivery() {
    while (!entries_.empty()) {
        const std::shared_ptr<SignalEntry> entry = entries_.back();
        unsubscribe(*entry);
        entry->handler.reset();
    }
    watch_.watch(IOFlags::none);
    release_signal_mailbox(mailbox_);
}

SignalSubscription SignalDelivery::subscribe(int number, UniqueFunction<void(int)> handler) {
    auto entry = std::make_shared<SignalEntry>(SignalEntry{this, number, std::move(handler)});
    entries_.push_back(entry);
    try {
        want_signal(mailbox_, number);
    } catch (...) {
        entries_.pop_back();
        throw;
    }
    return SignalSubscription(std::move(entry));
}

void SignalDelivery::unsubscribe(SignalEntry& entry) noexcept {
    unwant_signal(mailbox_, entry.number);
    entry.delivery = nullptr;
    std::erase_if(entries_, [&](const auto& each) { return each.get() == &entry; });
}

std::string SignalDelivery::describe() const {
    std::string text;
    for (const auto& entry : entries_)
        text += "  a subscription to " + signal_name(entry->number) + "\n";
    return text;
}

void SignalDelivery::event_ready(IOFlags) noexcept {
    const ReactorCore::Turn turn(core_);
    mailbox_.wakeup.clear();
    for (int number = 1; number < signal_limit; ++number) {
        auto& arrived = mailbox_.arrived[static_cast<std::size_t>(number)];
        for (std::uint32_t count = arrived.exchange(0, std::memory_order_acquire); count > 0; --count)
            deliver(number);
    }
}

void SignalDelivery::deliver(int number) noexcept {
    const auto entries = entries_;  // handlers may subscribe and unsubscribe
    for (const auto& entry : entries) {
        if (entry->number != number || entry->delivery == nullptr) continue;
        contain([&] { entry->handler(number); });
    }
}

}  // namespace plait::detail

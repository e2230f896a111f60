#include "plait/reactor/system_events.hpp"

#include "plait/deferred/errors.hpp"
#include "plait/reactor/detail/system_events.hpp"

namespace plait {

SystemEventTrigger::SystemEventTrigger() noexcept = default;

SystemEventTrigger::SystemEventTrigger(std::shared_ptr<detail::TriggerEntry> entry) noexcept
    : entry_(std::move(entry)) {}

SystemEventTrigger::SystemEventTrigger(SystemEventTrigger&&) noexcept = default;

SystemEventTrigger& SystemEventTrigger::operator=(SystemEventTrigger&& other) noexcept {
    SystemEventTrigger old(std::move(other));
    old.entry_.swap(entry_);
    return *this;
}

SystemEventTrigger::~SystemEventTrigger() {
    if (active()) detail::SystemEvents::remove(*entry_);
}

bool SystemEventTrigger::active() const noexcept {
    return entry_ != nullptr && entry_->event != nullptr;
}

void SystemEventTrigger::remove() {
    if (!active()) throw InvalidState("cannot remove a system event trigger that was called or removed before");
    detail::SystemEvents::remove(*entry_);
}

void SystemEventTrigger::detach() && noexcept {
    entry_.reset();
}

}  // namespace plait

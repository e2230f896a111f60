#include "plait/reactor/detail/io_watch.hpp"

#include "plait/deferred/contain.hpp"

namespace plait::detail {

IOWatch::~IOWatch() {
    watch(IOFlags::none);
    contain([this] { loop_.update_event(*event_, EventAction::cleanup, IOFlags::none); });
    event_->set_state(Event::State::freed);
}

void IOWatch::remove(IOFlags flags) noexcept {
    const int left = static_cast<int>(event_->flags()) & ~static_cast<int>(flags);
    watch(static_cast<IOFlags>(left));
}

void IOWatch::change(IOFlags flags) noexcept {
    const EventAction action = any(flags) ? EventAction::watch : EventAction::unwatch;
    contain([&] { loop_.update_event(*event_, action, flags); });
    event_->set_flags(flags);
    event_->set_state(any(flags) ? Event::State::active : Event::State::initialized);
}

}  // namespace plait::detail

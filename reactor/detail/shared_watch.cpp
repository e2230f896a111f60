#include "plait/reactor/detail/shared_watch.hpp"

#include <algorithm>

namespace plait::detail {

void SharedWatch::join(SharedEvent& event) {
    events_.push_back(&event);
    event.watch = this;
}

void SharedWatch::leave(SharedEvent& event) noexcept {
    events_.erase(std::find(events_.begin(), events_.end(), &event));
    event.watch = nullptr;
    event.wanted = IOFlags::none;
}

IOFlags SharedWatch::wanted() const noexcept {
    IOFlags all = IOFlags::none;
    for (const SharedEvent* event : events_)
        all = all | event->wanted;
    return all;
}

void SharedWatch::want(SharedEvent& event, IOFlags flags) noexcept {
    if (!any(event.wanted)) event.round = round_;  // what it was not watched for did not happen to it
    event.wanted = flags;
}

void SharedWatch::tell(IOFlags happened) noexcept {
    const bool failed = any(happened & IOFlags::error);
    ++round_;
    while (SharedEvent* const event = next_untold()) {
        event->round = round_;
        const IOFlags flags = failed ? event->wanted | IOFlags::error : event->wanted & happened;
        if (!any(event->wanted & flags)) continue;
        if (failed) event->wanted = IOFlags::none;
        event->ready(flags);
    }
}

SharedEvent* SharedWatch::next_untold() noexcept {
    for (SharedEvent* event : events_)
        if (event->round != round_) return event;
    return nullptr;
}

}  // namespace plait::detail

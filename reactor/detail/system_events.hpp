// SystemEvents: a reactor's triggers, and the firing of an event through its three phases. Knows no event by name.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/system_events.hpp"

namespace plait::detail {

class ReactorCore;

struct SystemEvent;
using TriggerList = std::list<std::shared_ptr<TriggerEntry>>;

/// One trigger. Shared by its event, while it waits, and its handle.
struct TriggerEntry {
    UniqueFunction<Deferred<>()> function;
    SystemEvent* event = nullptr;  // null once called or removed, or the reactor is gone
    TriggerList* list = nullptr;
    TriggerList::iterator position = {};
};

/// Destroying it destroys the triggers uncalled, and drops what `before` functions are still doing.
class SystemEvents {
public:
    /// What the reactor itself does at an event. May be empty.
    struct Steps {
        UniqueFunction<void()> begin_during;
        UniqueFunction<void()> end_during;
        UniqueFunction<void()> end;
    };

    explicit SystemEvents(ReactorCore& core) noexcept;
    SystemEvents(const SystemEvents&) = delete;
    SystemEvents& operator=(const SystemEvents&) = delete;
    ~SystemEvents();

    SystemEventTrigger add(EventPhase phase, std::string_view event, UniqueFunction<Deferred<>()> function);
    static void remove(TriggerEntry& entry) noexcept;

    /// Calls the triggers. Returns before the end when a Deferred is to be waited for. Throws InvalidState while the
    /// same event is being fired.
    void fire(std::string_view event, Steps steps);

    /// Goes no further with an event that is being fired, and drops what it waits for.
    void abandon(std::string_view event) noexcept;

    /// Drops everything.
    void close() noexcept;

private:
    SystemEvent& find(std::string_view name);
    void call_before(SystemEvent& event);
    void one_ended(SystemEvent& event, std::uint64_t round);
    void go_on(SystemEvent& event, std::uint64_t round);
    bool call_phase(SystemEvent& event, EventPhase phase, std::uint64_t round);

    ReactorCore& core_;
    std::map<std::string, std::unique_ptr<SystemEvent>, std::less<>> events_;
};

}  // namespace plait::detail

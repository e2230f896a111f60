#include "plait/reactor/detail/system_events.hpp"

#include <utility>

#include "plait/deferred/attach.hpp"
#include "plait/deferred/contain.hpp"
#include "plait/deferred/context.hpp"
#include "plait/deferred/maybe.hpp"
#include "plait/reactor/detail/reactor_core.hpp"

namespace plait::detail {

struct SystemEvent {
    TriggerList& triggers(EventPhase phase) noexcept { return phases[static_cast<std::size_t>(phase)]; }

    std::array<TriggerList, 3> phases;
    bool firing = false;
    std::uint64_t round = 0;  // counts firings and their abandonings: what belongs to an old one does nothing
    SystemEvents::Steps steps;
    std::vector<Deferred<>> waiting;
    std::size_t left = 0;  // of those waited for
};

namespace {

/// Null when there is none.
std::shared_ptr<TriggerEntry> take_first(TriggerList& triggers) {
    if (triggers.empty()) return nullptr;
    std::shared_ptr<TriggerEntry> first = triggers.front();
    triggers.pop_front();
    first->event = nullptr;
    return first;
}

Deferred<> call(TriggerEntry& entry) {
    // It may be a coroutine that uses its captures to the end.
    auto function = std::make_unique<UniqueFunction<Deferred<>()>>(std::move(entry.function));
    Deferred<> result = maybe_deferred(*function);
    return std::move(result).attach(std::move(function));
}

void report(const Failure& failure) {
    report_unhandled_failure(failure);
}

void do_step(UniqueFunction<void()>& step) {
    if (step) contain(std::exchange(step, nullptr));
}

}  // namespace

SystemEvents::SystemEvents(ReactorCore& core) noexcept : core_(core) {}

SystemEvents::~SystemEvents() {
    close();
}

SystemEvent& SystemEvents::find(std::string_view name) {
    const auto found = events_.find(name);
    if (found != events_.end()) return *found->second;
    return *events_.emplace(std::string(name), std::make_unique<SystemEvent>()).first->second;
}

SystemEventTrigger SystemEvents::add(EventPhase phase, std::string_view event, UniqueFunction<Deferred<>()> function) {
    SystemEvent& its_event = find(event);
    TriggerList& list = its_event.triggers(phase);
    auto entry = std::make_shared<TriggerEntry>();
    entry->function = [function = std::move(function), context = Context::current()]() mutable {
        const ContextScope scope(std::move(context));
        return function();
    };
    entry->event = &its_event;
    entry->list = &list;
    entry->position = list.insert(list.end(), entry);
    return SystemEventTrigger(std::move(entry));
}

void SystemEvents::remove(TriggerEntry& entry) noexcept {
    // Destroyed last: the captures may own the handle, or the reactor.
    const UniqueFunction<Deferred<>()> dropped = std::move(entry.function);
    entry.event = nullptr;
    const std::shared_ptr<TriggerEntry> self = std::move(*entry.position);
    entry.list->erase(entry.position);
}

void SystemEvents::fire(std::string_view name, Steps steps) {
    SystemEvent& event = find(name);
    if (event.firing) throw InvalidState("the system event \"" + std::string(name) + "\" is being fired already");
    event.firing = true;
    event.steps = std::move(steps);
    call_before(event);
}

void SystemEvents::call_before(SystemEvent& event) {
    const std::uint64_t round = ++event.round;
    event.left = 1;  // this function
    while (const auto entry = take_first(event.triggers(EventPhase::before))) {
        Deferred<> result = call(*entry).add_errback(report);
        if (event.round != round) return;
        if (result.ready()) continue;
        ++event.left;
        event.waiting.push_back(std::move(result).add_both([this, &event, round](Result<> outcome) {
            contain([&] { static_cast<void>(outcome.value()); });
            one_ended(event, round);
        }));
    }
    if (--event.left == 0) go_on(event, round);
}

void SystemEvents::one_ended(SystemEvent& event, std::uint64_t round) {
    if (event.round != round || --event.left != 0) return;
    // In a turn of its own: what fired the last Deferred is still on the stack, and everything may be closed next.
    core_.call_soon([this, &event, round] { go_on(event, round); });
}

void SystemEvents::go_on(SystemEvent& event, std::uint64_t round) {
    if (event.round != round) return;
    event.waiting.clear();
    do_step(event.steps.begin_during);
    if (!call_phase(event, EventPhase::during, round)) return;
    do_step(event.steps.end_during);
    if (!call_phase(event, EventPhase::after, round)) return;
    event.firing = false;
    do_step(event.steps.end);
}

/// False when the firing was abandoned meanwhile.
bool SystemEvents::call_phase(SystemEvent& event, EventPhase phase, std::uint64_t round) {
    while (event.round == round) {
        const auto entry = take_first(event.triggers(phase));
        if (entry == nullptr) return true;
        call(*entry).detach(report);
    }
    return false;
}

void SystemEvents::abandon(std::string_view name) noexcept {
    const auto found = events_.find(name);
    if (found == events_.end()) return;
    SystemEvent& event = *found->second;
    ++event.round;
    event.firing = false;
    const std::vector<Deferred<>> dropped = std::move(event.waiting);
    event.waiting.clear();
    event.steps = {};
}

void SystemEvents::close() noexcept {
    for (auto& [name, event] : events_) {
        abandon(name);
        for (TriggerList& list : event->phases) {
            while (!list.empty())
                remove(*list.front());
        }
    }
}

}  // namespace plait::detail

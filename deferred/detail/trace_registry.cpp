#include "plait/deferred/detail/trace_registry.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include "plait/deferred/detail/fired_twice.hpp"

namespace plait::detail {

namespace {

constexpr std::size_t most_records = 100'000;
constexpr std::size_t most_unrecorded = 1'000;  // that one look follows
constexpr std::size_t most_name = 200;
constexpr std::size_t most_fired = 1'024;

struct Registry {
    std::mutex mutex;
    TraceRecord* oldest = nullptr;
    TraceRecord* newest = nullptr;
    std::size_t size = 0;
    std::uint64_t last_id = 0;
    std::uint64_t without_room = 0;
    std::vector<FiredChain> fired;  // by id; a newer one takes the place of an older one
};

/// Never destroyed: chains in static objects outlive everything.
Registry& registry() {
    static auto* const only = new Registry();
    return *only;
}

thread_local const char this_thread = 0;

void end_record(Core::Block& block) noexcept {
    auto& record = static_cast<TraceRecord&>(block);
    {
        Registry& all = registry();
        const std::lock_guard lock(all.mutex);
        (record.older != nullptr ? record.older->newer : all.oldest) = record.newer;
        (record.newer != nullptr ? record.newer->older : all.newest) = record.older;
        --all.size;
    }
    record.~TraceRecord();
}

}  // namespace

constinit std::atomic<bool> tracing_on{false};

TraceRecord::TraceRecord(const Core& of) noexcept
    : Block{nullptr, sizeof(TraceRecord), alignof(TraceRecord), &end_record},
      core(of),
      thread(&this_thread),
      made_at(std::chrono::steady_clock::now()) {}

// Hooks --------------------------------------------------------------------------------------------------------------

static void* memory_for_record() noexcept {
    try {
        return Core::allocate_block(sizeof(TraceRecord), alignof(TraceRecord));
    } catch (...) {
        return nullptr;
    }
}

void trace_made(Core& core) noexcept {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    void* memory = all.size < most_records ? memory_for_record() : nullptr;
    if (memory == nullptr) {
        ++all.without_room;
        return;
    }
    auto* record = ::new (memory) TraceRecord(core);
    record->id = ++all.last_id;
    record->older = all.newest;
    (all.newest != nullptr ? all.newest->newer : all.oldest) = record;
    all.newest = record;
    ++all.size;
    TraceView::keep(core, *record);
}

void trace_ended(Core& core) noexcept {
    TraceRecord* record = TraceView::record(core);
    if (record == nullptr) return;
    record->end = nullptr;
    end_record(*record);
}

void trace_named(Core& core, std::string_view name) noexcept {
    TraceRecord* record = TraceView::record(core);
    if (record == nullptr) return;
    try {
        std::string copy(name.substr(0, most_name));
        const std::lock_guard lock(registry().mutex);
        record->name.swap(copy);
    } catch (...) {  // no memory for a name: it keeps the one it had
    }
}

Spent trace_fired(const Core& core, SourceLocation where) noexcept {
    const TraceRecord* record = TraceView::record(core);
    if (record == nullptr) return 0;
    try {
        FiredChain chain{record->id, core.made(), where, record->name};
        Registry& all = registry();
        const std::lock_guard lock(all.mutex);
        if (all.fired.size() < most_fired) all.fired.resize(most_fired);
        std::swap(all.fired[record->id % most_fired], chain);
        return static_cast<Spent>(record->id << 1);
    } catch (...) {
        return 0;  // no memory: AlreadyFired will say less
    }
}

std::optional<FiredChain> find_fired(std::uint64_t id) {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    if (id == 0 || all.fired.empty() || all.fired[id % most_fired].id != id) return std::nullopt;
    return all.fired[id % most_fired];
}

void trace_part(Core& part, const Core& whole) noexcept {
    TraceRecord* record = TraceView::record(part);
    const TraceRecord* of = TraceView::record(whole);
    if (record != nullptr && of != nullptr) record->part_of = of->id;
}

std::string traced_name(const Core& core) {
    const TraceRecord* record = TraceView::record(core);
    return record != nullptr ? record->name : std::string();
}

std::optional<MadeChain> find_chain(const Core* core) {
    if (core == nullptr) return std::nullopt;
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    for (const TraceRecord* record = all.newest; record != nullptr; record = record->older)
        if (&record->core == core && record->thread == &this_thread) return MadeChain{core->made(), record->name};
    return std::nullopt;
}

// Looking ------------------------------------------------------------------------------------------------------------

TraceRecord* TraceView::record(const Core& core) noexcept {
    if (!core.traced_) return nullptr;
    for (Core::Block* block = core.blocks_; block != nullptr; block = block->next)
        if (block->end == &end_record) return static_cast<TraceRecord*>(block);
    return nullptr;
}

void TraceView::keep(Core& core, TraceRecord& record) noexcept {
    record.next = std::exchange(core.blocks_, &record);
    core.traced_ = true;
}

bool TraceView::lives(const Core& core) noexcept {
    if (core.abandoned_) return false;
    return !core.settled() || !core.look().empty;
}

PendingChain TraceView::look(const Core& core, const Failure*& failure) noexcept {
    PendingChain chain;
    chain.made = core.made_;
    chain.callbacks = core.callbacks_waiting();
    const SourceLocation* awaits = core.awaits_at();
    if (awaits != nullptr) chain.kind = PendingChain::Kind::coroutine;
    using State = PendingChain::State;
    if (core.running_) {
        chain.state = State::running;
    } else if (core.waiting_on_ != nullptr) {
        if (awaits != nullptr && !core.fired_) chain.awaits_at = *awaits;
    } else if (core.settled()) {
        failure = core.look().failure;
        chain.state = failure != nullptr ? State::failed : State::ready;
    } else if (core.fired_) {
        chain.state = State::paused;
    }
    return chain;
}

namespace {

/// What one look gathers. Failures are put into words when the registry is no longer locked: what() is the user's.
struct Gathered {
    std::vector<PendingChain> chains;
    std::vector<std::pair<std::size_t, Failure>> failures;
    std::size_t unrecorded = 0;

    PendingChain& add(const Core& core) {
        const Failure* failure = nullptr;
        chains.push_back(TraceView::look(core, failure));
        if (failure != nullptr) failures.emplace_back(chains.size() - 1, *failure);
        return chains.back();
    }

    void add(const TraceRecord& record, std::chrono::steady_clock::time_point now) {
        PendingChain& chain = add(record.core);
        chain.id = record.id;
        chain.part_of = record.part_of;
        chain.name = record.name;
        chain.age = now - record.made_at;
        follow(record.core, chains.size() - 1);
    }

    /// Down from `core`, as far as there are no records: those below have their own turn.
    void follow(const Core& core, std::size_t index) {
        const Core* next = TraceView::waits_for(core);
        for (; next != nullptr && unrecorded < most_unrecorded; next = TraceView::waits_for(*next)) {
            const TraceRecord* record = TraceView::record(*next);
            chains[index].waits_for = record != nullptr ? record->id : UINT64_MAX - unrecorded;
            if (record != nullptr) return;
            PendingChain& chain = add(*next);
            chain.id = UINT64_MAX - unrecorded++;
            index = chains.size() - 1;
        }
    }
};

}  // namespace

void forget_chains_without_room() noexcept {
    const std::lock_guard lock(registry().mutex);
    registry().without_room = 0;
}

Recorded recorded_chains() {
    Gathered gathered;
    Recorded recorded;
    {
        Registry& all = registry();
        const std::lock_guard lock(all.mutex);
        const auto now = std::chrono::steady_clock::now();
        for (const TraceRecord* record = all.oldest; record != nullptr; record = record->newer)
            if (record->thread == &this_thread && TraceView::lives(record->core)) gathered.add(*record, now);
        recorded.without_room = all.without_room;
    }
    for (const auto& [index, failure] : gathered.failures)
        gathered.chains[index].failure = failure.full_message();
    recorded.chains = std::move(gathered.chains);
    std::ranges::sort(recorded.chains, {}, &PendingChain::id);
    return recorded;
}

}  // namespace plait::detail

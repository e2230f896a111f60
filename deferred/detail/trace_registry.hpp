// The records of tracing: one for each Core made while it is on, owned by that Core, in one list.
// Not what users see: deferred/trace.hpp makes that of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plait/deferred/detail/core.hpp"
#include "plait/deferred/trace.hpp"

namespace plait::detail {

/// What a Core does not know itself. Guarded by the registry's lock: Cores end in any thread.
class TraceRecord final : public Core::Block {
public:
    explicit TraceRecord(const Core& of) noexcept;

    const Core& core;
    const void* const thread;  // of its making
    const std::chrono::steady_clock::time_point made_at;
    std::uint64_t id = 0;
    std::uint64_t part_of = 0;
    std::string name;
    TraceRecord* newer = nullptr;
    TraceRecord* older = nullptr;
};

/// Looks into Cores; the only one that may.
class TraceView {
public:
    static TraceRecord* record(const Core& core) noexcept;
    static void keep(Core& core, TraceRecord& record) noexcept;

    static const Core* waits_for(const Core& core) noexcept { return core.waiting_on_; }
    /// Somebody has it, and it has or will have a result.
    static bool lives(const Core& core) noexcept;
    /// All but what is in records; `failure` is for failed ones.
    static PendingChain look(const Core& core, const Failure*& failure) noexcept;
};

/// The chains of this thread, and how many chains of all threads had no room since tracing was turned on.
struct Recorded {
    std::vector<PendingChain> chains;
    std::uint64_t without_room = 0;
};
Recorded recorded_chains();
void forget_chains_without_room() noexcept;

/// A chain whose Promise was fired.
struct FiredChain {
    std::uint64_t id = 0;
    SourceLocation made;
    SourceLocation fired;
    std::string name;
};
/// Kept for a while, also after the chain has ended. Null when it is forgotten.
std::optional<FiredChain> find_fired(std::uint64_t id);

struct MadeChain {
    SourceLocation made;
    std::string name;
};
/// The chain of this thread that is at that address now, if there is one. `core` is only compared.
std::optional<MadeChain> find_chain(const Core* core);

}  // namespace plait::detail

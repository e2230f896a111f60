// What chains tell the tracing about themselves. Not the tracing itself: that is deferred/trace.hpp.
// While it is off this is a flag, looked at once for each Core that is made.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "plait/deferred/failure.hpp"

namespace plait::detail {

class Core;

extern constinit std::atomic<bool> tracing_on;

inline bool tracing_enabled() noexcept {
    return tracing_on.load(std::memory_order_relaxed);
}

/// Begins a record of `core`, which owns it. None when there are too many, or no memory.
void trace_made(Core& core) noexcept;

// For Cores that have a record; nothing for others.
void trace_ended(Core& core) noexcept;
void trace_named(Core& core, std::string_view name) noexcept;
void trace_part(Core& part, const Core& whole) noexcept;

/// "" when it has none.
std::string traced_name(const Core& core);

/// What can be said of a slot: nothing in it, a Failure, or else a value.
struct SlotLook {
    bool empty = true;
    const Failure* failure = nullptr;
};

/// "file.cpp:12 in f".
std::string describe_place(const SourceLocation& place);

/// What the chain is and does; `result` is what it has when it is ready.
std::string describe_core(const Core& core, const std::string& result);

}  // namespace plait::detail

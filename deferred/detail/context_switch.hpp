// Which context is current in this thread, as chains, coroutines and clocks keep and switch it.
// Not for users: deferred/context.hpp is the face. Where no context is used, each call here is a load and a compare.
#pragma once

#include <utility>

namespace plait::detail {

/// An immutable set of entries with a count that is atomic: contexts cross threads.
class ContextData;

void retain_context(ContextData* context) noexcept;
void release_context(ContextData* context) noexcept;

/// Owned: whoever replaces it takes or releases the reference. Null for most of most programs' lives. Initial-exec, so
/// that it is reached without a call, from shared libraries too.
extern constinit thread_local ContextData* current_context [[gnu::tls_model("initial-exec")]];

/// Makes `context`, whose reference it takes, the current one.
inline void set_context(ContextData* context) noexcept {
    ContextData* before = std::exchange(current_context, context);
    if (before != nullptr) release_context(before);
}

/// What runs next was asked for outside any context.
inline void leave_all_contexts() noexcept {
    if (current_context != nullptr) [[unlikely]]
        set_context(nullptr);
}

/// The destructor makes the context current that was so when this was made, whatever happened in between.
class ContextGuard {
public:
    ContextGuard() noexcept : before_(current_context) {
        if (before_ != nullptr) [[unlikely]]
            retain_context(before_);
    }
    ContextGuard(const ContextGuard&) = delete;
    ContextGuard& operator=(const ContextGuard&) = delete;
    ~ContextGuard() {
        leave_all_contexts();
        current_context = before_;
    }

private:
    ContextData* before_;
};

/// A coroutine's side of the exchange: while it runs, what was current around it; while it is suspended, its own.
/// The two begin as one. Destroying it releases what it holds.
class CoroutineContext {
public:
    CoroutineContext() noexcept : other_(current_context) {
        if (other_ != nullptr) [[unlikely]]
            retain_context(other_);
    }
    CoroutineContext(const CoroutineContext&) = delete;
    CoroutineContext& operator=(const CoroutineContext&) = delete;
    ~CoroutineContext() {
        if (other_ != nullptr) [[unlikely]]
            release_context(other_);
    }

    /// At each resumption and each suspension.
    void exchange() noexcept {
        if (current_context != other_) [[unlikely]]
            std::swap(current_context, other_);
    }

private:
    ContextData* other_;
};

}  // namespace plait::detail

// The part of a chain that does not depend on types: one Core per Promise or coroutine, with its links and its waiter.
// Not thread-safe and not for users; deferred.hpp is the face.
//
//   unfired --fire--> running links --last link ran--> settled --result taken--> (freed)
//      |                 |      ^
//      |                 v      | the inner result arrives
//      |              waiting for an inner Core (a link returned a Deferred, or a coroutine awaits one)
//      +--drop--> abandoned: canceller asked, links destroyed unrun. Possible in every state; while a callback, a body
//                 or a canceller runs, that ends first, and then the line above it: it may refer to what is there.
// Paused, in whatever state, no further link runs and nothing settles; who waits for it waits on.
//
// Owners: `references_` counts the tail (the Deferred, the Core that waits for it, or itself once detached), the
// Promise, and each stack frame that is inside. Every Core waits for at most one other and is waited for by at most
// one, so each tree of waits is a line: firing, cancelling and destroying walk it by loop, never by recursion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "plait/deferred/detail/context_switch.hpp"
#include "plait/deferred/detail/recycler.hpp"
#include "plait/deferred/detail/trace_hooks.hpp"
#include "plait/deferred/failure.hpp"
#include "plait/deferred/pause.hpp"

namespace plait::detail {

class Core;
class CoreGuard;

/// One callback of a chain. Lives in its Core's arena.
struct Link {
    /// Runs the callback for `core`, or destroys it unrun for null; the callable's life ends either way.
    void (*end)(Link&, Core* core) noexcept;
    Link* next = nullptr;
};

/// The canceller, type-erased, in the arena.
struct CancelNode {
    void (*call)(CancelNode&, Core&);
    void (*destroy)(CancelNode&) noexcept;
};

class Core {
public:
    /// Moves a result between two slots of one type; a null `from` puts "waits for itself" there instead.
    using Transfer = void (*)(void* to, void* from) noexcept;
    /// Empties a slot, reporting a Failure that nobody read; with a null Core it only looks.
    using Discard = SlotLook (*)(void* slot, const Core* holder) noexcept;

    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    void retain() noexcept { ++references_; }
    void release() noexcept {
        if (--references_ == 0) deallocate();
    }

    // --- the producer's side
    bool fired() const noexcept { return fired_; }
    bool wanted() const noexcept { return !fired_ && !abandoned_ && !cancelled_; }
    bool ignores_results() const noexcept { return abandoned_ || cancelled_; }
    bool asking_canceller() const noexcept { return asking_canceller_; }
    void set_canceller(CancelNode* node) noexcept;
    /// The first slot has its result: runs what waits for it. The caller keeps the Core, here and below.
    void fire(void* slot, Discard discard) noexcept;
    /// The producer's result will be that of `inner`, which this Core owns from now on.
    void fire_with(Core* inner, void* slot, Transfer transfer, Discard discard) noexcept;

    // --- the consumer's side
    bool settled() const noexcept {
        return fired_ && !running_ && !paused_ && waiting_on_ == nullptr && first_link_ == nullptr;
    }
    void append(Link* link) noexcept {
        (first_link_ == nullptr ? first_link_ : last_link_->next) = link;
        last_link_ = link;
    }
    /// Before a callback is made and appended: it will run in the context that is current now.
    void keep_context() {
        if (current_context != nullptr || contexts_) [[unlikely]]
            append_context();
    }
    void* slot() const noexcept { return slot_; }
    /// What the present result is. Not while running.
    SlotLook look() const noexcept {
        return discard_ != nullptr && slot_ != nullptr ? discard_(slot_, nullptr) : SlotLook();
    }
    std::size_t callbacks_waiting() const noexcept;
    /// There is a record of it in the tracing.
    bool traced() const noexcept { return traced_; }
    SourceLocation made() const noexcept { return made_; }
    /// Keeps itself alive until it has settled.
    void detach() noexcept { detached_ = true; }

    // --- inside links and coroutines
    void set_result(void* slot, Discard discard) noexcept {
        slot_ = slot;
        discard_ = discard;
    }
    /// Takes `inner` over and waits for it. False: there is nothing to wait for, the result is in `to`.
    /// `to` is empty, and set_result(to, ...) has been called if it is to be discarded with this Core.
    bool wait_for(Core* inner, void* to, Transfer transfer) noexcept;

    /// Room in the arena: as long as the Core.
    void* allocate(std::size_t size, std::size_t alignment) {
        // Rounded up, so that only more than the usual alignment needs a gap.
        size = (size + alignof(void*) - 1) / alignof(void*) * alignof(void*);
        const std::size_t gap =
            alignment <= alignof(void*) ? 0 : -reinterpret_cast<std::uintptr_t>(free_) & (alignment - 1);
        if (gap + size > room_) return allocate_in_new_block(size, alignment);
        std::byte* at = free_ + gap;
        free_ = at + size;
        room_ = static_cast<std::uint16_t>(room_ - gap - size);
        return at;
    }

    // Cores and coroutine frames are recycled. An over-aligned result makes an over-aligned Core, which is not.
    static void* operator new(std::size_t size) { return recycled_new(size); }
    static void* operator new(std::size_t size, std::align_val_t alignment) { return ::operator new(size, alignment); }
    static void operator delete(void* memory, std::size_t size) noexcept { recycled_delete(memory, size); }
    static void operator delete(void* memory, std::size_t size, std::align_val_t alignment) noexcept {
        ::operator delete(memory, size, alignment);
    }

    /// Memory of the arena, or an object kept with the Core: it goes when the Core ends or is dropped; with a coroutine
    /// after its locals and parameters. `end` ends the object. The memory is allocate_block()'s.
    struct Block {
        Block* next = nullptr;
        std::size_t size;
        std::size_t alignment;
        void (*end)(Block&) noexcept = nullptr;
    };
    void keep(Block& block) noexcept {
        keeps_ = true;
        block.next = std::exchange(blocks_, &block);
    }
    /// Memory for a Block, and back.
    static void* allocate_block(std::size_t size, std::size_t alignment);
    static void free_block(void* memory, std::size_t size, std::size_t alignment) noexcept;
    /// With the object in it, if that has not ended.
    static void free(Block& block) noexcept;

    friend void drop(Core* tail) noexcept;
    friend void cancel(Core* tail) noexcept;
    friend class plait::Pause;
    friend class TraceView;

protected:
    Core(SourceLocation made, std::byte* arena, std::uint16_t room) noexcept : free_(arena), made_(made), room_(room) {
        if (tracing_enabled()) [[unlikely]]
            trace_made(*this);
    }
    virtual ~Core() {
        if (blocks_ != nullptr) free_all(blocks_);
    }

    virtual void deallocate() noexcept = 0;
    /// Fails an unfired producer; the caller runs the chain.
    virtual void fail(Failure failure) noexcept = 0;
    /// Continues the coroutine. Only for Cores that are one.
    virtual void resume() noexcept {}
    /// Where a coroutine awaits, or has last done so; null for Cores that are none.
    virtual const SourceLocation* awaits_at() const noexcept { return nullptr; }

    // A coroutine is "running" from its start to each suspension, and fired when its body has ended.
    void mark_started() noexcept { running_ = true; }
    void mark_suspended() noexcept { running_ = false; }
    void mark_finished(void* slot, Discard discard) noexcept {
        fired_ = true;
        set_result(slot, discard);
    }

    /// For a Core whose memory goes before what it keeps; the record of the tracing ends here. Give it to free_all().
    Block* leave_blocks() noexcept {
        if (traced_) [[unlikely]]
            trace_ended(*this);
        return std::exchange(blocks_, nullptr);
    }
    static void free_all(Block* blocks) noexcept;

private:
    void* allocate_in_new_block(std::size_t size, std::size_t alignment);
    static void advance(Core* start) noexcept;
    void append_context();
    void run_links() noexcept;
    bool continue_coroutine() noexcept;
    void step_aside() noexcept;
    static void end_line(Core* innermost) noexcept;
    static void end_dropped(CoreGuard& core) noexcept;
    bool busy() const noexcept { return running_ || asking_canceller_; }
    void clear() noexcept;
    void discard_result() noexcept;
    void ask_canceller() noexcept;
    void drop_canceller() noexcept;
    void destroy_links() noexcept;
    void go_on() noexcept;
    void let_go_of_pauses() noexcept;
    void end_kept() noexcept;
    /// Waits, and has nothing to do with what comes but hand it on.
    bool passes_on() const noexcept {
        return fired_ && !running_ && !paused_ && first_link_ == nullptr && waiting_on_ != nullptr;
    }
    /// No code of the user's runs when its memory goes: no parameters of a coroutine, nothing kept.
    bool ends_silently() const noexcept { return !keeps_ && awaits_at() == nullptr; }
    bool waits_for_itself_through(const Core* inner) const noexcept;

    Core* waiter_ = nullptr;      // owns our tail, unless null
    Core* waiting_on_ = nullptr;  // we own its tail
    Pause* pauses_ = nullptr;
    Link* first_link_ = nullptr;
    Link* last_link_ = nullptr;
    void* slot_ = nullptr;  // the present result; while waiting, where the awaited one goes
    Discard discard_ = nullptr;
    Transfer transfer_ = nullptr;
    CancelNode* canceller_ = nullptr;
    std::byte* free_;  // the arena's
    Block* blocks_ = nullptr;
    SourceLocation made_;
    std::uint32_t references_ = 1;
    std::uint16_t room_;  // bytes from free_ on
    bool fired_ : 1 = false;
    bool running_ : 1 = false;
    bool abandoned_ : 1 = false;
    bool cancelled_ : 1 = false;
    bool cancel_requested_ : 1 = false;
    bool asking_canceller_ : 1 = false;
    bool detached_ : 1 = false;
    bool paused_ : 1 = false;
    bool traced_ : 1 = false;
    bool contexts_ : 1 = false;   // some link enters one: those after it each say which is theirs
    bool keeps_ : 1 = false;      // objects of the user's
    bool end_waits_ : 1 = false;  // dropped while busy: whoever makes it so ends it, and those that wait for it
    // Named, so that all 16 bits are stored at once: setting twelve would load the rest first, bytes that the Core
    // before this one has just stored one by one, and wait for them.
    [[maybe_unused]] unsigned char spare_ : 4 = 0;
};

/// The end of a tail's life: cancels what is pending, destroys callbacks and coroutines unrun, innermost first.
void drop(Core* tail) noexcept;

/// Asks the innermost producer to stop; the chain sees its answer, or Cancelled.
void cancel(Core* tail) noexcept;

/// Keeps a Core's memory through a scope.
class CoreGuard {
public:
    explicit CoreGuard(Core* core) noexcept : core_(core) { core_->retain(); }
    CoreGuard(const CoreGuard&) = delete;
    CoreGuard& operator=(const CoreGuard&) = delete;
    ~CoreGuard() {
        if (core_ != nullptr) core_->release();
    }

    Core* operator->() const noexcept { return core_; }
    void replace(Core* core) noexcept {
        core->retain();
        std::exchange(core_, core)->release();
    }
    /// Somebody else keeps it from now on.
    Core* leave() noexcept {
        core_->release();
        return std::exchange(core_, nullptr);
    }

private:
    Core* core_;
};

}  // namespace plait::detail

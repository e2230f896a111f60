#include "plait/deferred/detail/core.hpp"

#include <algorithm>
#include <new>

#include "plait/deferred/errors.hpp"
#include "plait/deferred/unhandled.hpp"

namespace plait::detail {

namespace {

constexpr std::size_t usual_block = 248;

/// Not a callback: makes a context, or null for none, current for the link behind it.
struct EnterContext final : Link {
    explicit EnterContext(ContextData* taken) noexcept : Link{&enter_or_forget}, context(taken) {}

    static void enter_or_forget(Link& base, Core* core) noexcept {
        ContextData* context = static_cast<EnterContext&>(base).context;
        if (core != nullptr) {
            set_context(context);
        } else if (context != nullptr) {
            release_context(context);
        }
    }

    ContextData* context;
};

}  // namespace

void* Core::allocate_in_new_block(std::size_t size, std::size_t alignment) {
    const std::size_t header = (sizeof(Block) + alignment - 1) / alignment * alignment;
    const std::size_t block_size = std::max(usual_block, header + size);
    void* memory = allocate_block(block_size, alignment);
    blocks_ = ::new (memory) Block{blocks_, block_size, alignment};
    std::byte* at = static_cast<std::byte*>(memory) + header;
    free_ = at + size;
    room_ = static_cast<std::uint16_t>(std::min<std::size_t>(block_size - header - size, UINT16_MAX));
    return at;
}

void* Core::allocate_block(std::size_t size, std::size_t alignment) {
    if (alignment > __STDCPP_DEFAULT_NEW_ALIGNMENT__) return ::operator new(size, std::align_val_t(alignment));
    return recycled_new(size);
}

void Core::free_block(void* memory, std::size_t size, std::size_t alignment) noexcept {
    if (alignment > __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
        ::operator delete(memory, size, std::align_val_t(alignment));
    } else {
        recycled_delete(memory, size);
    }
}

void Core::free(Block& block) noexcept {
    const std::size_t size = block.size;
    const std::size_t alignment = block.alignment;
    if (block.end != nullptr) block.end(block);
    free_block(&block, size, alignment);
}

void Core::free_all(Block* blocks) noexcept {
    while (blocks != nullptr)
        free(*std::exchange(blocks, blocks->next));
}

void Core::append_context() {
    auto* link = ::new (allocate(sizeof(EnterContext), alignof(EnterContext))) EnterContext(current_context);
    if (current_context != nullptr) retain_context(current_context);
    contexts_ = true;
    append(link);
}

std::size_t Core::callbacks_waiting() const noexcept {
    std::size_t count = 0;
    for (const Link* link = first_link_; link != nullptr; link = link->next)
        count += link->end != &EnterContext::enter_or_forget ? 1 : 0;
    return count;
}

void Core::fire(void* slot, Discard discard) noexcept {
    fired_ = true;
    set_result(slot, discard);
    if (canceller_ != nullptr) drop_canceller();
    advance(this);
}

void Core::fire_with(Core* inner, void* slot, Transfer transfer, Discard discard) noexcept {
    CoreGuard guard(this);
    fired_ = true;
    set_result(slot, discard);
    drop_canceller();
    running_ = true;  // until it is settled what to wait for, an end that comes from outside must wait, too
    const bool waits = wait_for(inner, slot, transfer);
    running_ = false;
    if (!waits || abandoned_) return advance(this);
    if (waiting_on_ != nullptr) step_aside();
}

// Firing -------------------------------------------------------------------------------------------------------------

inline void Core::run_links() noexcept {
    leave_all_contexts();
    running_ = true;
    while (Link* link = first_link_) {
        if (waiting_on_ != nullptr || abandoned_ || paused_) break;
        first_link_ = link->next;
        link->end(*link, this);
    }
    running_ = false;
}

// Runs `start`, then whoever waited for it, then whoever waited for that one, for as long as each of them settles.
void Core::advance(Core* start) noexcept {
    CoreGuard core(start);
    const ContextGuard context;
    for (;;) {
        core->run_links();
        if (core->abandoned_) return end_dropped(core);
        if (core->waiting_on_ != nullptr) return core->step_aside();
        if (core->paused_) return;
        if (core->detached_) {
            core->detached_ = false;
            core->discard_result();
            core->release();
            return;
        }
        Core* waiter = std::exchange(core->waiter_, nullptr);
        if (waiter == nullptr) return;
        waiter->waiting_on_ = nullptr;
        waiter->running_ = true;  // what ends on the way to it may drop it
        if (core->cancel_requested_) waiter->cancel_requested_ = true;
        waiter->transfer_(waiter->slot_, core->slot_);
        core->release();  // the tail, which the waiter owned
        core.replace(waiter);
        if (!core->continue_coroutine()) return;
    }
}

// False when there is nothing to run or to end after it: it waits again.
bool Core::continue_coroutine() noexcept {
    if (!fired_ && !abandoned_) resume();
    return fired_ || abandoned_;
}

bool Core::wait_for(Core* inner, void* to, Transfer transfer) noexcept {
    if (abandoned_) {
        drop(inner);
        return true;
    }
    if (cancel_requested_) {
        cancel_requested_ = false;
        cancel(inner);
        if (abandoned_) {
            drop(inner);
            return true;
        }
    }
    // Looked for after the cancelling: its answer may have made `inner` wait for us.
    if (waits_for_itself_through(inner)) {
        drop(inner);
        transfer(to, nullptr);
        return false;
    }
    if (inner->settled()) {
        transfer(to, inner->slot_);
        inner->release();
        return false;
    }
    // An inner that itself only waits, with nothing to run afterwards, is passed over: a loop written as a callback
    // that returns the next round then keeps one Core, not one a round. Not where that would call anybody: they would
    // find the line cut.
    while (inner->passes_on() && inner->ends_silently()) {
        Core* next = std::exchange(inner->waiting_on_, nullptr);
        inner->release();
        inner = next;
    }
    slot_ = to;
    transfer_ = transfer;
    waiting_on_ = inner;
    inner->waiter_ = this;
    return true;
}

// The same shortening for a Core that already has a waiter when it begins to wait itself.
void Core::step_aside() noexcept {
    if (!passes_on() || waiter_ == nullptr) return;
    Core* inner = std::exchange(waiting_on_, nullptr);
    Core* waiter = std::exchange(waiter_, nullptr);
    inner->waiter_ = waiter;
    waiter->waiting_on_ = inner;
    release();
}

// Walks up and down in step, so it costs the shorter of the two sides: long lines are built from one end or the other.
bool Core::waits_for_itself_through(const Core* inner) const noexcept {
    const Core* up = this;
    const Core* down = inner;
    while (up != nullptr && down != nullptr) {
        if (down == this || up == inner) return true;
        up = up->waiter_;
        down = down->waiting_on_;
    }
    return false;
}

// Ending -------------------------------------------------------------------------------------------------------------

// Innermost first, as C++ destroys: what an inner operation refers to may live in the frame that waits for it.
void drop(Core* tail) noexcept {
    Core* core = tail;
    for (;;) {
        core->abandoned_ = true;
        core->let_go_of_pauses();
        if (core->waiting_on_ == nullptr) break;
        core = core->waiting_on_;
    }
    Core::end_line(core);
}

void Core::end_line(Core* innermost) noexcept {
    for (Core* core = innermost; core != nullptr;) {
        if (core->busy()) {
            core->end_waits_ = true;
            return;
        }
        Core* waiter = std::exchange(core->waiter_, nullptr);
        if (waiter != nullptr) waiter->waiting_on_ = nullptr;
        if (!core->fired_ && core->canceller_ != nullptr) core->ask_canceller();
        core->clear();
        core->release();
        core = waiter;
    }
}

// For whoever ran it, when that has returned. A coroutine's frame goes before those that wait for it, so the guard must
// not keep it.
void Core::end_dropped(CoreGuard& core) noexcept {
    core->running_ = false;
    if (!core->end_waits_) return core->clear();
    core->end_waits_ = false;
    end_line(core.leave());
}

void Core::clear() noexcept {
    drop_canceller();
    discard_result();
    destroy_links();
    if (blocks_ != nullptr && awaits_at() == nullptr) end_kept();  // a coroutine's locals may refer to them
}

// Not left to the end of the memory: somebody's Promise may keep that for long.
void Core::end_kept() noexcept {
    for (Block* block = blocks_; block != nullptr; block = block->next)
        if (auto* end = std::exchange(block->end, nullptr)) end(*block);
}

void Core::discard_result() noexcept {
    if (discard_ != nullptr && slot_ != nullptr) std::exchange(discard_, nullptr)(std::exchange(slot_, nullptr), this);
}

void Core::destroy_links() noexcept {
    while (first_link_ != nullptr) {
        Link* link = std::exchange(first_link_, first_link_->next);
        link->end(*link, nullptr);
    }
}

// Cancelling ---------------------------------------------------------------------------------------------------------

void cancel(Core* tail) noexcept {
    Core* core = tail;
    while (core->waiting_on_ != nullptr)
        core = core->waiting_on_;
    if (core->running_) {
        core->cancel_requested_ = true;
        return;
    }
    if (!core->wanted() || core->asking_canceller_) return;
    CoreGuard guard(core);
    if (core->canceller_ != nullptr) core->ask_canceller();
    if (core->abandoned_) return Core::end_dropped(guard);
    if (!core->wanted()) return;
    core->cancelled_ = true;
    core->fail(make_failure(Cancelled()));
}

void Core::set_canceller(CancelNode* node) noexcept {
    // The old one's captures may fire as they go: then the new one goes, too.
    if (CancelNode* old = std::exchange(canceller_, node)) old->destroy(*old);
}

// At most once: the node is taken out before it is called.
void Core::ask_canceller() noexcept {
    CancelNode* node = std::exchange(canceller_, nullptr);
    asking_canceller_ = true;
    try {
        node->call(*node, *this);
    } catch (...) {
        report_unhandled_failure(Failure::current(), made_);
    }
    node->destroy(*node);
    asking_canceller_ = false;
}

void Core::drop_canceller() noexcept {
    if (CancelNode* node = std::exchange(canceller_, nullptr)) node->destroy(*node);
}

}  // namespace plait::detail

#include "plait/deferred/detail/recycler.hpp"

#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define PLAIT_RECYCLES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define PLAIT_RECYCLES 0
#endif
#endif
#ifndef PLAIT_RECYCLES
#define PLAIT_RECYCLES 1
#endif

namespace plait::detail {

namespace {

constexpr bool recycles = PLAIT_RECYCLES != 0;

struct Piece {
    Piece* next;
};

// Sizes of one class fill a chunk of the usual allocators, which is a multiple of 16 with 8 bytes of their own in it.
constexpr std::size_t grain = 16;
constexpr std::size_t class_of(std::size_t size) noexcept {
    return (size + grain / 2 - 1) / grain;
}
constexpr std::size_t size_of_class(std::size_t index) noexcept {
    return index * grain + grain / 2;
}
constexpr std::size_t classes = class_of(largest_recycled) + 1;

// Plain data, so that it outlives every other thread_local and is reached without asking whether it was made.
struct Store {
    enum class State { unused, open, ended };
    Piece* pieces[classes];
    std::size_t room;  // bytes that may still be kept; none before it is open, nor after
    State state;
};
constinit thread_local Store kept{};

struct ThreadEnd {
    ~ThreadEnd() {
        give_back_recycled();
        kept.room = 0;
        kept.state = Store::State::ended;
    }
    void watch() noexcept {}
};
thread_local ThreadEnd thread_end;

/// At a thread's first piece: sees to its end. False: it had its first before.
bool open_store() noexcept {
    if (kept.state != Store::State::unused) return false;
    thread_end.watch();
    kept.state = Store::State::open;
    kept.room = recycler_bound;
    return true;
}

[[gnu::noinline]] void delete_without_room(void* memory, std::size_t size) noexcept {
    if (open_store()) return recycled_delete(memory, size);
    ::operator delete(memory, size_of_class(class_of(size)));
}

}  // namespace

void* recycled_new(std::size_t size) {
    const std::size_t index = class_of(size);
    if (!recycles || index >= classes) return ::operator new(size);
    Store& store = kept;
    Piece* piece = store.pieces[index];
    if (piece == nullptr) return ::operator new(size_of_class(index));
    store.pieces[index] = piece->next;
    store.room += size_of_class(index);
    return piece;
}

void recycled_delete(void* memory, std::size_t size) noexcept {
    const std::size_t index = class_of(size);
    if (!recycles || index >= classes) return ::operator delete(memory, size);
    Store& store = kept;
    const std::size_t bytes = size_of_class(index);
    if (store.room < bytes) return delete_without_room(memory, size);
    store.pieces[index] = ::new (memory) Piece{store.pieces[index]};
    store.room -= bytes;
}

void give_back_recycled() noexcept {
    for (std::size_t index = 0; index < classes; ++index) {
        while (Piece* piece = kept.pieces[index]) {
            kept.pieces[index] = piece->next;
            ::operator delete(piece, size_of_class(index));
            kept.room += size_of_class(index);
        }
    }
}

std::size_t recycled_bytes() noexcept {
    std::size_t bytes = 0;
    for (std::size_t index = 0; index < classes; ++index)
        for (const Piece* piece = kept.pieces[index]; piece != nullptr; piece = piece->next)
            bytes += size_of_class(index);
    return bytes;
}

bool recycler_is_on() noexcept {
    return recycles;
}

}  // namespace plait::detail

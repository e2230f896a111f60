// Keeps an object for as long as a Deferred's source may use it. What makes lambda coroutines safe where we own the
// lambda.
// Not a callback's capture: those go before the coroutine's locals, which may refer to the object.
#pragma once

#include <memory>
#include <utility>

#include "plait/deferred/deferred.hpp"

namespace plait::detail {

/// An object in a block that a Core can own.
template <typename T>
class Kept final : public Core::Block {
public:
    struct Free {
        void operator()(Kept* kept) const noexcept { Core::free(*kept); }
    };
    using Owner = std::unique_ptr<Kept, Free>;

    template <typename... Args>
    static Owner make(Args&&... args) {
        void* memory = Core::allocate_block(sizeof(Kept), alignof(Kept));
        try {
            return Owner(::new (memory) Kept(std::forward<Args>(args)...));
        } catch (...) {
            Core::free_block(memory, sizeof(Kept), alignof(Kept));
            throw;
        }
    }

    union {
        T object;
    };

private:
    template <typename... Args>
    explicit Kept(Args&&... args)
        : Core::Block{nullptr, sizeof(Kept), alignof(Kept), &end_object}, object(std::forward<Args>(args)...) {}
    ~Kept() = delete;

    static void end_object(Core::Block& block) noexcept { static_cast<Kept&>(block).object.~T(); }
};

/// Frees `kept` with the source of `deferred`: once it has ended, or was dropped; from inside, when it has returned. At
/// once when `deferred` is ready.
template <typename U, typename T>
void keep_with(Deferred<U>& deferred, std::unique_ptr<T, typename T::Free> kept) noexcept {
    Slot<U>& slot = Access::slot(deferred);
    if (slot.is_pending()) slot.core()->keep(*kept.release());
}

}  // namespace plait::detail

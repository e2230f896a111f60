// Deferred::attach(): keeps objects alive for what a Deferred waits for.
// Not a callback's capture, which goes before the locals of a coroutine that may refer to it.
#pragma once

#include <optional>
#include <tuple>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/keep.hpp"

namespace plait {

namespace detail {

template <typename... Objects>
using Attached = std::optional<std::tuple<Objects...>>;

/// Lets the objects go with the result. They lie in the Core: one that is dropped ends them itself, after the locals of
/// a coroutine, which may refer to them.
template <typename... Objects>
struct LetGo {
    Attached<Objects...>* attached;

    template <typename T>
    void run(Slot<T>& in, Slot<T>& out) noexcept {
        out.take(in);
        attached->reset();
    }
};

template <typename T, typename... Objects>
struct IncludeAttachHpp {
    using Next = Deferred<T>;
};

}  // namespace detail

///     return socket.write(*buffer).attach(std::move(buffer));
///
/// What uses the objects was added before, or is the source itself; pass by reference only what does not move when its
/// owner does, such as what a unique_ptr points to.
///
/// Lifetime: moves (copies, for an lvalue) the objects. They are destroyed when the result is here, well or not, before
///           the next callback runs: a result must not refer to them. When the Deferred is dropped they go after all
///           that it waits for, the locals of a coroutine included. A ready Deferred lets them go at once. Their
///           destructors may drop the Deferred. In which order several go is not promised. The parameters of a
///           coroutine that ended outlive its result, and with it the objects: their destructors must not use them.
/// Source:   KJ's Promise::attach.
template <typename T>
template <typename... Objects>
typename detail::IncludeAttachHpp<T, Objects...>::Next Deferred<T>::attach(Objects&&... objects) && {
    using Attached = detail::Attached<std::decay_t<Objects>...>;
    settle();
    if (!slot_.is_pending()) {
        [[maybe_unused]] const Attached ended(std::in_place, std::forward<Objects>(objects)...);
        return std::move(*this);
    }
    auto kept = detail::Kept<Attached>::make(std::in_place, std::forward<Objects>(objects)...);
    detail::Core& core = *slot_.core();
    detail::LetGo<std::decay_t<Objects>...> let_go{&kept->object};
    auto next = append<T>(std::move(let_go), SourceLocation::current());
    core.keep(*kept.release());
    return next;
}

}  // namespace plait

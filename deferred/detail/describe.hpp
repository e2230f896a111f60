// Results and slots in words. The body of describe() in deferred/trace.hpp.
// Not a formatter: numbers and texts are shown, of other values only the type is.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/trace_hooks.hpp"
#include "plait/deferred/type_name.hpp"

namespace plait::detail {

/// In quotes, and cut where it is long.
std::string quoted(std::string_view text);

template <typename T>
std::string describe_value(const T& value) {
    if constexpr (std::is_same_v<T, Unit>) {
        return "its result";
    } else if constexpr (std::is_same_v<T, bool>) {
        return value ? "the value true" : "the value false";
    } else if constexpr (std::is_arithmetic_v<T>) {
        return "the value " + std::to_string(value);
    } else if constexpr (std::is_convertible_v<const T&, std::string_view> && !std::is_pointer_v<T>) {
        return "the value " + quoted(value);
    } else {
        return "a " + readable_name(typeid(T));
    }
}

template <typename T>
std::string describe_result(const Slot<T>& slot) {
    if (slot.is_failure()) return "failed with " + slot.failure().message();
    return slot.is_value() ? "has " + describe_value(slot.value()) : "no result";
}

template <typename T>
std::string describe_slot(const Slot<T>& slot) {
    if (slot.is_empty()) return "an empty Deferred";
    if (!slot.is_pending()) return "a Deferred; " + describe_result(slot);
    const Core& core = *slot.core();
    return describe_core(core, core.settled() ? describe_result(*static_cast<const Slot<T>*>(core.slot())) : "");
}

}  // namespace plait::detail

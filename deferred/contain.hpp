// contain(): runs somebody's code and keeps its exceptions from the loop that called it.
// Not error handling: for calls whose failure has no receiver.
#pragma once

#include <utility>

#include "plait/deferred/unhandled.hpp"

namespace plait {

/// Calls `function`; what it throws is reported as an unhandled failure.
template <typename F>
void contain(F&& function) noexcept {
    try {
        std::forward<F>(function)();
    } catch (...) {
        report_unhandled_failure(Failure::current());
    }
}

}  // namespace plait

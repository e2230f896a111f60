// Reports: counts the unhandled failures reported in a scope, and keeps them off the terminal.
#pragma once

#include <cstdint>

#include "plait/deferred/unhandled.hpp"

namespace plait::testing {

class Reports {
public:
    Reports()
        : previous_(set_unhandled_failure_hook([](const UnhandledFailure&) {})), start_(unhandled_failure_count()) {}
    Reports(const Reports&) = delete;
    Reports& operator=(const Reports&) = delete;
    ~Reports() { set_unhandled_failure_hook(previous_); }

    std::uint64_t count() const { return unhandled_failure_count() - start_; }

private:
    UnhandledFailureHook previous_;
    std::uint64_t start_;
};

}  // namespace plait::testing

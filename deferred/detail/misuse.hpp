// What the library says when it is used wrongly, where only the run can tell: the mistake, and what to do.
// Not for what goes wrong outside the program; firing twice is in fired_twice.hpp. Mistakes that compilers see are
// static_asserts, beside what they guard.
#pragma once

#include <cstddef>
#include <type_traits>

#include "plait/deferred/source_location.hpp"

namespace plait {
class Failure;
}

namespace plait::detail {

class Core;

/// `done` ends "An empty Deferred was ...". `left` is the Core that has left it, if any; it may be gone.
[[noreturn]] void throw_empty_deferred(const char* done, const Core* left = nullptr);
[[noreturn]] void throw_not_ready(SourceLocation made);
[[noreturn]] void throw_empty_promise();
/// `taker` begins "... was given a null function".
[[noreturn]] void throw_null_function(const char* taker);

/// "A Deferred was made to wait for itself": an InvalidState.
Failure self_wait_failure();

/// Function pointers, std::function and their like; not lambdas, which some compilers turn into pointers to compare.
template <typename F>
concept MayBeNull = requires(const F& f) {
    F(nullptr);
    static_cast<bool>(f);
};

template <typename F>
void require_function(const F& f, const char* taker) {
    if constexpr (MayBeNull<F>) {
        if (!static_cast<bool>(f)) throw_null_function(taker);
    }
}

/// The body of every chain method called on a variable.
template <typename R, typename... A>
R must_be_moved() {
    static_assert(
        sizeof...(A) > 1000,
        "a chain method takes its Deferred: write std::move(deferred).add_callback(...) and keep what it gives");
    return R();
}

}  // namespace plait::detail

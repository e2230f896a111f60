#include "plait/deferred/detail/misuse.hpp"

#include <string>

#include "plait/deferred/detail/describe.hpp"
#include "plait/deferred/detail/trace_registry.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/deferred/failure.hpp"

namespace plait::detail {

namespace {

/// " It was made at main.cpp:7.", or nothing when that is not known.
std::string made_at(SourceLocation made) {
    if (made.line() == 0) return {};
    return std::string(" It was made at ") + made.file_name() + ":" + std::to_string(made.line()) + ".";
}

}  // namespace

void throw_empty_deferred(const char* done, const Core* left) {
    std::string text = std::string("An empty Deferred was ") + done +
                       ": it was default-made, moved from, awaited, or its result was taken. Use the Deferred that the "
                       "last call on it returned.";
    if (const auto chain = find_chain(left)) {
        text.append(" If what it held still waits, that ");
        if (!chain->name.empty()) text.append("is ").append(quoted(chain->name)).append(", and ");
        text.append("was made at ").append(describe_place(chain->made)).append(".");
    }
    throw InvalidState(text);
}

void throw_not_ready(SourceLocation made) {
    throw InvalidState("take() was called on a Deferred that is not ready: ask ready() first, or add a callback." +
                       made_at(made));
}

void throw_empty_promise() {
    throw InvalidState(
        "An empty Promise was fired: it was default-made or moved from. Fire the one that it was moved to.");
}

void throw_null_function(const char* taker) {
    throw InvalidState(std::string(taker) + " was given a null function. Give it one, or leave the call out.");
}

Failure self_wait_failure() {
    return make_failure(InvalidState(
        "A Deferred was made to wait for itself: a callback returned, or a coroutine awaited, the Deferred "
        "whose result it is computing. Return the value, or a Deferred that ends without this one."));
}

}  // namespace plait::detail

#include "plait/deferred/unique_function.hpp"

#include "plait/deferred/errors.hpp"

namespace plait::detail {

void throw_empty_function() {
    throw InvalidState("An empty UniqueFunction was called: it was moved from, reset, or never given a callable.");
}

}  // namespace plait::detail

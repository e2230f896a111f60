// The words of dump_pending(). Not the tree: that is deferred/trace.cpp.
#pragma once

#include <chrono>
#include <string>

#include "plait/deferred/trace.hpp"

namespace plait::detail {

/// "1.2 s".
std::string describe_age(std::chrono::nanoseconds age);

/// What the chain is and does, without line break at the end; line breaks in a Failure's text are followed by `indent`.
std::string describe_chain(const PendingChain& chain, const std::string& indent);

}  // namespace plait::detail

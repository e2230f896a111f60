// A type's name as its author wrote it, for messages.
// Not for telling types apart: two types may share a name, and compilers spell them differently.
#pragma once

#include <string>
#include <typeinfo>

namespace plait {

/// "plait::zk::NoNode". What the compiler calls it where that cannot be made readable.
std::string readable_name(const std::type_info& type);

}  // namespace plait

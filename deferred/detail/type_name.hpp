// A type's name as its author wrote it, for messages. Not for telling types apart.
#pragma once

#include <string>
#include <typeinfo>

namespace plait::detail {

std::string readable_name(const std::type_info& type);

}  // namespace plait::detail

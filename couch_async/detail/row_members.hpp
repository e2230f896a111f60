// One member of a row by name, by reading the row once. For the members that rows rarely have.
#pragma once

#include <string_view>

namespace plait::couch_async::detail {

/// The value's JSON text, empty where `row` is no object or has no such member. `row` has passed RowReader.
std::string_view find_member(std::string_view row, std::string_view name);

}  // namespace plait::couch_async::detail

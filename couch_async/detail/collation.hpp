// Collation: JSON keys as byte strings that compare as a view orders its rows.
// Not Unicode collation: strings compare by their bytes.
#pragma once

#include <string>
#include <string_view>

namespace plait::couch_async::detail {

/// null < false < true < numbers < strings < arrays < objects; arrays and objects by their elements, a shorter one
/// first. Equal keys give equal bytes (1 and 1.0 are equal). Throws std::invalid_argument when `json` is not JSON.
std::string collation_key(std::string_view json);

}  // namespace plait::couch_async::detail

// The envelope's text into a ViewMeta.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "plait/couch_async/view/meta.hpp"

namespace plait::couch_async::detail {

struct MetaParse {
    enum Result : std::uint8_t { ok, incomplete, broken, too_deep };

    Result result = ok;
    std::size_t position = 0;  ///< where it broke
    std::string detail;
};

/// Fills every field of `meta` but `text`, where `text` is a complete document; leaves `meta` alone otherwise.
MetaParse parse_meta(std::string_view text, std::size_t depth, ViewMeta& meta);

}  // namespace plait::couch_async::detail

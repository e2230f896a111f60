#include "plait/couch_async/view/rows.hpp"

#include <functional>

namespace plait::couch_async {

Bytes Rows::own(std::string_view part) const {
    if (part.empty()) return {};
    const std::less_equal<const char*> not_after;
    for (const Bytes& buffer : buffers_)
        if (not_after(buffer.begin(), part.data()) && not_after(part.data() + part.size(), buffer.end()))
            return buffer.slice_of(part);
    return Bytes::copy(part);
}

void Rows::clear() noexcept {
    rows_.clear();
    buffers_.clear();
    bytes_ = 0;
}

}  // namespace plait::couch_async

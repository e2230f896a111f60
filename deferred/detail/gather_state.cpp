#include "plait/deferred/detail/gather_state.hpp"

namespace plait::detail {

GatherState::~GatherState() = default;

void GatherState::release() {
    held_ = false;
    finish_if_due();
}

void GatherState::cancel_all() {
    if (held_) return;
    auto keep = shared_from_this();  // an answer may drop the whole
    held_ = true;
    cancel_parts();
    release();
}

void GatherState::finish_if_due() {
    if (held_ || (missing_ > 0 && !failure_)) return;
    auto keep = shared_from_this();  // firing ends the canceller that owns this
    held_ = true;
    if (!failure_) return succeed();
    cancel_parts();
    fail(*failure_);
}

// By index: an answer runs callbacks, which may look back here, but parts are neither added nor removed while held.
// Once an answer has dropped the whole, the rest are dropped as well, not cancelled.
void GatherState::cancel_parts() {
    for (std::size_t i = 0; i < parts_.size() && wanted(); ++i)
        parts_[i].cancel();
}

}  // namespace plait::detail

#include "plait/deferred/detail/group_state.hpp"

namespace plait::detail {

Failure first_error(std::size_t index, Failure failure) noexcept {
    try {
        return make_failure(FirstError(index, failure), failure.origin());
    } catch (...) {
        return failure;  // no memory for more
    }
}

GroupState::GroupState(std::size_t count, GroupRules rules) : missing_(count), rules_(rules) {
    parts_.reserve(count);
}

GroupState::~GroupState() {
    if (failure_) ignore(*failure_);
}

void GroupState::all_taken() {
    if (tracing_enabled()) [[unlikely]]
        trace_parts();
    held_ = false;
    go_on();
}

void GroupState::cancel_all() {
    if (held_) return;
    const Ref<GroupState> keep(this);  // an answer may drop the whole
    held_ = cancelled_ = true;
    cancel_parts();
    all_taken();
}

void GroupState::trace_parts() const noexcept {
    const Core* of = whole();
    if (of == nullptr) return;
    for (const Deferred<>& part : parts_)
        if (const auto& slot = Access::slot(part); slot.is_pending()) trace_part(*slot.core(), *of);
}

bool GroupState::decide(Failure failure) noexcept {
    failure_ = std::move(failure);
    return true;
}

void GroupState::ignore(const Failure& failure) const noexcept {
    if (!rules_.consume_errors) report_unhandled_failure(failure, failure.origin());
}

void GroupState::drop_parts() noexcept {
    held_ = decided_ = true;
    auto parts = std::move(parts_);
    parts_.clear();
}

void GroupState::ended(bool decides) noexcept {
    --missing_;
    if (decides) decided_ = true;
    if (!held_) go_on();
}

void GroupState::go_on() noexcept {
    if (finished_) {
        if (missing_ == 0) auto last = std::move(itself_);
        return;
    }
    if (missing_ > 0 && (!decided_ || rules_.others == Others::finish_first)) return;
    const Ref<GroupState> keep(this);  // firing ends the canceller that owns this
    if (missing_ > 0 && rules_.others == Others::cancel) {
        held_ = true;
        if (!cancelled_) cancel_parts();
        drop_parts();
    }
    finished_ = true;
    if (missing_ > 0 && rules_.others == Others::run_on) itself_ = keep;
    finish();
}

void GroupState::finish() noexcept {
    decided_ = true;
    if (!wanted()) return;  // an answer has dropped it: what was recorded is nobody's
    if (failure_) {
        Failure failure = *std::move(failure_);
        failure_.reset();
        return fail(std::move(failure));
    }
    try {
        succeed();
    } catch (...) {
        fail(Failure::current());
    }
}

// By index: an answer runs callbacks, which may look back here, but parts are neither added nor removed while held.
// Once an answer has dropped the whole, the rest are dropped as well, not cancelled.
void GroupState::cancel_parts() noexcept {
    for (std::size_t i = 0; i < parts_.size() && wanted(); ++i)
        parts_[i].cancel();
}

}  // namespace plait::detail

#include "plait/deferred/detail/failure_way.hpp"

#include <utility>

namespace plait::detail {

Failure thrown_by_step(const Failure* before, SourceLocation added) noexcept {
    Failure thrown = Failure::current(added);
    return before != nullptr && before->same_exception(thrown) ? *before : thrown;
}

void note_step(Failure& before, Failure& after, SourceLocation added) noexcept {
    if (before.exception_ptr() == nullptr) return after.note_passed(added, FailurePlace::Kind::skipped);
    if (!before.same_exception(after)) return;
    {
        const Failure let_go = std::move(before);
    }
    after.note_passed(added, FailurePlace::Kind::handed_on);
}

}  // namespace plait::detail

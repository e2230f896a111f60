#include "plait/deferred/detail/token_pool.hpp"

#include <utility>

#include "plait/deferred/errors.hpp"

namespace plait::detail {

Permit TokenPool::take(std::size_t tokens) noexcept {
    if (!line_.empty() || tokens > free_) return {};
    free_ -= tokens;
    return {shared_from_this(), tokens};
}

Deferred<Permit> TokenPool::wait_for(std::size_t tokens, SourceLocation made) {
    if (closed_) return fail<Permit>(Destroyed(name_), made);
    // Whoever is behind one that gave up may want less than that one did.
    return line_.join(tokens, [this] { hand_over(); }, made);
}

void TokenPool::give_back(std::size_t tokens) noexcept {
    free_ += tokens;
    hand_over();
}

// A callback that gives tokens back leaves the handing over to the loop that called it, so the stack stays flat.
void TokenPool::hand_over() noexcept {
    if (handing_over_ || closed_ || line_.empty()) return;
    const auto keep = shared_from_this();
    handing_over_ = true;
    while (!line_.empty() && line_.first_number() <= free_) {
        const std::size_t tokens = line_.first_number();
        free_ -= tokens;
        line_.leave_first().callback(Permit(keep, tokens));
    }
    handing_over_ = false;
}

void TokenPool::close() noexcept {
    closed_ = true;
    if (line_.empty()) return;
    const auto keep = shared_from_this();
    const Failure gone = make_failure(Destroyed(name_));
    while (!line_.empty())
        line_.leave_first().errback(gone);
}

}  // namespace plait::detail

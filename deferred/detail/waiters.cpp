#include "plait/deferred/detail/waiters.hpp"

#include <algorithm>

namespace plait::detail {

Deferred<> Waiters::add() {
    auto pair = make_deferred<>();
    add(std::move(pair.promise));
    return std::move(pair.deferred);
}

void Waiters::add(Promise<> waiter) {
    if (promises_.size() >= look_through_at_) {
        std::erase_if(promises_, [](const Promise<>& promise) { return !promise.wanted(); });
        look_through_at_ = std::max<std::size_t>(16, 2 * promises_.size());
    }
    promises_.push_back(std::move(waiter));
}

void Waiters::callback() {
    auto fired = std::exchange(promises_, {});
    for (Promise<>& promise : fired)
        promise.callback();
}

bool Waiters::errback(const Failure& failure) {
    const Failure told = failure;  // it may go with the owner
    bool heard = false;
    auto fired = std::exchange(promises_, {});
    for (Promise<>& promise : fired) {
        heard = heard || promise.wanted();
        promise.errback(told);
    }
    return heard;
}

}  // namespace plait::detail

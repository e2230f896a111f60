#include "plait/reactor/detail/default_loop.hpp"

#include <atomic>

#include "plait/reactor/detail/ev_iops.hpp"

namespace plait::detail {

namespace {

constinit std::atomic<LoopMaker> current{nullptr};

}  // namespace

std::unique_ptr<IOPS> make_default_loop() {
    if (const LoopMaker maker = current) return maker();
    return std::make_unique<EvIOPS>();
}

LoopMaker exchange_default_loop(LoopMaker maker) noexcept {
    return current.exchange(maker);
}

}  // namespace plait::detail

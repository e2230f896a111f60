// PassTeller: keeps the promises of IOPS::watch_passes for a loop: a pass that was begun is ended, once, for the same
// handler. Where passes begin and end the loop knows.
#pragma once

#include <utility>

#include "plait/reactor/iops.hpp"

namespace plait::detail {

class PassTeller {
public:
    /// From now on; null for nobody. A pass that is under way does not end for the one before.
    void set(PassHandler* handler) noexcept {
        handler_ = handler;
        under_way_ = false;
    }

    /// Does nothing while one is under way. Returns whether one has begun.
    bool begin() noexcept {
        if (handler_ == nullptr || under_way_) return false;
        under_way_ = true;
        handler_->pass_begins();
        return true;
    }

    void end() noexcept {
        if (std::exchange(under_way_, false)) handler_->pass_ends();
    }

private:
    PassHandler* handler_ = nullptr;
    bool under_way_ = false;
};

}  // namespace plait::detail

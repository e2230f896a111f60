#include "plait/reactor/testing/waiting.hpp"

#include <fmt/format.h>

#include "plait/deferred/errors.hpp"
#include "plait/reactor/errors.hpp"

namespace plait::testing {

namespace inner {

Patience::Patience(Reactor& reactor, Duration limit, std::string what)
    : reactor_(reactor), limit_(limit), what_(std::move(what)) {
    call_ = reactor_.call_later(limit, [this] {
        left_ = reactor_.dump();
        reactor_.stop();
    });
}

Patience::~Patience() = default;

void Patience::check() const {
    if (left_.empty()) return;
    throw TimeoutError(
        fmt::format("waited {:.3g} s for {} in vain; {}", std::chrono::duration<double>(limit_).count(), what_, left_));
}

}  // namespace inner

void await_until(Reactor& reactor, UniqueFunction<bool()> condition, Duration limit, std::string what) {
    const inner::Patience patience(reactor, limit, std::move(what));
    try {
        while (!condition()) {
            patience.check();  // it may have ended in the very turn in which the sleep did
            reactor.run_until(reactor.sleep(std::chrono::milliseconds(1)));
        }
    } catch (const ReactorStopped&) {
        patience.check();
        throw;
    }
}

}  // namespace plait::testing

#include "plait/reactor/detail/attempt_pause.hpp"

#include <memory>
#include <utility>

#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::detail {
namespace {

/// Lifetime: owns itself until its Promise is fired, its Deferred dropped or the run ended; then until the end of that
///           turn.
class AttemptPause final : public Doomed, private Resource {
public:
    static Deferred<> start(ReactorCore& core, Duration delay, std::string what, Failure ended) {
        auto* self = new AttemptPause(core, std::move(what), std::move(ended));
        core.add_resource(*self);
        auto [deferred, promise] = make_deferred<>([self] { self->stop(); });
        self->promise_ = std::move(promise);
        self->timer_ = core.reactor().call_later(delay, [self] {
            self->stop();
            self->promise_.callback();
        });
        return std::move(deferred);
    }

private:
    AttemptPause(ReactorCore& core, std::string what, Failure ended)
        : core_(core), what_(std::move(what)), ended_(std::move(ended)) {}

    void reactor_destroyed() noexcept override {
        stop();
        promise_.errback(ended_);
    }
    std::string describe() const override { return what_; }

    /// Ends everything but the Promise.
    void stop() noexcept {
        if (std::exchange(over_, true)) return;
        timer_.cancel();
        ListHook<ResourceTag>::unlink();
        core_.destroy_later(std::unique_ptr<Doomed>(this));
    }

    ReactorCore& core_;
    std::string what_;
    Failure ended_;
    Promise<> promise_;
    DelayedCall timer_;
    bool over_ = false;
};

}  // namespace

Deferred<> pause_attempt(Reactor& reactor, Duration delay, std::string what, Failure ended) {
    if (reactor.core().closing()) return Deferred<>::fail(std::move(ended));
    return AttemptPause::start(reactor.core(), delay, std::move(what), std::move(ended));
}

}  // namespace plait::detail

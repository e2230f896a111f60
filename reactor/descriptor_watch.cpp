#include "plait/reactor/descriptor_watch.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/context.hpp"
#include "plait/reactor/detail/io_watch.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {

/// Lifetime: until its owner closes it; from inside its own call, until the end of that turn.
class DescriptorWatch::Impl final : public detail::Doomed, private EventHandler, private detail::Resource {
public:
    Impl(detail::ReactorCore& core, int fd, Ready ready) : core_(core), fd_(fd), ready_(std::move(ready)) {
        watch_.emplace(core.iops(), fd, static_cast<EventHandler&>(*this));
        core_.add_resource(*this);
    }

    void watch(IOFlags flags) noexcept {
        if (watch_) watch_->watch(flags & IOFlags::rw);
    }
    IOFlags flags() const noexcept { return watch_ ? watch_->flags() : IOFlags::none; }
    int fd() const noexcept { return fd_; }

    /// The owner has gone.
    void close() noexcept {
        std::unique_ptr<Doomed> self(this);
        if (!watch_) return;  // the reactor may be gone, too
        watch_.reset();
        ListHook<detail::ResourceTag>::unlink();
        core_.destroy_later(std::move(self));
    }

private:
    void event_ready(IOFlags flags) noexcept override {
        const detail::ReactorCore::Turn turn(core_);
        if (any(flags & IOFlags::error)) watch(IOFlags::none);
        core_.doing("a DescriptorWatch");
        try {
            const ContextScope scope(context_);
            ready_(flags);
        } catch (...) {
            watch(IOFlags::none);
            report_unhandled_failure(Failure::current());
        }
    }

    void reactor_destroyed() noexcept override {
        watch_.reset();
        const Ready dropped = std::move(ready_);  // last: it may own our owner
    }
    void reactor_stopped() noexcept override { core_.add_resource(*this); }
    std::string describe() const override {
        const char* what = flags() == IOFlags::rw     ? " to be readable or writable"
                           : flags() == IOFlags::read ? " to be readable"
                           : any(flags())             ? " to be writable"
                                                      : ", watched for nothing";
        return "descriptor " + std::to_string(fd_) + what;
    }

    detail::ReactorCore& core_;
    const int fd_;
    const Context context_ = Context::current();
    Ready ready_;
    std::optional<detail::IOWatch> watch_;  ///< none once the reactor or the owner has gone
};

DescriptorWatch::DescriptorWatch(Reactor& reactor, int fd, IOFlags flags, Ready ready) {
    if (fd < 0) throw UsageError("cannot watch descriptor " + std::to_string(fd) + ": there is no such one");
    if (reactor.core().closing())
        throw ReactorStopped("cannot watch descriptor " + std::to_string(fd) + ": the reactor is being destroyed");
    impl_ = new Impl(reactor.core(), fd, std::move(ready));
    impl_->watch(flags);
}

DescriptorWatch::~DescriptorWatch() {
    impl_->close();
}

void DescriptorWatch::watch(IOFlags flags) noexcept {
    impl_->watch(flags);
}

IOFlags DescriptorWatch::flags() const noexcept {
    return impl_->flags();
}

int DescriptorWatch::fd() const noexcept {
    return impl_->fd();
}

}  // namespace plait

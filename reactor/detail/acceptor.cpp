#include "plait/reactor/detail/acceptor.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::detail {
namespace {

constexpr int accepted_a_turn = 64;
constexpr int refused_a_turn = 256;
constexpr Duration rest_when_exhausted = std::chrono::milliseconds(100);

}  // namespace

Acceptor::Acceptor(ReactorCore& core, UniqueFd fd, std::shared_ptr<Factory> factory,
                   std::shared_ptr<const AcceptPolicy> policy, UniqueFunction<void()> went_away)
    : core_(core),
      fd_(std::move(fd)),
      factory_(std::move(factory)),
      policy_(std::move(policy)),
      opened_(identity_of(fd_.get())),
      went_away_(std::move(went_away)) {
    reserve();
    watch_.emplace(core_.iops(), fd_.get(), static_cast<EventHandler&>(*this));
    watch_->watch(IOFlags::read);
}

void Acceptor::reserve() noexcept {
    reserved_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

void Acceptor::stop() noexcept {
    if (!open()) return;
    resting_.cancel();
    watch_.reset();
    fd_.reset();
    reserved_.reset();
    core_.destroy_later(std::unique_ptr<Doomed>(this));
}

void Acceptor::event_ready(IOFlags) noexcept {
    const ReactorCore::Turn turn(core_);
    for (int count = 0; count < accepted_a_turn && open(); ++count) {
        SocketAddress from;
        from.size = sizeof from.storage;
        UniqueFd client(::accept4(fd_.get(), from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (client) {
            empty_wake_ups_.reset();
            welcome(std::move(client), from);
            continue;
        }
        switch (errno) {
            case EAGAIN:
                // Somebody else who shares the port was faster; or there is no port any more.
                if (count == 0 && empty_wake_ups_.was_shut_down(fd_.get())) give_up();
                return;
            case EMFILE:
            case ENFILE:
                return refuse_waiting();
            case ENOBUFS:
            case ENOMEM:
                return rest();
            case EBADF:
            case ENOTSOCK:
            case EINVAL:
                return give_up();
            default:  // that client is gone already, or not allowed: the next one may be well
                break;
        }
    }
}

void Acceptor::welcome(UniqueFd client, const SocketAddress& from) noexcept {
    contain([&] {
        const Address peer = policy_->peer_of(from);
        const std::shared_ptr<Factory> factory = factory_;
        std::shared_ptr<Protocol> protocol = factory->build_protocol(peer);
        if (protocol == nullptr || !open()) return;
        policy_->start(core_, std::move(client), peer, std::move(protocol));
    });
}

/// Out of descriptors. Left in the backlog, the clients would be reported again and again, and wait for nothing.
void Acceptor::refuse_waiting() noexcept {
    reserved_.reset();
    for (int count = 0; count < refused_a_turn; ++count) {
        const UniqueFd client(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client && errno != ECONNABORTED && errno != EINTR) break;
    }
    reserve();
    if (!reserved_) rest();
}

void Acceptor::rest() noexcept {
    watch_->watch(IOFlags::none);
    contain([this] {
        resting_ = core_.reactor().call_later(rest_when_exhausted, [this] {
            if (!reserved_) reserve();
            watch_->watch(IOFlags::read);
        });
    });
}

/// Shut down, or closed by somebody else: the number may be another's by now, and is not ours to close then.
void Acceptor::give_up() noexcept {
    watch_->watch(IOFlags::none);
    if (identity_of(fd_.get()) != opened_) static_cast<void>(fd_.release());
    contain(went_away_);
}

}  // namespace plait::detail

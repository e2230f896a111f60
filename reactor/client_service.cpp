#include "plait/reactor/client_service.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/maybe.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {

/// Everything that may call out holds a share of this on the stack: callbacks may destroy the service.
class ClientService::Impl final : public LossObserver, public std::enable_shared_from_this<Impl> {
public:
    Impl(Clock& clock, std::shared_ptr<ClientEndpoint> endpoint, std::shared_ptr<Factory> factory,
         ClientServiceOptions options)
        : clock_(clock),
          endpoint_(std::move(endpoint)),
          factory_(std::move(factory)),
          options_(std::move(options)),
          backoff_(options_.backoff) {}

    void start();
    Deferred<> stop();
    void close();
    Deferred<std::shared_ptr<Protocol>> when_connected(std::optional<std::uint32_t> fail_after_failures);
    State state() const noexcept { return state_; }
    std::uint32_t failures() const noexcept { return failures_; }

private:
    struct Waiter {
        Promise<std::shared_ptr<Protocol>> promise;
        std::optional<std::uint32_t> failures_left;
    };

    void connect();
    std::shared_ptr<Factory> noting_factory(std::uint64_t number);
    Deferred<> prepare(std::shared_ptr<Protocol> made);
    void attempt_succeeded();
    void attempt_failed(const Failure& failure);
    void protocol_lost(const Failure& reason) noexcept override;
    void wait();
    Duration next_delay();
    void forget_failures() noexcept;
    void forget_attempt() noexcept;
    Deferred<> disconnect();
    void stopped();
    Deferred<> wait_for_stop();
    void tell_stoppers();
    void tell_waiters_of(const Failure& failure);
    void fail_waiters(const Failure& failure);
    void forget_dropped_waiters();

    Clock& clock_;
    std::shared_ptr<ClientEndpoint> endpoint_;
    std::shared_ptr<Factory> factory_;
    ClientServiceOptions options_;
    Backoff backoff_;
    State state_ = State::init;
    std::uint32_t failures_ = 0;
    std::uint64_t attempts_ = 0;  ///< numbers them, so that an abandoned one is known
    Deferred<> attempt_;
    std::weak_ptr<Protocol> built_;  ///< by the attempt under way: it is connected before we are told so
    std::shared_ptr<Protocol> protocol_;
    TimePoint connected_since_{};
    DelayedCall timer_;  ///< until the next attempt, or until a closing connection is aborted
    std::vector<Waiter> waiters_;
    std::size_t look_through_at_ = 16;
    std::vector<Promise<>> stoppers_;
};

void ClientService::Impl::start() {
    switch (state_) {
        case State::init:
        case State::stopped:
            return connect();
        case State::disconnecting:
            state_ = State::restarting;
            return;
        default:
            return;
    }
}

void ClientService::Impl::connect() {
    const auto keep = shared_from_this();
    state_ = State::connecting;
    const std::uint64_t number = ++attempts_;
    Deferred<> attempt = maybe_deferred([this, number] { return endpoint_->connect(noting_factory(number)); })
                             .add_callback([this, number](std::shared_ptr<Protocol> made) {
                                 if (number != attempts_) return succeed();
                                 return prepare(std::move(made));
                             })
                             .add_both([this, number](Result<Unit> outcome) {
                                 if (number != attempts_) return;  // abandoned while it was being started
                                 if (outcome) return attempt_succeeded();
                                 attempt_failed(outcome.failure());
                             });
    if (number == attempts_ && state_ == State::connecting) attempt_ = std::move(attempt);
}

std::shared_ptr<Factory> ClientService::Impl::noting_factory(std::uint64_t number) {
    return make_factory([weak = weak_from_this(), factory = factory_, number](const Address& peer) {
        std::shared_ptr<Protocol> made = factory->build_protocol(peer);
        const auto self = weak.lock();
        if (self != nullptr && self->attempts_ == number) self->built_ = made;
        return made;
    });
}

Deferred<> ClientService::Impl::prepare(std::shared_ptr<Protocol> made) {
    if (made == nullptr) throw ConnectError("the endpoint of a ClientService gave no protocol");
    if (!made->connected())
        throw ConnectionLost("a connection was lost at once, before the ClientService had its protocol");
    protocol_ = std::move(made);
    protocol_->observe_loss(this);
    if (!options_.prepare_connection) return succeed();
    const auto keep = shared_from_this();
    const std::shared_ptr<Protocol> protocol = protocol_;
    return options_.prepare_connection(*protocol);
}

void ClientService::Impl::attempt_succeeded() {
    const auto keep = shared_from_this();
    state_ = State::connected;
    connected_since_ = clock_.now();
    if (options_.steady_after <= Duration::zero()) forget_failures();
    const std::shared_ptr<Protocol> protocol = protocol_;
    attempt_ = {};
    built_.reset();
    for (Waiter& waiter : std::exchange(waiters_, {}))
        waiter.promise.callback(protocol);
}

void ClientService::Impl::attempt_failed(const Failure& failure) {
    const auto keep = shared_from_this();
    const Failure reason = failure;  // may belong to what is dropped here
    forget_attempt();
    if (const auto protocol = std::exchange(protocol_, nullptr)) {
        protocol->observe_loss(nullptr);
        protocol->transport().abort_connection();
    }
    wait();
    tell_waiters_of(reason);
}

void ClientService::Impl::protocol_lost(const Failure& reason) noexcept {
    const auto keep = shared_from_this();
    contain([&] {
        protocol_.reset();
        switch (state_) {
            case State::connecting:
                return attempt_failed(reason);
            case State::connected:
                if (clock_.now() - connected_since_ >= options_.steady_after) forget_failures();
                return wait();
            case State::disconnecting:
                return stopped();
            case State::restarting:
                timer_.cancel();
                forget_failures();
                connect();
                tell_stoppers();
                return;
            default:
                return;
        }
    });
}

void ClientService::Impl::wait() {
    state_ = State::waiting;
    ++failures_;
    const std::uint64_t number = attempts_;
    const Duration delay = next_delay();
    if (state_ != State::waiting || number != attempts_) return;  // stopped by what chose the delay
    timer_ = clock_.call_later(delay, [this] { connect(); });
}

Duration ClientService::Impl::next_delay() {
    if (options_.delay) {
        std::optional<Duration> chosen;
        contain([&] { chosen = options_.delay(failures_); });
        if (chosen) return std::max(*chosen, Duration::zero());
    }
    return backoff_.next();
}

void ClientService::Impl::forget_failures() noexcept {
    failures_ = 0;
    backoff_.reset();
}

/// What is under way of it may come to an end no more.
void ClientService::Impl::forget_attempt() noexcept {
    ++attempts_;
    const Deferred<> dropped = std::move(attempt_);
    const std::shared_ptr<Protocol> built = built_.lock();
    built_.reset();
    if (built == nullptr || built == protocol_ || !built->connected()) return;
    contain([&] { built->transport().lose_connection(); });
}

Deferred<> ClientService::Impl::stop() {
    const auto keep = shared_from_this();
    switch (state_) {
        case State::disconnecting:
        case State::restarting:
            state_ = State::disconnecting;
            return wait_for_stop();
        case State::connecting:
        case State::connected:
            if (protocol_ != nullptr) return disconnect();
            break;
        default:
            break;
    }
    forget_attempt();
    stopped();
    return succeed();
}

Deferred<> ClientService::Impl::disconnect() {
    state_ = State::disconnecting;
    Deferred<> done = wait_for_stop();
    forget_attempt();
    if (options_.abort_after > Duration::zero())
        timer_ = clock_.call_later(options_.abort_after, [this] {
            const std::shared_ptr<Protocol> protocol = protocol_;
            if (protocol != nullptr) protocol->transport().abort_connection();
        });
    const std::shared_ptr<Protocol> protocol = protocol_;
    if (protocol != nullptr) protocol->transport().lose_connection();
    return done;
}

void ClientService::Impl::stopped() {
    state_ = State::stopped;
    timer_.cancel();
    forget_failures();
    fail_waiters(make_failure(Cancelled()));
    tell_stoppers();
}

void ClientService::Impl::close() {
    forget_attempt();
    timer_.cancel();
    state_ = State::stopped;
    if (const auto protocol = std::exchange(protocol_, nullptr)) {
        protocol->observe_loss(nullptr);
        protocol->transport().lose_connection();
    }
    const Failure gone = make_failure(Destroyed("The ClientService"));
    fail_waiters(gone);
    for (Promise<>& stopper : std::exchange(stoppers_, {}))
        stopper.errback(gone);
}

Deferred<std::shared_ptr<Protocol>> ClientService::Impl::when_connected(
    std::optional<std::uint32_t> fail_after_failures) {
    if (fail_after_failures == 0u)
        throw UsageError("when_connected(0) can never succeed: ask for at least one failure, or leave the number out.");
    if (state_ == State::connected) return succeed(protocol_);
    if (state_ == State::stopped) return fail<std::shared_ptr<Protocol>>(Cancelled());
    forget_dropped_waiters();
    auto [deferred, promise] = make_deferred<std::shared_ptr<Protocol>>();
    waiters_.push_back({std::move(promise), fail_after_failures});
    return std::move(deferred);
}

Deferred<> ClientService::Impl::wait_for_stop() {
    std::erase_if(stoppers_, [](const Promise<>& stopper) { return !stopper.wanted(); });
    auto [deferred, promise] = make_deferred<>();
    stoppers_.push_back(std::move(promise));
    return std::move(deferred);
}

void ClientService::Impl::tell_stoppers() {
    for (Promise<>& stopper : std::exchange(stoppers_, {}))
        stopper.callback();
}

/// Those whose patience ends with this failure. They may add others, which are not told.
void ClientService::Impl::tell_waiters_of(const Failure& failure) {
    std::vector<Waiter> done;
    for (Waiter& waiter : waiters_)
        if (waiter.failures_left && --*waiter.failures_left == 0) done.push_back(std::move(waiter));
    std::erase_if(waiters_, [](const Waiter& waiter) { return waiter.failures_left == 0u; });
    for (Waiter& waiter : done)
        waiter.promise.errback(failure);
}

void ClientService::Impl::fail_waiters(const Failure& failure) {
    for (Waiter& waiter : std::exchange(waiters_, {}))
        waiter.promise.errback(failure);
}

void ClientService::Impl::forget_dropped_waiters() {
    if (waiters_.size() < look_through_at_) return;
    std::erase_if(waiters_, [](const Waiter& waiter) { return !waiter.promise.wanted(); });
    look_through_at_ = std::max<std::size_t>(16, waiters_.size() * 2);
}

ClientService::ClientService(Clock& clock, std::shared_ptr<ClientEndpoint> endpoint, std::shared_ptr<Factory> factory,
                             ClientServiceOptions options)
    : impl_(std::make_shared<Impl>(clock, std::move(endpoint), std::move(factory), std::move(options))) {}

ClientService::~ClientService() {
    const auto impl = std::move(impl_);
    impl->close();
}

void ClientService::start() {
    const auto impl = impl_;
    impl->start();
}

Deferred<> ClientService::stop() {
    return impl_->stop();
}

Deferred<std::shared_ptr<Protocol>> ClientService::when_connected(std::optional<std::uint32_t> fail_after_failures) {
    return impl_->when_connected(fail_after_failures);
}

ClientService::State ClientService::state() const noexcept {
    return impl_->state();
}

std::uint32_t ClientService::failures() const noexcept {
    return impl_->failures();
}

const char* name_of(ClientService::State state) noexcept {
    switch (state) {
        case ClientService::State::init:
            return "init";
        case ClientService::State::connecting:
            return "connecting";
        case ClientService::State::waiting:
            return "waiting";
        case ClientService::State::connected:
            return "connected";
        case ClientService::State::disconnecting:
            return "disconnecting";
        case ClientService::State::restarting:
            return "restarting";
        case ClientService::State::stopped:
            return "stopped";
    }
    return "unknown";
}

}  // namespace plait

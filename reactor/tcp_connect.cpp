#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/detail/tcp_connection.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/names.hpp"
#include "plait/reactor/tcp.hpp"

namespace plait {
namespace detail {
namespace {

/// One call of connect_tcp: looks the name up, then tries one address after the other.
///
/// Lifetime: owns itself until its Promise is fired, its Deferred dropped or the reactor destroyed; then until the end
///           of that turn.
class ConnectAttempt final : public Doomed, private EventHandler, private Resource {
public:
    static Deferred<std::shared_ptr<Protocol>> start(ReactorCore& core, HostPort where,
                                                     std::shared_ptr<Protocol> protocol, ConnectOptions options);

private:
    struct Failed {
        Address address;
        int error;
    };

    ConnectAttempt(ReactorCore& core, HostPort where, std::shared_ptr<Protocol> protocol, ConnectOptions options)
        : core_(core), where_(std::move(where)), protocol_(std::move(protocol)), options_(options) {}

    void begin();
    void event_ready(IOFlags flags) noexcept override;
    void reactor_destroyed() noexcept override;

    void try_next();
    int open(const Address& address);
    int outcome() const noexcept;
    void succeed();
    void timed_out();
    void all_failed();
    void fail(const Failure& reason);
    Failure reason() const;
    std::string what_was_tried() const;
    void stop() noexcept;

    ReactorCore& core_;
    HostPort where_;
    std::shared_ptr<Protocol> protocol_;
    ConnectOptions options_;
    Promise<std::shared_ptr<Protocol>> promise_;
    DelayedCall timer_;
    DelayedCall soon_;
    Deferred<> look_up_;
    std::vector<Address> addresses_;
    std::size_t next_ = 0;
    std::vector<Failed> failed_;
    UniqueFd fd_;
    std::optional<IOWatch> watch_;
    bool starting_ = true;
    bool over_ = false;
};

Deferred<std::shared_ptr<Protocol>> ConnectAttempt::start(ReactorCore& core, HostPort where,
                                                          std::shared_ptr<Protocol> protocol, ConnectOptions options) {
    auto* self = new ConnectAttempt(core, std::move(where), std::move(protocol), options);
    core.add_resource(*self);
    auto [deferred, promise] = make_deferred<std::shared_ptr<Protocol>>([self] { self->stop(); });
    self->promise_ = std::move(promise);
    self->begin();
    return std::move(deferred);
}

void ConnectAttempt::begin() {
    timer_ = core_.reactor().call_later(options_.timeout, [this] { timed_out(); });
    look_up_ = resolve(core_.reactor(), where_)
                   .add_callbacks(
                       [this](std::vector<Address> found) {
                           addresses_ = std::move(found);
                           try_next();
                       },
                       [this](const Failure& failure) { fail(failure); });
    starting_ = false;
}

void ConnectAttempt::try_next() {
    while (next_ < addresses_.size()) {
        const Address& address = addresses_[next_++];
        const int error = open(address);
        if (error == 0) return;
        failed_.push_back({address, error});
    }
    all_failed();
}

/// Starts connecting; the outcome, even an immediate one, is learnt in a later turn.
int ConnectAttempt::open(const Address& address) {
    const auto to = to_socket_address(address);
    if (!to) return EAFNOSUPPORT;
    fd_ = make_stream_socket(to->family());
    if (!fd_) return errno;
    if (::connect(fd_.get(), to->get(), to->size) != 0 && errno != EINPROGRESS && errno != EINTR) {
        const int error = errno;
        fd_.reset();
        return error;
    }
    watch_.emplace(core_.iops(), fd_.get(), static_cast<EventHandler&>(*this));
    watch_->watch(IOFlags::write);
    return 0;
}

void ConnectAttempt::event_ready(IOFlags) noexcept {
    const ReactorCore::Turn turn(core_);
    const int error = outcome();
    watch_.reset();
    if (error == 0) return succeed();
    fd_.reset();
    failed_.push_back({addresses_[next_ - 1], error});
    try_next();
}

int ConnectAttempt::outcome() const noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    // A port of the range for clients, with nobody listening, can be met by its own call: connected to itself.
    if (error == 0 && local_address(fd_.get()) == addresses_[next_ - 1]) return ECONNREFUSED;
    return error;
}

void ConnectAttempt::succeed() {
    UniqueFd connected = std::move(fd_);
    const std::shared_ptr<Protocol> protocol = protocol_;
    stop();
    // If connection_made() drops our Deferred, the canceller finds that there is nothing left to stop.
    const auto failure =
        TcpConnection::start(core_, std::move(connected), addresses_[next_ - 1], protocol, options_.no_delay);
    if (failure) return promise_.errback(*failure);
    promise_.callback(protocol);
}

void ConnectAttempt::timed_out() {
    const double seconds = std::chrono::duration<double>(options_.timeout).count();
    std::string text = fmt::format("cannot connect to {}: no answer within {} s", where_.str(), seconds);
    if (addresses_.empty()) text += ", while looking up the name";
    if (!failed_.empty()) text += "; before that, " + what_was_tried();
    fail(make_failure(ConnectTimeout(text)));
}

void ConnectAttempt::all_failed() {
    fail(reason());
}

void ConnectAttempt::fail(const Failure& reason) {
    if (starting_) {  // connect_tcp has not returned yet
        soon_ = core_.reactor().call_later(Duration::zero(), [this, reason] { fail(reason); });
        return;
    }
    stop();
    promise_.errback(reason);
}

/// The most telling of the causes decides the type: a refusal says more than an address family that is not there.
Failure ConnectAttempt::reason() const {
    const std::string text = fmt::format("cannot connect to {}: {}", where_.str(), what_was_tried());
    const auto any_of = [this](std::initializer_list<int> errors) {
        for (const Failed& failed : failed_)
            for (const int error : errors)
                if (failed.error == error) return true;
        return false;
    };
    if (any_of({ECONNREFUSED})) return make_failure(ConnectionRefused(text + "; is the server running?"));
    if (any_of({ETIMEDOUT})) return make_failure(ConnectTimeout(text));
    if (any_of({ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN})) return make_failure(NoRoute(text));
    return make_failure(ConnectError(text));
}

std::string ConnectAttempt::what_was_tried() const {
    const bool named = to_socket_address({where_.host, where_.port}) == std::nullopt;
    std::string text;
    for (const Failed& failed : failed_) {
        if (!text.empty()) text += ", ";
        if (named || failed_.size() > 1) text += failed.address.str() + ": ";
        text += error_text(failed.error);
    }
    return text;
}

void ConnectAttempt::reactor_destroyed() noexcept {
    stop();
    promise_.errback(ConnectError("cannot connect to " + where_.str() + ": the reactor was destroyed"));
}

/// Ends everything but the Promise.
void ConnectAttempt::stop() noexcept {
    if (std::exchange(over_, true)) return;
    timer_.cancel();
    soon_.cancel();
    look_up_ = {};
    watch_.reset();
    fd_.reset();
    protocol_.reset();
    ListHook<ResourceTag>::unlink();
    core_.destroy_later(std::unique_ptr<Doomed>(this));
}

class TcpConnector final : public Connector {
public:
    TcpConnector(Reactor& reactor, ConnectOptions options) : reactor_(reactor), options_(options) {}

    Deferred<std::shared_ptr<Protocol>> connect(const HostPort& where, std::shared_ptr<Protocol> protocol) override {
        return connect_tcp(reactor_, where, std::move(protocol), options_);
    }

private:
    Reactor& reactor_;
    ConnectOptions options_;
};

}  // namespace
}  // namespace detail

Deferred<std::shared_ptr<Protocol>> connect_tcp(Reactor& reactor, HostPort where, std::shared_ptr<Protocol> protocol,
                                                ConnectOptions options) {
    if (reactor.core().closing())
        return fail<std::shared_ptr<Protocol>>(
            ConnectError("cannot connect to " + where.str() + ": the reactor is being destroyed"));
    return detail::ConnectAttempt::start(reactor.core(), std::move(where), std::move(protocol), options);
}

std::shared_ptr<Connector> make_tcp_connector(Reactor& reactor, ConnectOptions options) {
    return std::make_shared<detail::TcpConnector>(reactor, options);
}

}  // namespace plait

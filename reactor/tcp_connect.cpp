#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "plait/deferred/maybe.hpp"
#include "plait/reactor/detail/connect_tcp.hpp"
#include "plait/reactor/detail/happy_eyeballs.hpp"
#include "plait/reactor/detail/hosts_file.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/detail/tcp_connection.hpp"
#include "plait/reactor/detail/unix_address.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/names.hpp"
#include "plait/reactor/tcp.hpp"

namespace plait {
namespace detail {
namespace {

/// What went wrong with one address: while connecting, or already while binding to the local one.
constexpr int bind_flag = 1 << 16;

/// Asked of the kernel: the address that was given may be another spelling of ours.
bool is_its_own_peer(int fd, std::uint16_t port) {
    const Address ours = local_address(fd);
    return ours.port == port && ours == name_of_peer(fd);
}

/// One call of connect_tcp: looks the name up and races the addresses.
///
/// Lifetime: owns itself until its Promise is fired, its Deferred dropped or the reactor destroyed; then until the end
///           of that turn.
class ConnectAttempt final : public Doomed, private HappyEyeballs::Sockets, private Resource {
public:
    static Deferred<std::shared_ptr<Protocol>> start(ReactorCore& core, HostPort where, BuildProtocol build,
                                                     ConnectOptions options);

private:
    /// A socket that is being connected.
    struct Racer final : EventHandler {
        Racer(ConnectAttempt& attempt, const Address& address, UniqueFd socket)
            : owner(attempt),
              to(address),
              fd(std::move(socket)),
              watch(attempt.core_.iops(), fd.get(), static_cast<EventHandler&>(*this)) {
            watch.watch(IOFlags::write);
        }

        void event_ready(IOFlags) noexcept override {
            const ReactorCore::Turn turn(owner.core_);
            owner.arrived(*this);  // destroys this
        }
        int outcome() const noexcept;

        ConnectAttempt& owner;
        Address to;
        UniqueFd fd;
        IOWatch watch;
    };

    ConnectAttempt(ReactorCore& core, HostPort where, BuildProtocol build, ConnectOptions options)
        : core_(core),
          where_(std::move(where)),
          build_(std::move(build)),
          options_(std::move(options)),
          race_(core.reactor(), *this,
                {options_.attempt_delay, options_.resolution_delay, wanted_family() == AddressFamily::any}) {}

    void begin();
    void reactor_destroyed() noexcept override;
    std::string describe() const override;
    int open(const Address& address) override;
    void exhausted() override { fail(reason()); }

    void look_up();
    AddressFamily wanted_family() const;
    int bind(int fd, int family) const;
    void arrived(Racer& racer);
    void succeed(UniqueFd connected, const Address& peer);
    void timed_out();
    void fail(const Failure& reason);
    Failure reason() const;
    std::string what_was_tried() const;
    void stop() noexcept;

    ReactorCore& core_;
    HostPort where_;
    BuildProtocol build_;
    ConnectOptions options_;
    Promise<std::shared_ptr<Protocol>> promise_;
    DelayedCall timer_;
    DelayedCall soon_;
    std::shared_ptr<Resolver> resolver_;  ///< kept for the look-up
    Deferred<> look_up_;
    HappyEyeballs race_;
    std::list<Racer> racers_;
    bool starting_ = true;
    bool over_ = false;
};

Deferred<std::shared_ptr<Protocol>> ConnectAttempt::start(ReactorCore& core, HostPort where, BuildProtocol build,
                                                          ConnectOptions options) {
    auto* self = new ConnectAttempt(core, std::move(where), std::move(build), std::move(options));
    core.add_resource(*self);
    auto [deferred, promise] = make_deferred<std::shared_ptr<Protocol>>([self] { self->stop(); });
    self->promise_ = std::move(promise);
    self->begin();
    return std::move(deferred);
}

void ConnectAttempt::begin() {
    timer_ = core_.reactor().call_later(options_.timeout, [this] { timed_out(); });
    if (Address numeric{where_.host, where_.port}; to_socket_address(numeric)) {
        race_.add({std::move(numeric)});
        race_.no_more();
    } else {
        look_up();
    }
    starting_ = false;
}

void ConnectAttempt::look_up() {
    const auto found = [this](const std::vector<std::string>& ips) {
        std::vector<Address> addresses;
        addresses.reserve(ips.size());
        for (const std::string& ip : ips)
            addresses.push_back({ip, where_.port});
        race_.add(addresses);
    };
    resolver_ = resolver_of(core_.reactor());
    look_up_ = maybe_deferred([&] { return resolver_->look_up(where_.host, wanted_family(), found); })
                   .add_callbacks([this] { race_.no_more(); },
                                  [this](const Failure& failure) {
                                      if (race_.found_any()) return race_.no_more();
                                      fail(failure);
                                  });
}

AddressFamily ConnectAttempt::wanted_family() const {
    if (options_.family != AddressFamily::any || !options_.bind_address) return options_.family;
    return options_.bind_address->ip.find(':') == std::string::npos ? AddressFamily::ipv4 : AddressFamily::ipv6;
}

/// Starts connecting; the outcome, even an immediate one, is learnt in a later turn.
int ConnectAttempt::open(const Address& address) {
    const auto to = to_socket_address(address);
    if (!to || !is_of(options_.family, address.ip)) return EAFNOSUPPORT;
    UniqueFd fd = make_stream_socket(to->family());
    if (!fd) return errno;
    if (const int error = bind(fd.get(), to->family())) return error | bind_flag;
    if (::connect(fd.get(), to->get(), to->size) != 0 && errno != EINPROGRESS && errno != EINTR) return errno;
    racers_.emplace_back(*this, address, std::move(fd));
    return 0;
}

int ConnectAttempt::bind(int fd, int family) const {
    if (!options_.bind_address) return 0;
    const auto from = to_socket_address(*options_.bind_address);
    if (!from) return EINVAL;
    if (from->family() != family) return EAFNOSUPPORT;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (options_.bind_address->port == 0) set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return ::bind(fd, from->get(), from->size) == 0 ? 0 : errno;
}

int ConnectAttempt::Racer::outcome() const noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    // A port of the range for clients, with nobody listening, can be met by its own call: connected to itself.
    if (error == 0 && is_its_own_peer(fd.get(), to.port)) return ECONNREFUSED;
    return error;
}

void ConnectAttempt::arrived(Racer& racer) {
    const int error = racer.outcome();
    UniqueFd fd = std::move(racer.fd);
    const Address to = racer.to;
    racers_.remove_if([&racer](const Racer& one) { return &one == &racer; });
    if (error == 0) return succeed(std::move(fd), to);
    fd.reset();
    race_.failed(to, error);
}

void ConnectAttempt::succeed(UniqueFd connected, const Address& peer) {
    BuildProtocol build = std::move(build_);
    stop();
    // If what is called here drops our Deferred, the canceller finds that there is nothing left to stop.
    std::shared_ptr<Protocol> protocol;
    try {
        protocol = build(peer);
    } catch (...) {
        return promise_.errback(Failure::current());
    }
    if (!promise_.wanted()) return;
    const auto failure = TcpConnection::start(core_, std::move(connected), peer, protocol, options_.no_delay);
    if (failure) return promise_.errback(*failure);
    promise_.callback(std::move(protocol));
}

void ConnectAttempt::timed_out() {
    const double seconds = std::chrono::duration<double>(options_.timeout).count();
    std::string text = fmt::format("cannot connect to {}: no answer within {} s", where_.str(), seconds);
    if (!race_.found_any()) text += ", while looking up the name";
    if (racers_.size() > 1 || (!racers_.empty() && !race_.failures().empty())) {
        text += " from";
        for (const Racer& racer : racers_)
            text += (&racer == &racers_.front() ? " " : ", ") + racer.to.str();
    }
    if (!race_.failures().empty()) text += "; before that, " + what_was_tried();
    fail(make_failure(ConnectTimeout(text)));
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
    if (!race_.found_any())
        return make_failure(NameNotFound("cannot connect to " + where_.str() + ": its name has no address"));
    const std::string text = fmt::format("cannot connect to {}: {}", where_.str(), what_was_tried());
    const auto any_of = [this](std::initializer_list<int> errors) {
        for (const HappyEyeballs::Failed& failed : race_.failures())
            for (const int error : errors)
                if (failed.error == error) return true;
        return false;
    };
    if (any_of({ECONNREFUSED})) return make_failure(ConnectionRefused(text + "; is the server running?"));
    if (any_of({ETIMEDOUT})) return make_failure(ConnectTimeout(text));
    if (any_of({ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN})) return make_failure(NoRoute(text));
    const auto& failures = race_.failures();
    if (std::any_of(failures.begin(), failures.end(), [](const auto& one) { return (one.error & bind_flag) != 0; }))
        return make_failure(ConnectBindError(text + "; bind_address has to be a numeric address of this machine"));
    return make_failure(ConnectError(text));
}

std::string ConnectAttempt::what_was_tried() const {
    const bool named = to_socket_address({where_.host, where_.port}) == std::nullopt;
    std::string text;
    for (const HappyEyeballs::Failed& failed : race_.failures()) {
        if (!text.empty()) text += ", ";
        if (named || race_.failures().size() > 1) text += failed.address.str() + ": ";
        if ((failed.error & bind_flag) != 0) text += "cannot use " + options_.bind_address->str() + " for this end: ";
        text += error_text(failed.error & ~bind_flag);
    }
    return text;
}

void ConnectAttempt::reactor_destroyed() noexcept {
    stop();
    promise_.errback(ConnectError("cannot connect to " + where_.str() + ": the reactor was stopped or destroyed"));
}

std::string ConnectAttempt::describe() const {
    std::string text = "an attempt to connect to " + where_.str();
    if (!race_.found_any()) text += ", whose name is being looked up";
    if (to_socket_address({where_.host, where_.port})) return text;
    for (const Racer& racer : racers_)
        text += (&racer == &racers_.front() ? " at " : ", ") + racer.to.str();
    return text;
}

/// Ends everything but the Promise.
void ConnectAttempt::stop() noexcept {
    if (std::exchange(over_, true)) return;
    timer_.cancel();
    soon_.cancel();
    look_up_ = {};
    race_.stop();
    racers_.clear();
    build_.reset();
    ListHook<ResourceTag>::unlink();
    core_.destroy_later(std::unique_ptr<Doomed>(this));
}

class TcpConnector final : public Connector {
public:
    TcpConnector(Reactor& reactor, ConnectOptions options) : reactor_(reactor), options_(std::move(options)) {}

    Deferred<std::shared_ptr<Protocol>> connect(const HostPort& where, std::shared_ptr<Protocol> protocol) override {
        return plait::connect_tcp(reactor_, where, std::move(protocol), options_);
    }

private:
    Reactor& reactor_;
    ConnectOptions options_;
};

}  // namespace

std::shared_ptr<Protocol> build_for(Factory& factory, const Address& peer) {
    std::shared_ptr<Protocol> protocol = factory.build_protocol(peer);
    if (protocol == nullptr)
        throw ConnectError("the connection to " + peer.str() + " was given up: the factory built no protocol for it");
    return protocol;
}

BuildProtocol builder_of(std::shared_ptr<Factory> factory) {
    return [factory = std::move(factory)](const Address& peer) { return build_for(*factory, peer); };
}

Deferred<std::shared_ptr<Protocol>> connect_tcp(Reactor& reactor, HostPort where, BuildProtocol build,
                                                ConnectOptions options) {
    if (reactor.core().closing())
        return plait::fail<std::shared_ptr<Protocol>>(
            ConnectError("cannot connect to " + where.str() + ": the reactor is being destroyed"));
    return ConnectAttempt::start(reactor.core(), std::move(where), std::move(build), std::move(options));
}

}  // namespace detail

Deferred<std::shared_ptr<Protocol>> connect_tcp(Reactor& reactor, HostPort where, std::shared_ptr<Protocol> protocol,
                                                ConnectOptions options) {
    return detail::connect_tcp(
        reactor, std::move(where), [protocol = std::move(protocol)](const Address&) { return protocol; },
        std::move(options));
}

std::shared_ptr<Connector> make_tcp_connector(Reactor& reactor, ConnectOptions options) {
    return std::make_shared<detail::TcpConnector>(reactor, std::move(options));
}

}  // namespace plait

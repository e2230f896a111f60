#include "plait/reactor/names.hpp"

#include <ares.h>
#include <sys/time.h>

#include <algorithm>
#include <list>
#include <optional>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {
namespace detail {
namespace {

/// "localhost" and what ends in ".localhost" is this machine, whatever a name server says (RFC 6761).
bool is_localhost(std::string_view host) {
    std::string name(host);
    if (name.ends_with('.')) name.pop_back();
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return name == "localhost" || name.ends_with(".localhost");
}

/// One look-up, with a c-ares channel of its own: cancelling it is destroying the channel, and a change of
/// /etc/resolv.conf or /etc/hosts counts from the next look-up on. Making a channel reads these small files; look-ups
/// are made to connect, which costs far more.
///
/// Nothing of ours is called from inside c-ares but to note sockets and the result: what follows from them happens
/// after it has returned.
///
/// Lifetime: owns itself until it has its result, is dropped, or the reactor is destroyed.
class NameLookup final : public Doomed, private Resource {
public:
    static Deferred<std::vector<Address>> start(ReactorCore& core, HostPort where);

    NameLookup(ReactorCore& core, HostPort where) : core_(core), where_(std::move(where)) {}

private:
    /// A socket of c-ares, watched while it wants that.
    struct Socket final : EventHandler {
        Socket(NameLookup& owner, int fd) : lookup(owner), watch(owner.core_.iops(), fd, *this) {}

        void event_ready(IOFlags flags) noexcept override {
            const bool reads = any(flags & (IOFlags::read | IOFlags::error));
            const bool writes = any(flags & (IOFlags::write | IOFlags::error));
            const int fd = watch.fd();
            lookup.process(reads ? fd : ARES_SOCKET_BAD, writes ? fd : ARES_SOCKET_BAD);  // may destroy this
        }

        NameLookup& lookup;
        IOWatch watch;
    };

    void begin();
    bool open_channel() noexcept;
    void reactor_destroyed() noexcept override;
    void socket_changed(int fd, bool readable, bool writable) noexcept;
    void answered(int status, ares_addrinfo* found) noexcept;
    void add(const ares_addrinfo_node& node);
    void process(ares_socket_t readable, ares_socket_t writable) noexcept;
    void set_timer();
    void deliver();
    void stop() noexcept;

    ReactorCore& core_;
    HostPort where_;
    Promise<std::vector<Address>> promise_;
    ares_channel channel_ = nullptr;
    std::list<Socket> sockets_;
    DelayedCall timer_;
    std::optional<int> status_;
    std::vector<Address> found_;
    bool over_ = false;
};

Deferred<std::vector<Address>> NameLookup::start(ReactorCore& core, HostPort where) {
    auto* self = new NameLookup(core, std::move(where));
    core.add_resource(*self);
    auto [deferred, promise] = make_deferred<std::vector<Address>>([self] { self->stop(); });
    self->promise_ = std::move(promise);
    self->begin();
    return std::move(deferred);
}

void NameLookup::begin() {
    if (open_channel()) {
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        ares_getaddrinfo(
            channel_, where_.host.c_str(), nullptr, &hints,
            [](void* self, int status, int, ares_addrinfo* found) {
                static_cast<NameLookup*>(self)->answered(status, found);
            },
            this);
    }
    set_timer();
}

bool NameLookup::open_channel() noexcept {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    int status = library;
    ares_options options{};
    options.sock_state_cb_data = this;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
        static_cast<NameLookup*>(self)->socket_changed(fd, readable != 0, writable != 0);
    };
    int given = ARES_OPT_SOCK_STATE_CB;
    std::string files_only = "f";
    if (is_localhost(where_.host)) {
        options.lookups = files_only.data();
        given |= ARES_OPT_LOOKUPS;
    }
    if (status == ARES_SUCCESS) status = ares_init_options(&channel_, &options, given);
    if (status != ARES_SUCCESS) status_ = status;
    return status == ARES_SUCCESS;
}

void NameLookup::socket_changed(int fd, bool readable, bool writable) noexcept {
    auto socket = std::find_if(sockets_.begin(), sockets_.end(), [fd](const Socket& s) { return s.watch.fd() == fd; });
    if (!readable && !writable) {
        if (socket != sockets_.end()) sockets_.erase(socket);
        return;
    }
    if (socket == sockets_.end()) socket = sockets_.emplace(sockets_.end(), *this, fd);
    const IOFlags reads = readable ? IOFlags::read : IOFlags::none;
    const IOFlags writes = writable ? IOFlags::write : IOFlags::none;
    socket->watch.watch(reads | writes);
}

void NameLookup::answered(int status, ares_addrinfo* found) noexcept {
    if (!over_) {
        status_ = status;
        for (const ares_addrinfo_node* node = found != nullptr ? found->nodes : nullptr; node != nullptr;
             node = node->ai_next)
            add(*node);
    }
    if (found != nullptr) ares_freeaddrinfo(found);
}

void NameLookup::add(const ares_addrinfo_node& node) {
    Address address = to_address(node.ai_addr);
    address.port = where_.port;
    if (address.ip.empty() || std::find(found_.begin(), found_.end(), address) != found_.end()) return;
    found_.push_back(std::move(address));
}

void NameLookup::process(ares_socket_t readable, ares_socket_t writable) noexcept {
    const ReactorCore::Turn turn(core_);
    if (over_) return;
    ares_process_fd(channel_, readable, writable);
    if (status_) return deliver();
    set_timer();
}

/// For the next retry of c-ares; or for the result, if that was known at once: look-ups never call back before they
/// have returned.
void NameLookup::set_timer() {
    if (status_) {
        timer_ = core_.reactor().call_later(Duration::zero(), [this] { deliver(); });
        return;
    }
    timeval left{};
    if (ares_timeout(channel_, nullptr, &left) == nullptr) return timer_.cancel();
    const Duration delay = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
    timer_ = core_.reactor().call_later(delay, [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); });
}

void NameLookup::deliver() {
    if (found_.empty() && is_localhost(where_.host))
        found_ = {Address{"127.0.0.1", where_.port}, Address{"::1", where_.port}};
    stop();
    if (!found_.empty()) return promise_.callback(std::move(found_));
    promise_.errback(NameNotFound("cannot find an address for \"" + where_.host +
                                  "\": " + ares_strerror(status_.value_or(ARES_ENODATA)) + "; check the name"));
}

void NameLookup::reactor_destroyed() noexcept {
    stop();
    promise_.errback(NameNotFound("cannot find an address for \"" + where_.host + "\": the reactor was destroyed"));
}

/// Ends everything but the Promise.
void NameLookup::stop() noexcept {
    if (std::exchange(over_, true)) return;
    timer_.cancel();
    if (channel_ != nullptr) ares_destroy(std::exchange(channel_, nullptr));
    sockets_.clear();
    ListHook<ResourceTag>::unlink();
    core_.destroy_later(std::unique_ptr<Doomed>(this));
}

}  // namespace
}  // namespace detail

Deferred<std::vector<Address>> resolve(Reactor& reactor, HostPort where) {
    if (Address numeric{where.host, where.port}; detail::to_socket_address(numeric))
        return Deferred<std::vector<Address>>::succeed({std::move(numeric)});
    if (reactor.core().closing())
        return fail<std::vector<Address>>(
            NameNotFound("cannot find an address for \"" + where.host + "\": the reactor is being destroyed"));
    return detail::NameLookup::start(reactor.core(), std::move(where));
}

}  // namespace plait

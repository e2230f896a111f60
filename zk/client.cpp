#include "plait/zk/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/zk/detail/ensemble.hpp"
#include "plait/zk/session.hpp"

namespace plait::zk {

using detail::Call;
using detail::Reply;
using detail::WatchKind;
using proto::Op;

// ---- state handlers

struct StateSubscription::Handler {
    UniqueFunction<void(KeeperState)> function;
    bool active = true;
    bool running = false;

    void call(KeeperState state) {
        if (!active) return;
        running = true;
        try {
            function(state);
        } catch (...) {
            report_unhandled_failure(Failure::current());
        }
        running = false;
        if (!active) function.reset();
    }

    void take_back() noexcept {
        active = false;
        if (!running) function.reset();
    }
};

StateSubscription& StateSubscription::operator=(StateSubscription&& other) noexcept {
    if (this == &other) return *this;
    if (handler_ != nullptr) handler_->take_back();
    handler_ = std::move(other.handler_);
    return *this;
}

StateSubscription::~StateSubscription() {
    if (handler_ != nullptr) handler_->take_back();
}

// ---- the client's parts: a session, its links, and who waits for them

class Client::Impl final : public SessionHost, public detail::EnsembleEvents {
public:
    Impl(Clock& time, std::shared_ptr<Connector> connector, ConnectString servers, const ClientOptions& chosen)
        : clock(time),
          options(chosen),
          session(time, *this, session_settings(chosen), Chroot(std::move(servers.chroot))),
          ensemble(time, std::move(connector), servers.hosts, ensemble_settings(chosen, servers.hosts.size()), *this) {}

    Deferred<> connect() {
        if (is_connected(session.state())) return succeed();
        if (session.state() == KeeperState::closing) return fail<>(Closed("connect"));
        if (is_terminal(session.state())) return fail<>(ending());
        auto pair = make_deferred<>();
        std::erase_if(connecting, [](const auto& promise) { return !promise.wanted(); });
        connecting.push_back(std::move(pair.promise));
        if (session.state() == KeeperState::idle) begin();
        return std::move(pair.deferred);
    }

    Deferred<> close() {
        if (stopped) return succeed();
        auto pair = make_deferred<>();
        closing.push_back(std::move(pair.promise));
        session.close();
        return std::move(pair.deferred);
    }

    /// The Client goes; this object stays until the end of the turn.
    void abandon() {
        for (const auto& handler : std::exchange(handlers, {}))
            handler->take_back();
        deadline.cancel();
        session.abandon("the client was destroyed");
        ensemble.abandon();
        stopped = true;
        fail_connecting();
        fire(closing);
    }

    // SessionHost
    void write(std::span<const Bytes> frames) override { ensemble.write(frames); }
    void drop_link(std::string_view reason) override { ensemble.drop(reason); }
    void state_changed(KeeperState state) override;

    // EnsembleEvents
    void link_made() override { session.link_made(); }
    void link_received(const Bytes& data) override { session.received(data); }
    void link_lost(const std::string& reason) override { session.link_lost(reason); }
    void link_stopped() override {
        stopped = true;
        fire(closing);
    }

    std::string_view server_path(std::string_view path, bool sequential = false) {
        return session.chroot().to_server(path, room, sequential);
    }

    Clock& clock;
    const ClientOptions options;
    Session session;
    detail::Ensemble ensemble;
    std::vector<std::shared_ptr<StateSubscription::Handler>> handlers;

    static SessionSettings session_settings(const ClientOptions& options) {
        SessionSettings settings;
        settings.timeout = options.session_timeout;
        settings.read_only = options.read_only;
        settings.max_queued = options.max_queued;
        settings.max_queued_bytes = options.max_queued_bytes;
        settings.max_reply = options.max_reply;
        settings.request_timeout = options.request_timeout;
        settings.close_timeout = options.close_timeout;
        return settings;
    }

    /// Each server gets its share of the session's time, so that all can be tried before it is over.
    static detail::EnsembleSettings ensemble_settings(const ClientOptions& options, std::size_t hosts) {
        detail::EnsembleSettings settings;
        settings.shuffle_hosts = options.shuffle_hosts;
        settings.retry_delay = options.retry_delay;
        settings.max_retry_delay = options.max_retry_delay;
        settings.farewell = options.close_timeout;
        const auto share = options.session_timeout / static_cast<Duration::rep>(std::max<std::size_t>(hosts, 1));
        settings.attempt_timeout = std::max<Duration>(share, std::chrono::seconds(1));
        return settings;
    }

    void begin() {
        deadline = clock.call_later(options.connect_timeout, [this] {
            const auto limit = std::chrono::duration<double>(options.connect_timeout).count();
            unreachable = fmt::format("tried for {:.1f} s: {}", limit, ensemble.failures());
            session.abandon(unreachable);
        });
        session.start();
        ensemble.start();
    }

    Failure ending() const {
        if (!unreachable.empty()) return make_error(Code::connect_timeout, "connect", {}, unreachable);
        switch (session.state()) {
            case KeeperState::expired:
                return make_error(Code::session_expired, "connect");
            case KeeperState::auth_failed:
                return make_error(Code::auth_failed, "connect");
            default:
                return make_error(Code::closed, "connect");
        }
    }

    void fail_connecting() {
        while (!connecting.empty())
            take_first(connecting).errback(ending());
    }

    /// One by one: a callback that destroys the client is to find the others still there.
    static void fire(std::deque<Promise<>>& promises) {
        while (!promises.empty())
            take_first(promises).callback();
    }
    static Promise<> take_first(std::deque<Promise<>>& promises) {
        auto promise = std::move(promises.front());
        promises.pop_front();
        return promise;
    }

    void tell_handlers(KeeperState state) {
        std::erase_if(handlers, [](const auto& handler) { return !handler->active; });
        const auto present = handlers;
        for (const auto& handler : present)
            handler->call(state);
    }

    KeeperState told = KeeperState::connecting;
    std::string room;  // for server_path
    std::string unreachable;
    DelayedCall deadline;
    std::deque<Promise<>> connecting, closing;
    bool stopped = false;
};

void Client::Impl::state_changed(KeeperState state) {
    if (is_connected(state)) {
        deadline.cancel();
        ensemble.accepted();
    }
    if (is_terminal(state)) {
        deadline.cancel();
        ensemble.stop(options.close_timeout);
    }
    if (state == KeeperState::closing || std::exchange(told, state) == state) return;
    tell_handlers(state);
    if (is_connected(state)) {
        fire(connecting);
    } else if (is_terminal(state)) {
        fail_connecting();
    }
}

// ---- replies to values

namespace {

template <typename T>
Watched<T> watch(Reply& reply, WatchKind kind, T value) {
    auto pair = make_deferred<WatchEvent>();
    reply.watches.add(kind, reply.path, std::move(pair.promise));
    return {std::move(value), std::move(pair.deferred)};
}

std::string read_path(Reply& reply) {
    return std::string(reply.chroot.to_client(reply.body.string()));
}
Unit read_nothing(Reply&) {
    return {};
}
Node read_node(Reply& reply) {
    return proto::read_node(reply.body);
}
Stat read_stat(Reply& reply) {
    return proto::read_stat(reply.body);
}
std::vector<std::string> read_children(Reply& reply) {
    return proto::read_strings(reply.body);
}

std::optional<Stat> read_if_exists(Reply& reply) {
    if (reply.code == Code::no_node) return std::nullopt;
    return proto::read_stat(reply.body);
}

Watched<Node> read_watched_node(Reply& reply) {
    return watch(reply, WatchKind::data, read_node(reply));
}

Watched<std::vector<std::string>> read_watched_children(Reply& reply) {
    return watch(reply, WatchKind::child, read_children(reply));
}

Watched<std::optional<Stat>> read_watched_if_exists(Reply& reply) {
    auto stat = read_if_exists(reply);
    return watch(reply, stat ? WatchKind::data : WatchKind::exist, stat);
}

/// Null unless the path is wrong: then why, as the Deferred to return.
std::optional<Failure> wrong(Op op, std::string_view path, bool sequential = false) {
    const auto problem = path_problem(path, sequential);
    if (problem.empty()) return std::nullopt;
    return make_error(Code::bad_arguments, proto::to_string(op), path, fmt::format("the path {}", problem));
}

template <typename T, auto Read, bool NoNodeIsAnAnswer = false, typename Request>
Deferred<T> call(Session& session, const Request& request) {
    auto pair = make_deferred<T>();
    session.submit(request, Call::of<Read, NoNodeIsAnAnswer>(std::move(pair.promise)));
    return std::move(pair.deferred);
}

}  // namespace

// ---- the calls

Client::Client(Reactor& reactor, std::string_view servers, ClientOptions options)
    : Client(reactor, make_tcp_connector(reactor), servers, options) {}

Client::Client(Clock& clock, std::shared_ptr<Connector> connector, std::string_view servers, ClientOptions options)
    : impl_(std::make_shared<Impl>(clock, std::move(connector), ConnectString::parse(servers), options)) {}

Client::~Client() {
    impl_->abandon();
    auto& clock = impl_->clock;
    clock.call_later(Duration::zero(), [last = std::move(impl_)] {}).detach();
}

Deferred<> Client::connect() {
    return impl_->connect();
}
Deferred<> Client::close() {
    return impl_->close();
}

Deferred<std::string> Client::create(std::string_view path, DataView data, CreateMode mode, const AclList& acl) {
    const auto op = proto::create_op(mode);
    if (auto failure = wrong(op, path, is_sequential(mode))) return fail<std::string>(std::move(*failure));
    if (has_ttl(mode)) return fail<std::string>(BadArguments("create", path, "this mode needs create_with_ttl()"));
    const auto at = impl_->server_path(path, is_sequential(mode));
    return call<std::string, read_path>(impl_->session, proto::CreateRequest{op, at, data, &acl, mode});
}

Deferred<std::string> Client::create_with_ttl(std::string_view path, DataView data,
                                              std::chrono::milliseconds time_to_live, CreateMode mode,
                                              const AclList& acl) {
    constexpr std::int64_t longest = 0xffffffffff;
    if (auto failure = wrong(Op::create_ttl, path, is_sequential(mode))) return fail<std::string>(std::move(*failure));
    if (!has_ttl(mode)) return fail<std::string>(BadArguments("create", path, "the mode has no time to live"));
    const std::int64_t ttl = time_to_live.count();
    if (ttl < 1 || ttl > longest) {
        return fail<std::string>(BadArguments(
            "create", path, fmt::format("the time to live is {} ms; it must be from 1 to {}", ttl, longest)));
    }
    const auto at = impl_->server_path(path, is_sequential(mode));
    return call<std::string, read_path>(impl_->session,
                                        proto::CreateRequest{Op::create_ttl, at, data, &acl, mode, ttl});
}

Deferred<Node> Client::get(std::string_view path) {
    if (auto failure = wrong(Op::get_data, path)) return fail<Node>(std::move(*failure));
    return call<Node, read_node>(impl_->session, proto::PathRequest{Op::get_data, impl_->server_path(path)});
}

Deferred<Watched<Node>> Client::get_and_watch(std::string_view path) {
    if (auto failure = wrong(Op::get_data, path)) return fail<Watched<Node>>(std::move(*failure));
    return call<Watched<Node>, read_watched_node>(impl_->session,
                                                  proto::PathRequest{Op::get_data, impl_->server_path(path), true});
}

Deferred<Stat> Client::set(std::string_view path, DataView data, std::int32_t version) {
    if (auto failure = wrong(Op::set_data, path)) return fail<Stat>(std::move(*failure));
    return call<Stat, read_stat>(impl_->session, proto::SetRequest{impl_->server_path(path), data, version});
}

Deferred<std::optional<Stat>> Client::exists(std::string_view path) {
    if (auto failure = wrong(Op::exists, path)) return fail<std::optional<Stat>>(std::move(*failure));
    return call<std::optional<Stat>, read_if_exists, true>(impl_->session,
                                                           proto::PathRequest{Op::exists, impl_->server_path(path)});
}

Deferred<Watched<std::optional<Stat>>> Client::exists_and_watch(std::string_view path) {
    using Value = Watched<std::optional<Stat>>;
    if (auto failure = wrong(Op::exists, path)) return fail<Value>(std::move(*failure));
    return call<Value, read_watched_if_exists, true>(impl_->session,
                                                     proto::PathRequest{Op::exists, impl_->server_path(path), true});
}

Deferred<std::vector<std::string>> Client::get_children(std::string_view path) {
    using Value = std::vector<std::string>;
    if (auto failure = wrong(Op::get_children2, path)) return fail<Value>(std::move(*failure));
    return call<Value, read_children>(impl_->session, proto::PathRequest{Op::get_children2, impl_->server_path(path)});
}

Deferred<Watched<std::vector<std::string>>> Client::get_children_and_watch(std::string_view path) {
    using Value = Watched<std::vector<std::string>>;
    if (auto failure = wrong(Op::get_children2, path)) return fail<Value>(std::move(*failure));
    return call<Value, read_watched_children>(impl_->session,
                                              proto::PathRequest{Op::get_children2, impl_->server_path(path), true});
}

Deferred<> Client::remove(std::string_view path, std::int32_t version) {
    if (auto failure = wrong(Op::remove, path)) return fail<>(std::move(*failure));
    return call<Unit, read_nothing>(impl_->session, proto::RemoveRequest{impl_->server_path(path), version});
}

Deferred<> Client::sync(std::string_view path) {
    if (auto failure = wrong(Op::sync, path)) return fail<>(std::move(*failure));
    return call<Unit, read_nothing>(impl_->session, proto::PathRequest{Op::sync, impl_->server_path(path)});
}

StateSubscription Client::on_state(UniqueFunction<void(KeeperState)> handler) {
    auto added = std::make_shared<StateSubscription::Handler>();
    added->function = std::move(handler);
    std::erase_if(impl_->handlers, [](const auto& held) { return !held->active; });
    impl_->handlers.push_back(added);
    return StateSubscription(std::move(added));
}

KeeperState Client::state() const noexcept {
    return impl_->session.state();
}
std::int64_t Client::session_id() const noexcept {
    return impl_->session.id();
}
Duration Client::session_timeout() const noexcept {
    return impl_->session.timeout();
}
std::string Client::server() const {
    return impl_->ensemble.server();
}

}  // namespace plait::zk

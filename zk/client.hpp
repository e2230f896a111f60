// Client: ZooKeeper for a reactor program. Every call returns a Deferred; nothing blocks.
// Not the wire protocol (proto/) and not the session's rules (session.hpp), which it stands on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/connector.hpp"
#include "plait/zk/connect_string.hpp"
#include "plait/zk/error.hpp"
#include "plait/zk/types.hpp"
#include "plait/zk/watched.hpp"

namespace plait {
class Reactor;
}

namespace plait::zk {

struct ClientOptions {
    /// How long the server keeps our session, its ephemeral nodes and watches while it hears nothing from us. The
    /// server keeps it within limits of its own (2 to 20 of its ticks).
    Duration session_timeout = std::chrono::seconds(10);

    /// How long `connect()` keeps trying.
    Duration connect_timeout = std::chrono::seconds(15);

    /// A call unanswered for so long fails with OperationTimeout. Zero, the default: a dead server is noticed by its
    /// silence (2/3 of the session's time-out), calls made while none can be reached wait until the session ends.
    /// For one call: `with_timeout(reactor, zk.get(path), 2s, "reading the configuration")`.
    Duration request_timeout{0};

    /// How long `close()` waits for the server.
    Duration close_timeout = std::chrono::seconds(2);

    /// Ask the servers in an order of this client's own, so that many clients spread over them. False: as given.
    bool shuffle_hosts = true;

    /// Accept a server that is cut off from its quorum: reads work and may be old, writes fail with NotReadOnly.
    bool read_only = false;

    /// The wait after a round through all servers in which none answered: the first of these, then twice as much after
    /// each round, up to the second; shortened at random by up to half.
    Duration retry_delay = std::chrono::milliseconds(100);
    Duration max_retry_delay = std::chrono::seconds(5);

    /// Calls without an answer yet, and the bytes of their requests; more fail with QueueFull. A request that is longer
    /// than the second by itself fails with BadArguments.
    std::size_t max_queued = 100'000;
    std::size_t max_queued_bytes = 64 * 1024 * 1024;
    /// The longest answer taken; the connection is dropped on a longer one.
    std::size_t max_reply = 64 * 1024 * 1024;
};

/// A state handler's registration. Destroying it takes the handler back; allowed inside the handler.
class [[nodiscard]] StateSubscription {
public:
    StateSubscription() noexcept = default;
    StateSubscription(StateSubscription&&) noexcept = default;
    StateSubscription& operator=(StateSubscription&& other) noexcept;
    ~StateSubscription();

private:
    friend class Client;
    struct Handler;
    explicit StateSubscription(std::shared_ptr<Handler> handler) noexcept : handler_(std::move(handler)) {}

    std::shared_ptr<Handler> handler_;
};

/// One session with a ZooKeeper ensemble.
///
///     zk::Client zk(reactor, "zk1:2181,zk2:2181/app");
///     co_await zk.connect();
///     auto path = co_await zk.create("/jobs/job-", "payload", zk::CreateMode::ephemeral_sequential);
///     auto [node, changed] = co_await zk.get_and_watch("/config");
///     co_await zk.close();
///
/// The connection is looked after: pinged when idle, given up after 2/3 of the session's time-out in silence, replaced
/// by one to the next server. The session, its ephemeral nodes and its watches outlive that. When the session itself
/// ends (`expired`, `auth_failed`, `closed`) so does the client: make another.
///
/// Order:  requests are executed and answered in the order of the calls; everything called in one turn of the reactor
///         leaves in one system call. A watch fires before the answer to any read that shows its change.
/// Fails:  every call: with BadArguments for a path ZooKeeper does not take, before anything is sent; with
///         ConnectionLoss if the connection broke while it was in flight, in order (a write may have been done); with
///         QueueFull; with Closed, SessionExpired or AuthFailed once that is the client's state. Calls made while
///         there is no connection wait for one. Further classes are named at each call; all of them are in error.hpp.
/// Cancel: dropping or cancelling a call's Deferred discards its answer. A request that waits for a connection is then
///         not sent; with a connection it is under way from the call on.
/// Paths:  absolute, below the chroot if the connect string has one; what comes back has the chroot taken off.
/// Lifetime: must not outlive its reactor or clock. The destructor closes at once: it tells the server to end the
///         session, without waiting, and fails what is unanswered with Closed before it returns. State handlers are
///         not called, and nothing is afterwards. What it wrote has ClientOptions::close_timeout to leave; then the
///         connection is aborted. Allowed from inside any callback.
/// Threads: the reactor's.
class Client {
public:
    /// Fails: throws BadArguments if the connect string is wrong; see connect_string.hpp for its form.
    Client(Reactor& reactor, std::string_view servers, ClientOptions options = {});

    /// On any clock and network: those of the test kit, for one.
    Client(Clock& clock, std::shared_ptr<Connector> connector, std::string_view servers, ClientOptions options = {});

    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    /// Begins the session. Called again, it waits for the same.
    ///
    /// Fires:  when connected.
    /// Fails:  with ConnectTimeout after ClientOptions::connect_timeout, naming each server tried and why it failed;
    ///         the client is then closed. With Closed, SessionExpired or AuthFailed if it has ended.
    /// Cancel: only stops waiting; the client goes on trying until it is closed or destroyed.
    Deferred<> connect();

    /// Ends the session: ephemeral nodes go, other clients see it at once. Calls made before it are carried out first,
    /// calls made after it fail with Closed, as do watches. Called again, it waits for the same.
    ///
    /// Without a connection there is nobody to tell: calls that wait for one fail with Closed in the next turn, and the
    /// server ends the session by its time-out.
    ///
    /// Fires:  when the server has answered or ClientOptions::close_timeout is over, and the connection is gone, for
    ///         which a server that reads nothing has the same time once more. Never fails. No callback of this client
    ///         runs after that.
    /// Cancel: only stops waiting.
    Deferred<> close();

    /// Makes a node and gives its path: the real one, with the number, for sequential modes.
    /// Fails: NodeExists; NoNode if the parent is missing; NoChildrenForEphemerals; InvalidAcl; NoAuth.
    Deferred<std::string> create(std::string_view path, DataView data = "", CreateMode mode = CreateMode::persistent,
                                 const AclList& acl = open_acl_unsafe());

    /// Makes a node that the server removes when it was not changed for `time_to_live` and has no children.
    /// Fails: as create; BadArguments unless 1 ms to about 34 years; Unimplemented if the server has no TTL nodes
    /// enabled.
    Deferred<std::string> create_with_ttl(std::string_view path, DataView data, std::chrono::milliseconds time_to_live,
                                          CreateMode mode = CreateMode::persistent_with_ttl,
                                          const AclList& acl = open_acl_unsafe());

    /// Fails: NoNode, NoAuth.
    Deferred<Node> get(std::string_view path);
    Deferred<Watched<Node>> get_and_watch(std::string_view path);

    /// Replaces a node's data if it has this version.
    /// Fails: NoNode, BadVersion, NoAuth.
    Deferred<Stat> set(std::string_view path, DataView data, std::int32_t version = any_version);

    /// Nothing if there is no such node.
    Deferred<std::optional<Stat>> exists(std::string_view path);
    /// The watch also sees the node being made.
    Deferred<Watched<std::optional<Stat>>> exists_and_watch(std::string_view path);

    /// The names of a node's children, without its path, in no order.
    /// Fails: NoNode, NoAuth.
    Deferred<std::vector<std::string>> get_children(std::string_view path);
    /// The watch sees children come and go, and the node itself removed; not what changes inside children.
    Deferred<Watched<std::vector<std::string>>> get_children_and_watch(std::string_view path);

    /// Removes a node (the server's `delete`) if it has this version.
    /// Fails: NoNode, BadVersion, NotEmpty, NoAuth.
    Deferred<> remove(std::string_view path, std::int32_t version = any_version);

    /// Fires when the server we are connected to has caught up with all that was done before: call it, then read.
    Deferred<> sync(std::string_view path = "/");

    /// Calls `handler` with each new state: connected, connecting (the connection was lost), and the terminal ones. Not
    /// for the beginning of connect() and close(), which are your own doing. On a loss it comes before the calls in
    /// flight fail, on a terminal state before all that waits fails. What it throws is reported as an unhandled
    /// failure.
    StateSubscription on_state(UniqueFunction<void(KeeperState)> handler);

    KeeperState state() const noexcept;
    bool connected() const noexcept { return is_connected(state()); }

    /// The session's id: the `ephemeral_owner` of its ephemeral nodes. 0 before the first connection.
    std::int64_t session_id() const noexcept;

    /// The session's time-out as the server decided it.
    Duration session_timeout() const noexcept;

    /// The server connected to, "zk1:2181", as the connect string names it; empty when there is none.
    std::string server() const;

private:
    class Impl;
    // Shared with the clock for one turn after the destructor: a callback of ours may be what destroyed us.
    std::shared_ptr<Impl> impl_;
};

}  // namespace plait::zk

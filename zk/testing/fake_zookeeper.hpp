// FakeZooKeeper: a ZooKeeper server inside the test program, for what a real one cannot be made to do on request: break
// the connection here, stall there, expire now. Also fast: benchmarks of clients use it.
// Not for production, and not a quorum: one server, in memory, without ACLs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/zk/error.hpp"
#include "plait/zk/proto/records.hpp"

namespace plait::zk::testing {

struct FakeOptions {
    /// Sessions get what they ask for, within these.
    Duration min_session_timeout = std::chrono::milliseconds(1);
    Duration max_session_timeout = std::chrono::hours(1);
};

/// A server to connect clients to, over TCP or in memory:
///
///     zk::testing::FakeZooKeeper fake(reactor);
///     auto port = listen_tcp(reactor, {"127.0.0.1", 0}, fake.factory());
///     zk::Client client(reactor, port->address().str());
///
///     network.listen({"zk1", 2181}, fake.factory());     // MemoryNetwork, with a ManualClock
///
/// Speaks: create in all modes (containers and TTL nodes stay until removed), remove, exists, get, set, get_children,
/// sync, ping, one-shot watches with set_watches, close; sessions that are taken up again. Anything else is answered
/// with Unimplemented. A session expires when it was without a connection for its time-out; unlike the real one this
/// server does not mind a connection that is silent.
///
/// The destructor breaks all connections. Lifetime: the clock outlives it.
class FakeZooKeeper {
public:
    explicit FakeZooKeeper(Clock& clock, FakeOptions options = {});
    FakeZooKeeper(const FakeZooKeeper&) = delete;
    FakeZooKeeper& operator=(const FakeZooKeeper&) = delete;
    ~FakeZooKeeper();

    /// What to listen with, on as many ports as you like: they are one server.
    std::shared_ptr<Factory> factory();

    // ---- the tree, from the test's side. Watches fire.

    /// Sets the node's data, making it and its parents as needed.
    void put(std::string_view path, std::string_view data);
    /// Removes the node and what is below it.
    void erase(std::string_view path);
    /// The node's data; nothing if there is none.
    std::optional<std::string> data(std::string_view path) const;

    // ---- trouble

    /// Breaks every connection. Sessions go on.
    void break_connections();

    /// Closes new connections before they have said anything.
    void refuse_sessions(bool refuse);

    /// Answers nothing, though it goes on reading; false: answers what was asked meanwhile.
    void stall(bool stalled);

    /// Tells nobody what changes, while it answers everything else: events that a connection is about to lose.
    void withhold_events(bool withhold);

    /// Sends these bytes, whatever they are, on every connection.
    void send_raw(std::string_view bytes);

    /// Ends every session: ephemeral nodes go, connections break, and a client that comes back is told so.
    void expire_sessions();

    /// Answers the next request of this kind with `code`, without doing it.
    void fail_next(proto::Op op, Code code);

    /// Breaks the connection on the next request of this kind: after doing it, or without.
    void break_on_next(proto::Op op, bool after_doing_it);

    /// New sessions are read-only; with `sessions` false they are refused as read-only servers without local sessions
    /// do.
    void set_read_only(bool read_only, bool sessions = true);

    // ---- what happened

    /// Connections that have a session.
    std::size_t connections() const noexcept;
    std::size_t sessions() const noexcept;
    /// The requests received so far, pings included, hellos not.
    const std::vector<proto::Op>& requests() const noexcept;
    /// Remembers requests (the default) or not: for benchmarks.
    void remember_requests(bool remember);

private:
    class Server;
    class Connection;
    std::shared_ptr<Server> server_;
};

}  // namespace plait::zk::testing

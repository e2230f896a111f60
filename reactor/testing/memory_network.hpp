// MemoryNetwork: hosts, ports and connections in memory, for tests of clients and servers together, without sockets.
// Nothing moves but when `pump()` or `flush()` says so, so every interleaving can be tried.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plait/deferred/failure.hpp"
#include "plait/reactor/connector.hpp"
#include "plait/reactor/protocol.hpp"
#include "plait/reactor/testing/fault_plan.hpp"

namespace plait::testing {

/// A network of named hosts that lives in one test.
///
///     MemoryNetwork network;
///     network.listen({"zk1", 2181}, server_factory);
///     zk::Client client(clock, network.connector(), "zk1:2181");
///     network.flush();                                  // carries bytes both ways until nothing moves
///
/// Destroying it breaks every connection (ConnectionAborted).
/// Source: MemoryReactor and iosim of Twisted.
class MemoryNetwork {
public:
    MemoryNetwork();
    MemoryNetwork(const MemoryNetwork&) = delete;
    MemoryNetwork& operator=(const MemoryNetwork&) = delete;
    ~MemoryNetwork();

    /// From now on connections to `where` are accepted, also if they were before; `close_port` refuses them again.
    /// As ports do, both tell the factory: start_factory(), stop_factory().
    /// Throws CannotListen after set_listening_refused(), and what start_factory() throws.
    void listen(const HostPort& where, std::shared_ptr<Factory> factory);
    void close_port(const HostPort& where);

    /// Connections to `where` are neither accepted nor refused: they stay pending until this is undone.
    void set_unresponsive(const HostPort& where, bool unresponsive);

    /// Attempts to connect to `where` fail with `why`: a name that is not known, no route. Until allowed again.
    void refuse_connections(const HostPort& where, const Failure& why);
    void allow_connections(const HostPort& where);

    /// Listening on `where` throws CannotListen from now on, as if somebody else did.
    void set_listening_refused(const HostPort& where, bool refused);

    /// Opens connections on this network. A connection is made, or refused, by the next pump.
    std::shared_ptr<Connector> connector();

    /// Carries what is under way one step: connects, bytes (at most `bytes_per_step` a direction, if set), ends.
    /// Returns whether anything moved.
    bool pump();

    /// Pumps until nothing moves. Throws std::runtime_error after `limit` steps: two protocols that never stop talking.
    void flush(int limit = 10'000);

    /// Cuts bytes carried in one step, to try every split: 1 is byte by byte. 0, the default, carries all.
    void set_bytes_per_step(std::size_t bytes);

    /// What the time-outs of connections made from now on are measured by (Transport::set_idle_timeout); without, they
    /// never pass. It outlives the network. A MemoryReactor sees to it.
    void set_clock(Clock& clock);

    /// Connections made from now on have these faults; each with a seed of its own, counted up from the plan's.
    void set_faults(const FaultPlan& plan);

    /// Breaks every connection to `where`: both ends see ConnectionLost.
    void break_connections(const HostPort& where);

    /// Connections open now, and connection attempts made so far.
    std::size_t open_connections() const noexcept;
    std::size_t attempts() const noexcept;

    /// What is open or under way, a line each: "a connection to zk1:2181", "an attempt to connect to zk2:2181".
    std::vector<std::string> describe() const;

    /// Where somebody listens; and where somebody tried to connect to, in order: the last ten thousand.
    std::vector<HostPort> listening() const;
    std::vector<HostPort> attempted() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace plait::testing

// ClientService: keeps one connection up: connects, connects again after failures and losses, with growing delays.
// Not a pool, and no queue of requests: whoever wants the connection asks when_connected().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "plait/deferred/backoff.hpp"
#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/reactor/endpoint.hpp"
#include "plait/reactor/protocol.hpp"

namespace plait {

struct ClientServiceOptions {
    /// Delays between attempts, and before the first one after a loss.
    BackoffPolicy backoff{
        .initial = std::chrono::seconds(1), .factor = 1.5, .cap = std::chrono::seconds(60), .jitter = 0.25};

    /// Instead of `backoff`: the delay after so many failures in a row, 1 at first. Less than zero counts as zero; when
    /// it throws, that is reported as unhandled and `backoff` is used.
    std::function<Duration(std::uint32_t failures)> delay{};

    /// A connection has to stand for so long before failures are forgotten. Zero: being connected is enough. More keeps
    /// a server that accepts and closes at once from being called on at the shortest delay.
    Duration steady_after{};

    /// Called with each new connection before anybody gets it: to log in, for example. While what it returns is
    /// pending, the service is still connecting; when that fails, or this throws, the connection is aborted and the
    /// attempt has failed.
    std::function<Deferred<>(Protocol&)> prepare_connection{};

    /// stop() gives the connection so long to end in good order; then it is aborted. Zero: no end to its patience.
    Duration abort_after = std::chrono::seconds(10);
};

/// A connection that is wanted for as long as the service runs.
///
///     ClientService service(reactor, client_from_string(reactor, "tcp:db.example:4000"), factory);
///     service.start();
///     auto protocol = co_await service.when_connected(3);   // fails when three attempts have failed
///     co_await service.stop();
///
///     init           start() ──> connecting
///     connecting     made ──> connected       failed ──> waiting      stop() ──> stopped
///     connected      lost ──> waiting                                 stop() ──> disconnecting
///     waiting        delay over ──> connecting                        stop() ──> stopped
///     disconnecting  lost ──> stopped         start() ──> restarting
///     restarting     lost ──> connecting      stop() ──> disconnecting
///     stopped        start() ──> connecting
///
/// What the factory builds is a protocol of the user's; the service only watches for its end, with
/// Protocol::observe_loss(). When it throws, the attempt has failed. Its start_factory() and stop_factory() are for
/// ports, and not called.
///
/// Lifetime: destroying it ends attempts, closes the connection in good order without waiting, and fails what waits
///           with Destroyed. Allowed inside anything it calls. The clock outlives it.
/// Threads:  the clock's.
/// Source:   ClientService of Twisted.
class ClientService {
public:
    enum class State { init, connecting, waiting, connected, disconnecting, restarting, stopped };

    /// Throws UsageError for a backoff policy that makes no sense.
    ClientService(Clock& clock, std::shared_ptr<ClientEndpoint> endpoint, std::shared_ptr<Factory> factory,
                  ClientServiceOptions options = {});
    ClientService(const ClientService&) = delete;
    ClientService& operator=(const ClientService&) = delete;
    ~ClientService();

    /// Connects, and stays connected from now on. Does nothing when it was started already.
    void start();

    /// Ends it: an attempt is cancelled, a connection closed, what waits for one fails with Cancelled.
    /// Fires:  when the connection is lost; ready if there is none. May be asked for any number of times.
    /// Fails:  with Destroyed, as all that waits for this.
    /// Cancel: only that waiter is forgotten.
    Deferred<> stop();

    /// The connection, as soon as there is one.
    /// Fires:  with the protocol; ready when connected.
    /// Fails:  with the last failure once `fail_after_failures` attempts have failed from now on; with Cancelled when
    ///         the service is, or gets, stopped. Throws UsageError for `fail_after_failures` of 0.
    /// Cancel: the service goes on.
    Deferred<std::shared_ptr<Protocol>> when_connected(std::optional<std::uint32_t> fail_after_failures = std::nullopt);

    State state() const noexcept;

    /// Attempts and connections that have failed in a row: what the delay depends on.
    std::uint32_t failures() const noexcept;

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

/// "waiting"
const char* name_of(ClientService::State state) noexcept;

}  // namespace plait

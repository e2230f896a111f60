// Names: asynchronous look-up of hosts and services, by the reactor's Resolver, and the default one, with c-ares: hosts
// file, search domains, DNS. No threads, and no memory: each look-up asks again.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/resolver.hpp"

namespace plait {

/// The addresses of a host, in the order to be tried: those that this machine has a route to first, IPv6 before IPv4,
/// and else as the server gave them. Numeric hosts need no look-up. connect_tcp() does better: it uses each address as
/// it comes.
///
/// Fires:  with at least one address, each with the port asked for; never before this has returned, but a numeric host
///         is ready at once.
/// Fails:  with a NameError, quoting the name and the reason: NameNotFound, NameServerFailed or NameTimeout.
/// Cancel: the look-up is dropped, its sockets are closed.
Deferred<std::vector<Address>> resolve(Reactor& reactor, HostPort where, AddressFamily family = AddressFamily::any);

/// Where a service is offered, in the order to be tried (RFC 2782): by priority, and among equals by chance, the
/// heavier the more often first. `name` is "_service._protocol.domain".
///
/// Fires:  with at least one place.
/// Fails:  as resolve(); with NameNotFound when the domain says that there is none.
/// Cancel: as resolve().
Deferred<std::vector<ServiceRecord>> resolve_service(Reactor& reactor, const std::string& name);

struct NameOptions {
    /// Whom to ask; port 0 is 53. None: those that /etc/resolv.conf names.
    std::vector<Address> servers{};
    /// How long to wait for an answer the first time, longer each time after that, and how often each server is asked.
    /// Unset: as /etc/resolv.conf says, or 5 s and 4 times.
    std::optional<Duration> try_timeout{};
    std::optional<int> tries{};
    /// For the whole of a look-up.
    Duration timeout = std::chrono::seconds(30);
    /// Domains to add to names with fewer than `ndots` dots; names that end in a dot are never completed. Unset: as
    /// /etc/resolv.conf says. Of many, the first 8 count. One whose servers cannot answer is passed over, as one that
    /// has no such name is; servers that say nothing at all end the look-up.
    std::optional<std::vector<std::string>> search{};
    std::optional<int> ndots{};
    /// Asked first; empty for none.
    std::string hosts_file = "/etc/hosts";
    /// Never looks for addresses of the other one.
    AddressFamily family = AddressFamily::any;
};

/// The default Resolver, for those who want options of their own: install it, or ask it directly.
///
/// "localhost" and names that end in ".localhost" are never asked of a server (RFC 6761). Names with characters that no
/// host name has are not found without asking; write names beyond ASCII in their "xn--" form.
///
/// Lifetime: the reactor outlives its use. Destroying it, or the reactor, leaves no socket open; look-ups under way end
///           with the reactor, not with this.
class NameResolver final : public Resolver {
public:
    /// Throws UsageError for options that make no sense: a server that is not numeric, a time that is not above zero, a
    /// number below zero.
    explicit NameResolver(Reactor& reactor, NameOptions options = {});

    Deferred<> look_up(const std::string& host, AddressFamily family, Found found) override;
    Deferred<std::vector<ServiceRecord>> look_up_service(const std::string& name) override;

    /// The texts (TXT records) of a name, as the server gave them; search domains are tried as for hosts.
    /// Fires:  with at least one, 256 at most, the parts of each put together.
    /// Fails:  as resolve(). Cancel: as resolve().
    Deferred<std::vector<std::string>> look_up_texts(const std::string& name);

    /// The name of a numeric address (its PTR record); of several, the first. The hosts file is not asked.
    /// Fails:  as resolve(); at once with NameNotFound when `ip` is not numeric. Cancel: as resolve().
    Deferred<std::string> look_up_name(const std::string& ip);

private:
    Reactor& reactor_;
    std::shared_ptr<const NameOptions> options_;
};

}  // namespace plait

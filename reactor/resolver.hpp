// Resolver: what looks names up for a reactor. The seam behind resolve(), connect_tcp() and endpoints: c-ares by
// default, names of a test's own in tests. The default one, with its options: NameResolver in names.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait {

/// One place where a service is offered (an SRV record).
struct ServiceRecord {
    std::string host;
    std::uint16_t port = 0;
    std::uint16_t priority = 0;  ///< the lowest is to be tried first
    std::uint16_t weight = 0;    ///< among equals, how often to be tried first
};

/// Looks names up. Derive from it to answer them yourself.
///
/// Source: IReactorPluggableNameResolver of Twisted.
class Resolver {
public:
    /// Numeric addresses, without a port.
    using Found = UniqueFunction<void(std::vector<std::string> ips)>;

    virtual ~Resolver() = default;

    /// Finds the addresses of `host`, which is not numeric.
    ///
    /// Calls `found` with some of them as soon as they are known, any number of times, also before this has returned;
    /// never after its Deferred was dropped.
    /// Fires:  after the last of them, if there was one.
    /// Fails:  with NameNotFound, NameServerFailed or NameTimeout. May have failed already when it is returned.
    /// Cancel: nobody is told any more, sockets are closed.
    virtual Deferred<> look_up(const std::string& host, AddressFamily family, Found found) = 0;

    /// The places that offer a service, such as "_ldap._tcp.example.org", in any order, at least one.
    /// Fails:  as look_up(). Cancel: as look_up().
    virtual Deferred<std::vector<ServiceRecord>> look_up_service(const std::string& name) = 0;
};

/// Has `reactor` look names up with `resolver` from now on; null for the default. Returns the one before. Look-ups
/// under way end as they began. Source: installNameResolver of Twisted.
std::shared_ptr<Resolver> install_resolver(Reactor& reactor, std::shared_ptr<Resolver> resolver);

/// The one that `reactor` looks names up with.
std::shared_ptr<Resolver> resolver_of(Reactor& reactor);

}  // namespace plait

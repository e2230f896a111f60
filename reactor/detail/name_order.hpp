// In which order what was found is tried: addresses by reach and family, services by priority and weight.
#pragma once

#include <vector>

#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/resolver.hpp"

namespace plait::detail {

/// Those that this machine has a route to first, then IPv6 before IPv4; equals keep their order. Sends nothing.
void order_addresses(std::vector<Address>& addresses);

/// RFC 2782. `random(n)` gives a number from 0 to n.
void order_services(std::vector<ServiceRecord>& services, UniqueFunction<std::uint32_t(std::uint32_t)> random);

/// A random number from 0 to `most`.
std::uint32_t random_up_to(std::uint32_t most);

}  // namespace plait::detail

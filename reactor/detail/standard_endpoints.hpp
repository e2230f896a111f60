// The endpoint strings that every EndpointParser for a reactor knows. Not the endpoints themselves: endpoint.hpp.
#pragma once

namespace plait {
class EndpointParser;
class Reactor;
}  // namespace plait

namespace plait::detail {

void add_standard_endpoints(EndpointParser& parser, Reactor& reactor);

}  // namespace plait::detail

#include "plait/reactor/detail/standard_endpoints.hpp"

#include <limits>
#include <utility>

#include "plait/reactor/endpoint_parser.hpp"

namespace plait::detail {
namespace {

std::uint16_t port_of(EndpointArguments& arguments, std::int64_t lowest) {
    return static_cast<std::uint16_t>(arguments.needed_number("port", lowest, 65535));
}

HostPort host_and_port(EndpointArguments& arguments) {
    HostPort where;
    where.host = arguments.needed_host("host");
    where.port = port_of(arguments, 1);
    return where;
}

ConnectOptions connect_options(EndpointArguments& arguments, AddressFamily family) {
    ConnectOptions options;
    options.family = family;
    if (const auto timeout = arguments.seconds("timeout")) options.timeout = *timeout;
    if (const auto ip = arguments.ip("bind_address")) options.bind_address = Address{*ip, 0};
    return options;
}

Address listen_address(EndpointArguments& arguments, const char* everywhere) {
    const std::uint16_t port = port_of(arguments, 0);
    return {arguments.ip("interface").value_or(everywhere), port};
}

ListenOptions listen_options(EndpointArguments& arguments) {
    ListenOptions options;
    options.backlog = static_cast<int>(arguments.number("backlog", 1, 65535).value_or(options.backlog));
    options.reuse_port = arguments.flag("reuse_port").value_or(options.reuse_port);
    return options;
}

void add_tcp(EndpointParser& parser, Reactor& reactor) {
    const auto client = [&](const char* prefix, AddressFamily family) {
        parser.add_client(prefix, std::string(prefix) + ":host:port[:timeout=SECONDS][:bind_address=IP]",
                          [&reactor, family](EndpointArguments& arguments) {
                              HostPort where = host_and_port(arguments);
                              return tcp_client_endpoint(reactor, std::move(where), connect_options(arguments, family));
                          });
    };
    client("tcp", AddressFamily::any);
    client("tcp4", AddressFamily::ipv4);
    client("tcp6", AddressFamily::ipv6);
    const auto server = [&](const char* prefix, const char* everywhere) {
        parser.add_server(prefix, std::string(prefix) + ":port[:interface=IP][:backlog=N][:reuse_port=yes]",
                          [&reactor, everywhere](EndpointArguments& arguments) {
                              Address where = listen_address(arguments, everywhere);
                              return tcp_server_endpoint(reactor, std::move(where), listen_options(arguments));
                          });
    };
    server("tcp", "0.0.0.0");
    server("tcp6", "::");
}

}  // namespace

void add_standard_endpoints(EndpointParser& parser, Reactor& reactor) {
    add_tcp(parser, reactor);
}

}  // namespace plait::detail

#include "plait/reactor/detail/standard_endpoints.hpp"

#include <limits>
#include <utility>

#include "plait/deferred/maybe.hpp"
#include "plait/reactor/endpoint_parser.hpp"
#include "plait/reactor/tls.hpp"

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
                              if (arguments.prefix() == "tcp6" && where.ip.find(':') == std::string::npos)
                                  arguments.refuse("interface", "the interface must be an IPv6 address");
                              return tcp_server_endpoint(reactor, std::move(where), listen_options(arguments));
                          });
    };
    server("tcp", "0.0.0.0");
    server("tcp6", "::");
}

/// Reads the files when they are needed: a string is read without touching anything.
class LazyTlsClient final : public ClientEndpoint {
public:
    LazyTlsClient(Reactor& reactor, HostPort where, TlsOptions tls, ConnectOptions options, std::string server_name)
        : reactor_(reactor),
          where_(std::move(where)),
          tls_(std::move(tls)),
          options_(std::move(options)),
          server_name_(std::move(server_name)) {}

    Deferred<std::shared_ptr<Protocol>> connect(std::shared_ptr<Factory> factory) override {
        return maybe_deferred([&] {
            if (endpoint_ == nullptr)
                endpoint_ = tls_client_endpoint(reactor_, where_, TlsContext::client(tls_), options_, server_name_);
            return endpoint_->connect(std::move(factory));
        });
    }

private:
    Reactor& reactor_;
    HostPort where_;
    TlsOptions tls_;
    ConnectOptions options_;
    std::string server_name_;
    std::shared_ptr<ClientEndpoint> endpoint_;
};

class LazyTlsServer final : public ServerEndpoint {
public:
    LazyTlsServer(Reactor& reactor, TlsOptions tls, std::shared_ptr<ServerEndpoint> below)
        : reactor_(reactor), tls_(std::move(tls)), below_(std::move(below)) {}

    Deferred<std::unique_ptr<ListeningPort>> listen(std::shared_ptr<Factory> factory) override {
        return maybe_deferred([&] {
            if (endpoint_ == nullptr) endpoint_ = tls_server_endpoint(reactor_, TlsContext::server(tls_), below_);
            return endpoint_->listen(std::move(factory));
        });
    }

private:
    Reactor& reactor_;
    TlsOptions tls_;
    std::shared_ptr<ServerEndpoint> below_;
    std::shared_ptr<ServerEndpoint> endpoint_;
};

TlsPem file_of(const std::optional<std::string>& path) {
    return path ? TlsPem::from_file(*path) : TlsPem();
}

void add_tls(EndpointParser& parser, Reactor& reactor) {
    parser.add_client(
        "tls",
        "tls:host:port[:timeout=SECONDS][:bind_address=IP][:server_name=NAME][:ca=FILE][:certificate=FILE][:key=FILE]"
        "[:verify=no]",
        [&reactor](EndpointArguments& arguments) {
            HostPort where = host_and_port(arguments);
            TlsOptions tls;
            tls.ca = file_of(arguments.text("ca"));
            tls.certificate = file_of(arguments.text("certificate"));
            tls.key = file_of(arguments.text("key"));
            tls.verify_peer = arguments.flag("verify").value_or(true);
            return std::make_shared<LazyTlsClient>(reactor, std::move(where), std::move(tls),
                                                   connect_options(arguments, AddressFamily::any),
                                                   arguments.text("server_name").value_or(std::string()));
        });
    parser.add_server(
        "tls", "tls:port:certificate=FILE[:key=FILE][:ca=FILE][:interface=IP][:backlog=N][:reuse_port=yes]",
        [&reactor](EndpointArguments& arguments) {
            Address where = listen_address(arguments, "0.0.0.0");
            TlsOptions tls;
            tls.certificate = TlsPem::from_file(arguments.needed("certificate"));
            tls.key = file_of(arguments.text("key"));
            tls.ca = file_of(arguments.text("ca"));
            if (tls.ca.given()) tls.client_certificates = TlsClientCertificates::required;
            return std::make_shared<LazyTlsServer>(
                reactor, std::move(tls), tcp_server_endpoint(reactor, std::move(where), listen_options(arguments)));
        });
}

void add_unix(EndpointParser& parser, Reactor& reactor) {
    parser.add_client("unix", "unix:path[:timeout=SECONDS]", [&reactor](EndpointArguments& arguments) {
        std::string path = arguments.needed("path");
        UnixConnectOptions options;
        if (const auto timeout = arguments.seconds("timeout")) options.timeout = *timeout;
        return unix_client_endpoint(reactor, std::move(path), options);
    });
    parser.add_server("unix", "unix:path[:mode=OCTAL][:backlog=N][:remove_stale=no]",
                      [&reactor](EndpointArguments& arguments) {
                          std::string path = arguments.needed("path");
                          UnixListenOptions options;
                          if (const auto mode = arguments.octal("mode")) options.mode = static_cast<mode_t>(*mode);
                          if (const auto backlog = arguments.number("backlog", 1, 65535))
                              options.backlog = static_cast<int>(*backlog);
                          options.remove_stale = arguments.flag("remove_stale").value_or(options.remove_stale);
                          return unix_server_endpoint(reactor, std::move(path), options);
                      });
}

int fd_of(EndpointArguments& arguments) {
    return static_cast<int>(arguments.needed_number("number", 0, std::numeric_limits<int>::max()));
}

std::shared_ptr<ServerEndpoint> systemd_of(Reactor& reactor, EndpointArguments& arguments) {
    const auto index = arguments.number("index", 0, 1023);
    const auto name = arguments.text("name");
    if (index.has_value() == name.has_value()) arguments.refuse("name", "it needs either an index or a name");
    if (name) return systemd_server_endpoint(reactor, *name);
    return systemd_server_endpoint(reactor, static_cast<std::size_t>(*index));
}

void add_inherited(EndpointParser& parser, Reactor& reactor) {
    parser.add_client("fd", "fd:number", [&reactor](EndpointArguments& arguments) {
        return fd_client_endpoint(reactor, fd_of(arguments));
    });
    parser.add_server("fd", "fd:number", [&reactor](EndpointArguments& arguments) {
        return fd_server_endpoint(reactor, fd_of(arguments));
    });
    parser.add_server("systemd", "systemd:index=N or systemd:name=NAME",
                      [&reactor](EndpointArguments& arguments) { return systemd_of(reactor, arguments); });
    parser.add_client("stdio", "stdio:", [&reactor](EndpointArguments&) { return stdio_client_endpoint(reactor); });
    parser.add_server("stdio", "stdio:", [&reactor](EndpointArguments&) { return stdio_server_endpoint(reactor); });
}

}  // namespace

void add_standard_endpoints(EndpointParser& parser, Reactor& reactor) {
    add_tcp(parser, reactor);
    add_tls(parser, reactor);
    add_unix(parser, reactor);
    add_inherited(parser, reactor);
}

}  // namespace plait::detail
